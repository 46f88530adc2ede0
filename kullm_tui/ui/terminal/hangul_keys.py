"""Keys pressed in Hangul mode as the Latin keys they are on the 두벌식 keyboard.

A terminal that speaks the kitty protocol reports Ctrl+Q in Hangul mode as `ctrl+ㅂ`, and a plain q outside a text field as ㅂ.
An input method may also deliver several strokes at once, as a syllable: 차 is c, k.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from textual import events

_STROKES = dict(
    zip(
        "ㅂㅈㄷㄱㅅㅛㅕㅑㅐㅔㅁㄴㅇㄹㅎㅗㅓㅏㅣㅋㅌㅊㅍㅠㅜㅡ",
        "qwertyuiopasdfghjklzxcvbnm",
        strict=True,
    )
) | {
    "ㅃ": "Q", "ㅉ": "W", "ㄸ": "E", "ㄲ": "R", "ㅆ": "T", "ㅒ": "O", "ㅖ": "P",
    "ㅘ": "hk", "ㅙ": "ho", "ㅚ": "hl", "ㅝ": "nj", "ㅞ": "np", "ㅟ": "nl", "ㅢ": "ml",
    "ㄳ": "rt", "ㄵ": "sw", "ㄶ": "sg", "ㄺ": "fr", "ㄻ": "fa", "ㄼ": "fq", "ㄽ": "ft", "ㄾ": "fx", "ㄿ": "fv", "ㅀ": "fg",
    "ㅄ": "qt",
}  # fmt: skip

# The parts of a syllable in the order of Unicode's blocks.
_LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
_VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
_FINALS = ("", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ")
_FIRST, _LAST = "가", "힣"
_CONJOINING = ((0x1100, _LEADS), (0x1161, _VOWELS), (0x11A8, _FINALS[1:]))


def strokes(text: str) -> str:
    """The Latin letters of the keys that write this: 안 → dks, ㅃ → Q. Other characters stay."""
    return "".join(_strokes(character) for character in unicodedata.normalize("NFC", text))


def is_hangul(text: str | None) -> bool:
    return bool(text) and all(_strokes(character) != character for character in text or "")


def pressed(event: events.Key, *, typing: bool) -> Iterator[events.Key]:
    """The event as it is, or as the Latin keys that were pressed. With `typing` plain Hangul is text and stays."""
    *modifiers, last = event.key.split("+")
    if not is_hangul(last) or (typing and not modifiers):
        yield event
        return
    for letter in strokes(last):
        if modifiers:
            yield events.Key("+".join((*modifiers, letter.lower())), None)
        else:
            yield events.Key(letter, letter)


def _strokes(character: str) -> str:
    if _FIRST <= character <= _LAST:
        lead, rest = divmod(ord(character) - ord(_FIRST), len(_VOWELS) * len(_FINALS))
        vowel, final = divmod(rest, len(_FINALS))
        return "".join(_STROKES.get(part, "") for part in (_LEADS[lead], _VOWELS[vowel], _FINALS[final]))
    for start, block in _CONJOINING:
        if start <= ord(character) < start + len(block):
            return _STROKES[block[ord(character) - start]]
    return _STROKES.get(character, character)
