"""How far a build is, told to whoever looks on, and the one way to stop it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from data.builder.stage import Counts
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say


class BuildStopped(KullmError):
    exit_code = 130


@dataclass(frozen=True)
class Progress:
    step: str
    source: str  # empty: all of them
    counts: Counts
    of: int | None  # rows that it will see; None where nobody knows
    note: str = ""  # what else the step has to say: characters, dollars


@dataclass(frozen=True)
class Watch:
    """Told from one thread. Stopping keeps what was done."""

    told: Callable[[Progress], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        if self.stop.is_set():
            raise BuildStopped(
                say(
                    "멈췄어요. 한 일은 남아 있어서 다시 시작하면 이어서 해요.",
                    "stopped. What was done is kept; the same command goes on from there.",
                )
            )
