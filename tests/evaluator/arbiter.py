"""A judge that also compares two answers, and goes by place, by length or by the answer, as the test has it."""

import re
from collections.abc import Callable

from tests.evaluator.judge_server import FORM, JudgeServer

Chooser = Callable[[str, str], int]


class Arbiter(JudgeServer):
    """Scores by the paper's form; of two answers it takes the one that `choose` says: 1, 2 for a tie, 3."""

    def __init__(self) -> None:
        super().__init__(verdict=self._said)
        self.choose: Chooser = lambda one, other: 1 if len(one) > len(other) else 3 if len(one) < len(other) else 2

    def _said(self, question: str) -> str:
        both = re.findall(r"<response-[12]>\n(.*?)\n</response-[12]>", question, re.DOTALL)
        return FORM if len(both) != 2 else f"- 선택 (1 - 3): {self.choose(*both)}"
