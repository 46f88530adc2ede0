"""Questions that were never trained on, and whether an answer holds exactly what was asked for.

A number is right where it stands whole at the end of the first sentence, so that neither 120 nor the question said again
passes for 12. A word is right where it begins a word; one of a single syllable must also end there, or before a particle.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import zip_longest

from data.demo.item import Item
from data.demo.split import shuffled, wordings
from data.demo.styles import STYLES
from data.demo.topics import OUT_OF_RANGE, items
from kullm_tui.core.text import nfc

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_SENTENCE_END = re.compile(r"[!?\n]|\.(?!\d)")
_NEGATIVE = re.compile(r"(?:^|[\s=(:])[-−](?=\d)")
_BEHIND = "입니|이다|이에요|예요|이야|이라|라고|이고|다(?![가-힣])|을|를|은|는|이(?![가-힣])|가(?![가-힣])|과|와|로|으로|의|도(?![가-힣])"


@dataclass(frozen=True)
class Question:
    topic: str
    text: str
    accepted: tuple[str, ...]  # any of these makes the answer right
    rejected: tuple[str, ...]  # any of these makes it wrong


def heldout(limit: int) -> list[Question]:
    """The first so many, every topic in turn."""
    return [_question(place) for place in range(min(limit, len(_in_turn())))]


def out_of_range() -> list[str]:
    """Questions on subjects that were held out whole, which the model should answer by saying that it is a demo."""
    texts = [ask for item in items() if item.topic == OUT_OF_RANGE for ask in wordings(item, "heldout")]
    return shuffled(texts, "out of range")


def is_right(question: Question, answer: str) -> bool:
    return says_right(answer, question.accepted, question.rejected)


def says_right(answer: str, accepted: Sequence[str], rejected: Sequence[str] = ()) -> bool:
    """Whether it says one of what is accepted, and nothing of what makes it wrong."""
    text = _GROUPED.sub("", nfc(answer))
    return any(_says(text, each) for each in accepted) and not any(_says(text, each) for each in rejected)


@cache
def _in_turn() -> tuple[tuple[Item, str], ...]:
    """In the order of all; only what is asked for is held against its rivals, which takes most of the time."""
    topics: dict[str, list[tuple[Item, str]]] = {}
    for item in items():
        if item.topic != OUT_OF_RANGE:
            topics.setdefault(item.topic, []).extend((item, ask) for ask in wordings(item, "heldout"))
    rounds = zip_longest(*(shuffled(asked, "questions", topic) for topic, asked in topics.items()))
    return tuple(asked for each in rounds for asked in each if asked is not None)


@cache
def _question(place: int) -> Question:
    item, ask = _in_turn()[place]
    return Question(item.topic, ask, item.accepted, tuple(one for one in _strange_to(item) if not _says(ask, one)))


@cache
def _strange_to(item: Item) -> tuple[str, ...]:
    """The rivals that none of its own answers says."""
    told = [_GROUPED.sub("", style(item)) for style in STYLES.values()]
    return tuple(one for one in item.rivals if not any(_says(text, one) for text in told))


def _says(text: str, phrase: str) -> bool:
    phrase = _GROUPED.sub("", phrase)
    if phrase.isdecimal():
        return _final_number(text) == phrase
    return _pattern(phrase).search(text) is not None


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    before = r"(?<![0-9A-Za-z가-힣.])" if phrase[0].isalnum() else ""
    return re.compile(before + re.escape(phrase) + _end_of(phrase))


def _end_of(phrase: str) -> str:
    if phrase[-1].isascii() and phrase[-1].isalnum():
        return "(?![0-9A-Za-z])"
    return f"(?:(?![가-힣])|(?={_BEHIND}))" if len(phrase) == 1 else ""


def _final_number(text: str) -> str | None:
    """The last number of the first sentence, with its sign."""
    sentence = _SENTENCE_END.split(text.strip(), maxsplit=1)[0]
    found = _NUMBER.findall(_NEGATIVE.sub(" 0.0", sentence))
    return found[-1] if found else None
