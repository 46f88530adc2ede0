"""The filters beyond the paper's: rows half translated, not translated, or broken by the translation, each with a reason of its own.

    untranslated        an English text came back as it was
    hangul-ratio        less than 0.3 of the letters outside code and names are Hangul
    english-sentences   at least 0.15 of them are in English sentences (lingua, Korean or English)
    english-clauses     at least 0.15 of them are in English clauses within Korean sentences
    input-is-output     the answer says what was asked, and did not before the translation
    length-ratio        0.2 of its original's length or less, or 1.5 and more
    repetition          it goes round in circles, and its original did not
    placeholder-moved   code, an address or a formula is lost, doubled or in another line

Of a row that was translated every text is looked at, of another one the answers: who asks in Korean for a translation quotes English.
An answer to a question about English may be English.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from data.filters.english import Letters, is_prose, letters_of
from data.filters.translated import goes_in_circles, length_ratio, moved_token
from data.folded import folded
from data.masking.plain import without_code
from data.row import Rejection, Row
from kullm_tui.core.language import say

_RULES = 1
_LEAST_HANGUL = 0.3
_MOST_ENGLISH = 0.15
_FEW = 20  # letters that are too few for a share of them to say anything
_SHOWN = 40
_ABOUT_ENGLISH = re.compile(r"영어|영문|영작|영한|한영|\bEnglish\b", re.IGNORECASE)

_Fault = tuple[str, str]


@dataclass(frozen=True)
class StrictFilter:
    name = "strict"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rules": _RULES, "hangul": _LEAST_HANGUL, "english": _MOST_ENGLISH, "identifier": "lingua"}

    def __call__(self, row: Row) -> Row | Rejection:
        fault = next(_faults(row), None)
        return row if fault is None else Rejection(row, *fault)


@dataclass(frozen=True)
class _Text:
    text: str
    original: str  # empty where the row was not translated
    may_be_english: bool

    @cached_property
    def prose(self) -> str:
        return without_code(self.text)

    @cached_property
    def original_prose(self) -> str:
        return without_code(self.original)


def _faults(row: Row) -> Iterator[_Fault]:
    texts = list(_texts(row))
    for check in (_untranslated, _language, _length, _moved, _repetition):
        for one in texts:
            fault = check(one)
            if fault:
                yield fault
    if _repeats_the_question(row):
        yield "input-is-output", say("답이 질문의 글과 똑같아요.", "The answer is the text of the question.")


def _texts(row: Row) -> Iterator[_Text]:
    about_english = any(one.role == "user" and is_about_english(f"{one.content}\n{one.input}") for one in row.messages)
    if not row.original:
        for one in row.messages:
            if one.role == "assistant":
                yield _Text(one.content, "", about_english)
        return
    for one, before in zip(row.messages, row.original, strict=True):
        for text, original in ((one.content, before.content), (one.input, before.input)):
            if text:
                yield _Text(text, original, about_english)


def is_about_english(asked: str) -> bool:
    """An answer to it may be English."""
    return _ABOUT_ENGLISH.search(asked) is not None


def _untranslated(one: _Text) -> _Fault | None:
    if one.may_be_english or folded(one.text) != folded(one.original) or not is_prose(one.original_prose):
        return None
    if letters_of(one.original_prose).hangul:
        return None
    return "untranslated", say(f"번역되지 않았어요: {_shown(one)}", f"It was not translated: {_shown(one)}")


def _language(one: _Text) -> _Fault | None:
    return None if one.may_be_english else language_fault(one.prose)


def language_fault(prose: str, is_english: Callable[[str], bool] | None = None) -> _Fault | None:
    """Of a text without code that should be Korean. `is_english` as for `letters_of`."""
    letters = letters_of(prose, is_english)
    if letters.latin < _FEW:
        return None
    share = letters.hangul / letters.total
    if share < _LEAST_HANGUL:
        return "hangul-ratio", say(f"한글이 {share:.0%}뿐이에요.", f"Only {share:.0%} of its letters are Hangul.")
    return _english(letters)


def _english(letters: Letters) -> _Fault | None:
    for reason, found in (("english-sentences", letters.in_sentences), ("english-clauses", letters.in_clauses)):
        share = found / letters.total
        if found >= _FEW and share >= _MOST_ENGLISH:
            return reason, say(
                f"글자의 {share:.0%}가 영어 문장이나 구절에 있어요.",
                f"{share:.0%} of its letters are in English sentences or clauses.",
            )
    return None


def _length(one: _Text) -> _Fault | None:
    ratio = length_ratio(one.prose, one.original_prose) if one.original else None
    if ratio is None:
        return None
    return "length-ratio", say(
        f"길이가 원문의 {ratio:.2f}배예요: {_shown(one)}", f"{ratio:.2f} times as long as its original: {_shown(one)}"
    )


def _moved(one: _Text) -> _Fault | None:
    token = moved_token(one.text, one.original) if one.original else None
    if token is None:
        return None
    shown = " ".join(token.split())[:_SHOWN]
    return "placeholder-moved", say(
        f"코드나 주소, 수식이 제자리에 없어요: {shown}", f"Code, an address or a formula is out of its place: {shown}"
    )


def _repetition(one: _Text) -> _Fault | None:
    if not goes_in_circles(one.prose) or goes_in_circles(one.original_prose):
        return None
    return "repetition", say(f"같은 말이 되풀이돼요: {_shown(one)}", f"It goes round in circles: {_shown(one)}")


def _repeats_the_question(row: Row) -> bool:
    return _echoes(row.messages) and not (row.original and _echoes(row.original))


def _echoes(messages: Any) -> bool:
    for asked, answered in zip(messages, messages[1:], strict=False):
        if (asked.role, answered.role) == ("user", "assistant"):
            said = folded(answered.content)
            if len(said) >= 10 and said in (folded(asked.content), folded(asked.input)):
                return True
    return False


def _shown(one: _Text) -> str:
    return " ".join(one.text.split())[:_SHOWN]
