"""How a syllable of Hangul is put together, as far as a search needs it while a word is still being typed."""

_FIRST, _LAST = 0xAC00, 0xD7A3
_FINALS = 28  # with none
_OF_AN_INITIAL = 21 * _FINALS
_INITIAL_JAMO = 0x1100
_INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
# Each final as what stays and what moves on when a vowel follows: 값 + 이 is 갑시.
_SPLIT = (
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ", "ㄹㅎ",
    "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
)  # fmt: skip


def is_syllable(character: str) -> bool:
    return len(character) == 1 and _FIRST <= ord(character) <= _LAST


def trailing_consonant(word: str) -> str:
    """The initial that a lone consonant at the end stands for; empty where it is a word of its own, as in ㅋㅋ."""
    last, before = word[-1:], word[-2:-1]
    if not last or last not in _INITIALS or (before and not is_syllable(before)):
        return ""
    return _initial(last)


def next_syllable_form(word: str) -> tuple[str, str] | None:
    """The word with its last final moved on to begin the next syllable; None where there is none to move."""
    last = word[-1:]
    if not is_syllable(last):
        return None
    final = (ord(last) - _FIRST) % _FINALS
    if not final:
        return None
    stays, moves = _SPLIT[final][:-1], _SPLIT[final][-1]
    kept = ord(last) - final + (_SPLIT.index(stays) if stays else 0)
    return word[:-1] + chr(kept), _initial(moves)


def open_syllable_range(word: str) -> tuple[str, str] | None:
    """The first and the last syllable that an open one at the end can still become."""
    last = word[-1:]
    if not is_syllable(last) or (ord(last) - _FIRST) % _FINALS:
        return None
    return last, chr(ord(last) + _FINALS - 1)


def initial_range(initial: str) -> tuple[str, str]:
    """The first and the last syllable that begin with it."""
    first = _FIRST + (ord(initial) - _INITIAL_JAMO) * _OF_AN_INITIAL
    return chr(first), chr(first + _OF_AN_INITIAL - 1)


def _initial(letter: str) -> str:
    return chr(_INITIAL_JAMO + _INITIALS.index(letter))
