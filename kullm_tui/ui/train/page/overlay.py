"""Several trainings over each other."""

from __future__ import annotations

from collections.abc import Sequence

from textual.screen import Screen


class OverlayScreen(Screen[None]):
    def __init__(self, jobs: Sequence[str]) -> None:
        super().__init__()
        self.jobs = tuple(jobs)
