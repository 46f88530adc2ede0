"""What the screen of studies adds to the host: the study under way, whichever screen is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.host import Host

if TYPE_CHECKING:
    from kullm_tui.ui.paper.runs import Studies


class StudiesHost(Host, Protocol):
    @property
    def studies(self) -> Studies: ...
