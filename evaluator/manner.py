"""How long answers are, and how often they leave Korean: for English, or with letters of Chinese or Japanese among the Hangul."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import mean, median

from data.filters.strict import is_about_english, language_fault
from data.masking.plain import without_code
from evaluator.answer_store import Answer
from evaluator.questions import Question
from evaluator.statistics import Interval, wilson
from kullm_tui.core.language import say

_OTHER_LETTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_HANGUL = re.compile("[가-힣]")


@dataclass(frozen=True)
class Manner:
    """Of one system's answers."""

    answers: int
    mean_characters: float
    median_characters: float
    confused: int
    may_be_confused: int  # answers to what is asked in Korean and not about English
    interval: Interval  # of the share that is

    @property
    def note(self) -> str:
        """Empty where no answer left Korean."""
        if not self.confused:
            return ""
        share = f"{self.confused / self.may_be_confused:.1%} [{self.interval.low:.1%}, {self.interval.high:.1%}]"
        return say(
            f"한국어를 벗어난 답변 {self.confused}/{self.may_be_confused}개, {share}",
            f"{self.confused} of {self.may_be_confused} answers left Korean, {share}",
        )


def manner_of(answers: Mapping[str, Answer], questions: tuple[Question, ...]) -> Manner:
    lengths = [len(answers[one.id].response) for one in questions if one.id in answers]
    in_korean = [one for one in questions if one.id in answers and _asks_for_korean(f"{one.instruction}\n{one.input}")]
    confused = sum(leaves_korean(answers[one.id].response) for one in in_korean)
    return Manner(
        len(lengths), mean(lengths or [0]), median(lengths or [0]), confused, len(in_korean), wilson(confused, len(in_korean))
    )  # fmt: skip


def _asks_for_korean(asked: str) -> bool:
    return _HANGUL.search(asked) is not None and not is_about_english(asked)


def leaves_korean(answer: str) -> bool:
    """Without lingua, which is an extra: a sentence of English prose with few Hangul letters is taken for English."""
    prose = without_code(answer)
    return language_fault(prose, lambda _: True) is not None or _OTHER_LETTERS.search(prose) is not None
