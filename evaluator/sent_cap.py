"""The parameter that bounds a reply, as it is sent: what the judge's table says, until its server refuses it, and in the end none."""

from collections.abc import Mapping
from typing import Any

from evaluator.judge_table import CAPS, Cap


class SentCap:
    def __init__(self, cap: Cap | None) -> None:
        self.parameter = cap.parameter if cap else ""  # empty: none is sent
        self._cap = cap
        self._refused: set[str] = set()

    def bounded(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if not (self._cap and self.parameter):
            return dict(body)
        rest = {name: value for name, value in body.items() if name != self._cap.parameter}
        return {**rest, self.parameter: self._cap.tokens}

    def give_up(self, sent: str) -> None:
        """There is another way to say how long a reply may be, and in the end none."""
        self._refused.add(sent)
        if self.parameter == sent:
            self.parameter = next((name for name in CAPS if name not in self._refused), "")
