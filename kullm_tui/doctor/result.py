"""One finding of `kullm doctor` about the terminal."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["fine", "notice", "problem"]


@dataclass(frozen=True)
class Result:
    subject: str
    verdict: Verdict
    text: str
