"""The machines that train."""

from __future__ import annotations

from textual.screen import Screen


class MachinesScreen(Screen[None]):
    pass
