"""Sentences from patterns: slots are filled, and every particle follows the word that stands before it.

    fill("{나라}의 수도{은/는} 어디인가요?", 나라="대한민국")   →   대한민국의 수도는 어디인가요?

A slot with a slash is a pair of particles or endings, the form behind a final consonant first. Refuses nothing: a slot
without a value is a KeyError, because patterns are ours.
"""

import re
from functools import cache

from kullm_tui.core.korean import particle

_SLOT = re.compile(r"\{([^{}]+)\}")

# Endings around a noun phrase, one tuple for each question word.
_TELL = (
    "{n}{을/를} 알려 주세요.",
    "{n}{을/를} 알려줘.",
    "{n} 알려줘",
    "{n} 좀 알려줄래?",
    "{n}{은/는}?",
    "{n}{은/는}요?",
    "{n}{을/를} 말해 주세요.",
    "{n}{을/를} 말해 줘.",
    "{n}{을/를} 가르쳐 주세요.",
    "{n}{이/가} 궁금해요.",
)
_ASK = (
    "{n}{은/는} {어디}인가요?",
    "{n}{은/는} {어디}입니까?",
    "{n}{이/가} {어디}인가요?",
    "{n}{은/는} {어디}{이에요/예요}?",
    "{n}{이/가} {어디}{이에요/예요}?",
    "{n}{은/는} {어디}{이야/야}?",
    "{n}{이/가} {어디}{이야/야}?",
    "{n}{은/는} {어디}일까요?",
    "{n}{은/는} {어디}{이지/지}?",
    "{n}{이/가} {어디}인지 알려 주세요.",
    "{n}{이/가} {어디}인지 알려줘.",
    "{n}{이/가} {어디}인지 아세요?",
    "{n}{이/가} {어디}인지 궁금합니다.",
)
_ASK_SPOKEN = (
    "{n}{은/는} 뭐예요?",
    "{n}{이/가} 뭐예요?",
    "{n}{은/는} 뭐야?",
    "{n}{이/가} 뭐야?",
    "{n}{은/는} 뭘까요?",
    "{n}{은/는} 뭐지?",
    "{n}{이/가} 뭔가요?",
    "{n}{이/가} 뭔지 알려 주세요.",
    "{n}{이/가} 뭔지 알려줘.",
    "{n}{이/가} 뭔지 아세요?",
)


def fill(pattern: str, **slots: object) -> str:
    """The pattern with its slots filled from left to right, so that a particle sees the word before it."""
    written = ""
    place = 0
    for slot in _SLOT.finditer(pattern):
        written += pattern[place : slot.start()]
        name = slot[1]
        written += particle(written, name) if "/" in name else str(slots[name])
        place = slot.end()
    return written + pattern[place:]


@cache
def slots_in(pattern: str) -> frozenset[str]:
    """The names of what a pattern needs."""
    return frozenset(name for name in _SLOT.findall(pattern) if "/" not in name)


def ask_about(*phrases: str, word: str = "무엇") -> tuple[str, ...]:
    """Every wording that asks what (무엇, 어디, 누구, 얼마 …) each noun phrase is."""
    words = ("무엇", "뭐") if word == "무엇" else (word,)
    asked = [fill(pattern, n=phrase, 어디=each) for phrase in phrases for each in words for pattern in _fitting(each)]
    told = [fill(pattern, n=phrase) for phrase in phrases for pattern in _TELL]
    return unique(*asked, *told)


def _fitting(word: str) -> tuple[str, ...]:
    """뭐 belongs to spoken endings and draws together with some, 무엇 to written ones."""
    if word == "뭐":
        return _ASK_SPOKEN
    if word == "무엇":
        return tuple(pattern for pattern in _ASK if "{이야/야}" not in pattern and "{이지/지}" not in pattern)
    return _ASK


def unique(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
