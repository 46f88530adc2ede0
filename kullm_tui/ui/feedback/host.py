"""What the feedback needs of the app: the way to a training on what was said, and a chat that answers with what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.host import Host

if TYPE_CHECKING:
    from trainer.recipe import Recipe


class FeedbackHost(Host, Protocol):
    async def teach(self, recipe: Recipe, job: str, name: str, *, is_personal: bool) -> bool:
        """The form of a training whose job's folder is there already; whether it was begun. To be awaited in a worker."""
        ...

    def answer_with(self, model: str) -> None:
        """In the chat, from the next question on."""
        ...
