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

_OTHER_LETTERS = re.compile("[\u3040-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True)
class Manner:
    """Of one system's answers."""

    answers: int
    mean_characters: float
    median_characters: float
    confused: int
    may_be_confused: int  # answers to what is not about English
    interval: Interval  # of the share that is


def manner_of(answers: Mapping[str, Answer], questions: tuple[Question, ...]) -> Manner:
    lengths = [len(answers[one.id].response) for one in questions if one.id in answers]
    in_korean = [one for one in questions if one.id in answers and not is_about_english(f"{one.instruction}\n{one.input}")]  # fmt: skip
    confused = sum(leaves_korean(answers[one.id].response) for one in in_korean)
    return Manner(
        len(lengths), mean(lengths or [0]), median(lengths or [0]), confused, len(in_korean), wilson(confused, len(in_korean))
    )  # fmt: skip


def leaves_korean(answer: str) -> bool:
    prose = without_code(answer)
    return language_fault(prose) is not None or _OTHER_LETTERS.search(prose) is not None
