"""What evaluating adds to the host: the evaluations under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from kullm_tui.ui.judge.host import JudgingHost

if TYPE_CHECKING:
    from kullm_tui.ui.evaluate.runs import Evaluations


class EvaluationsHost(JudgingHost, Protocol):
    @property
    def evaluations(self) -> Evaluations: ...
