"""What the training mode adds to the host: the trainings under way, and the ways to the modes where what came out is asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.host import Host

if TYPE_CHECKING:
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.ui.train.service import Trainings


class TrainHost(Host, Protocol):
    @property
    def trainings(self) -> Trainings: ...

    async def chat_with(self, model: str, adapter: str) -> None:
        """The chat, at a new conversation with these."""
        ...

    async def compare_these(self, contestants: Sequence[Contestant], *, blind: bool) -> None:
        """The comparison, at a new one of these."""
        ...

    async def look_after(self, adapter: str) -> None:
        """The questions that were held out, to the model before and to this one."""
        ...
