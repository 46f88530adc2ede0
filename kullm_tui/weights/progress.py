"""How far a load has come, and how it is called off."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

Phase = Literal["wait", "quantize", "read"]


@dataclass(frozen=True)
class LoadProgress:
    """`done` of `total` bytes of this phase; while another process prepares the same weights the phase is `wait`."""

    phase: Phase
    done: int
    total: int


Report = Callable[[LoadProgress], None]
Cancelled = Callable[[], bool]


class LoadCancelled(KullmError):
    pass


def stop_if(cancelled: Cancelled) -> None:
    if cancelled():
        raise LoadCancelled(say("모델 불러오기를 취소했어요.", "Loading the model was cancelled."))
