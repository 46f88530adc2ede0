"""How much of a Korean text is English prose: whole sentences, and clauses in the midst of Korean ones.

Names, terms and units are no prose. What makes a run of Latin words a clause is a word that only sentences need (`the`, `was`, `your`) beside
at least two words in small letters; no programming language's own words count.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

_HANGUL = re.compile(r"[가-힣ㄱ-ㆎ]")
_LATIN = re.compile(r"[A-Za-z]")
_SENTENCE = re.compile(r"[^.!?。…\n]+[.!?。…]*")
_RUN = re.compile(
    r"(?<![A-Za-z'’-])[A-Za-z][A-Za-z'’-]*(?:[ \t,;:()\"“”]{1,3}(?:\d[\d.,%]*[ \t]{1,2})?[A-Za-z][A-Za-z'’-]*){3,}"
)
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_OF_SENTENCES = frozenset(
    """
    a an the of to was were are am you your yours i we us they them it its it's this that these those which who whose what can could
    will would should may might must have has had do does did don't be been being at by but because while their my me he him she his
    her our there than then when where how so such into about also more most some any all each
    """.split()  # noqa: SIM905 - it is prose
)
_OF_TERMS = frozenset({"a", "an", "of", "the"})  # state of the art, a point of sale
_LEAST_WORDS = 4
_MOSTLY = 0.3  # of a sentence's letters are Hangul where it is an own question which language it is


@dataclass(frozen=True)
class Letters:
    """Names, that is words with a capital outside of English prose, are in neither language."""

    hangul: int
    latin: int
    in_sentences: int  # of the Latin ones, those of sentences that are English as a whole
    in_clauses: int  # and those of any English clause, the ones of such sentences too

    @property
    def total(self) -> int:
        return self.hangul + self.latin


def letters_of(text: str, is_english: Callable[[str], bool] | None = None) -> Letters:
    """Of text without code: `data/masking/plain.py`. `is_english`, in place of lingua: of a sentence with English prose and few Hangul letters."""
    hangul = len(_HANGUL.findall(text))
    clauses = [run.span() for run in _RUN.finditer(text) if _is_prose(run[0])]
    in_clauses = sum(len(_LATIN.findall(text, *span)) for span in clauses)
    in_sentences = (
        sum(len(_LATIN.findall(sentence)) for sentence in _english_sentences(text, is_english or _by_lingua))
        if clauses
        else 0
    )
    others, at = 0, 0
    for start, end in [*clauses, (len(text), len(text))]:
        others += sum(len(word) for word in _WORD.findall(text, at, start) if word[0].islower())
        at = end
    in_clauses = max(in_clauses, in_sentences)
    return Letters(hangul, in_clauses + others, in_sentences, in_clauses)


def is_prose(text: str) -> bool:
    return any(_is_prose(run[0]) for run in _RUN.finditer(text))


def _is_prose(run: str) -> bool:
    words = [word.lower() for word in _WORD.findall(run)]
    needed = _OF_SENTENCES.intersection(words)
    others = sum(word.islower() and word.lower() not in _OF_SENTENCES for word in _WORD.findall(run))
    return len(words) >= _LEAST_WORDS and bool(needed) and others >= (2 if needed - _OF_TERMS else 3)


def _english_sentences(text: str, is_english: Callable[[str], bool]) -> Iterator[str]:
    for found in _SENTENCE.finditer(text):
        sentence = found[0]
        latin = len(_LATIN.findall(sentence))
        if latin and len(_HANGUL.findall(sentence)) < _MOSTLY * latin and is_prose(sentence) and is_english(sentence):
            yield sentence


def _by_lingua(sentence: str) -> bool:
    detector, english = _detector()
    return bool(detector.detect_language_of(sentence) == english)


@cache
def _detector() -> tuple[Any, Any]:
    from lingua import Language, LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_languages(Language.KOREAN, Language.ENGLISH).build(), Language.ENGLISH
