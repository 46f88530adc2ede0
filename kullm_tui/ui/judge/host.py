"""What judging adds to the host: the one service that judges, for whichever screen a reply stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.host import Host

if TYPE_CHECKING:
    from kullm_tui.ui.judge.service import JudgeService


class JudgingHost(Host, Protocol):
    @property
    def judging(self) -> JudgeService: ...
