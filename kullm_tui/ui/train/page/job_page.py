"""The page of one training: its curves, its cards, its log."""

from __future__ import annotations

from textual.containers import Vertical


class JobPage(Vertical):
    def show(self, job_id: str | None) -> None:
        """None: nothing is chosen."""
        self.job_id = job_id
