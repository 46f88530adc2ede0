"""The right particle behind a word that a sentence only learns when it is said."""

_HANGUL_FIRST, _HANGUL_LAST = "가", "힣"
_FINALS = 28  # with the open syllable
_RIEUL = 8
_OPEN, _CLOSED = 0, 1
# How the last digit of a number is read: 일, 칠 and 팔 end in ㄹ; 영, 십, 백, 천, 삼 and 육 in other consonants.
_DIGITS = {"0": _CLOSED, "1": _RIEUL, "3": _CLOSED, "6": _CLOSED, "7": _RIEUL, "8": _RIEUL}
# Letters by their Korean names: 엘 and 알, 엠, 엔; all others are open.
_LETTERS = {"l": _RIEUL, "r": _RIEUL, "m": _CLOSED, "n": _CLOSED}
_QUOTES = "'\"`’”"


def particle(word: object, pair: str) -> str:
    """One of the pair (을/를, 은/는, 이/가, 과/와, 으로/로), or both where nobody can say how the word is read."""
    closed, opened = pair.split("/")
    final = _final(str(word).rstrip(_QUOTES))
    if final is None:
        return f"(으){opened}" if closed == f"으{opened}" else f"{closed}({opened})"
    if final == _RIEUL and closed == "으로":
        return opened
    return closed if final else opened


def _final(word: str) -> int | None:
    """The consonant that ends the word as it is spoken, 0 for none; None: not to be told from its letters."""
    last, before = word[-1:], word[-2:-1]
    if _HANGUL_FIRST <= last <= _HANGUL_LAST:
        return (ord(last) - ord(_HANGUL_FIRST)) % _FINALS
    if last.isascii() and last.isdigit():
        return _DIGITS.get(last, _OPEN)
    if not (last.isascii() and last.isalpha()):
        return None
    spelled = not before.isalpha() or (last.isupper() and before.isupper())  # 5.8b, AWQ
    if spelled:
        return _LETTERS.get(last.lower(), _OPEN)
    return _OPEN if last.lower() in "aiouy" else None
