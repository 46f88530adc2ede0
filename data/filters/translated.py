"""What a translation must keep of its original: its tokens in their lines, its length, its not going round in circles."""

import re
import zlib
from collections import Counter

from data.folded import folded
from data.masking.plain import parts, tokens

_LEFT_OVER = re.compile("[\ue000-\uf8ff]|</?x\\b[^<>]*>")
_LEAST_RATIO, _MOST_RATIO = 0.2, 1.5  # the evaluation set's Korean has 0.31 to 1.0 of its English letters
_TELLING = 80  # characters of an original from which on its length says something
_WINDOW, _CIRCLE = (
    240,
    0.25,
)  # Korean and English prose keep more than half in a window; a loop of thirty letters an eighth


def length_ratio(prose: str, original: str) -> float | None:
    """Of both without code; None where it is within what translations have, or the original is too short to say."""
    before = len(original.strip())
    ratio = len(prose.strip()) / before if before else 1.0
    return ratio if before >= _TELLING and not _LEAST_RATIO <= ratio <= _MOST_RATIO else None


def moved_token(text: str, original: str) -> str | None:
    """The first piece of code, address or formula that is not in the line where it was, or a placeholder that nobody took out again."""
    left = _LEFT_OVER.search(text)
    if left and left[0] not in original:
        return left[0]
    if (was := _fences(original)) != (now := _fences(text)):
        return next(iter((Counter(was) - Counter(now)) or (Counter(now) - Counter(was)) or was))
    lines, lines_before = _lines(text), _lines(original)
    if len(lines) != len(lines_before):
        lines, lines_before = [" ".join(lines)], [" ".join(lines_before)]
    for line, before in zip(lines, lines_before, strict=True):
        found, expected = Counter(tokens(line)), Counter(tokens(before))
        if found != expected:
            return next(iter((expected - found) or (found - expected)))
    return None


def goes_in_circles(prose: str) -> bool:
    letters = folded(prose)
    return any(_is_circle(letters[at : at + _WINDOW]) for at in range(0, len(letters) - _WINDOW + 1, _WINDOW))


def _is_circle(letters: str) -> bool:
    raw = letters.encode(errors="replace")
    return len(zlib.compress(raw, 1)) < _CIRCLE * len(raw)


def _fences(text: str) -> list[str]:
    return [part for part, is_code in parts(text) if is_code]


def _lines(text: str) -> list[str]:
    prose = "\n".join(part for part, is_code in parts(text) if not is_code)
    return [line for line in prose.splitlines() if line.strip()]
