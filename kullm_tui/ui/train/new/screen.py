"""A new training: its recipe as a form, and the plan beside it."""

from __future__ import annotations

from textual.screen import Screen


class NewJobScreen(Screen[str | None]):
    """The id of the job that was begun."""

    def __init__(self, recipe: str = "", *, like: str = "") -> None:
        super().__init__()
        self.recipe, self.like = recipe, like
