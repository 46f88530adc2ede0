"""The one plain form in which judges' texts are read, and what its numbers look like. Signs change here, never words."""

import re
import unicodedata
from functools import cache

from evaluator.rubric import Criterion

SCORE_WORD = r"(?:점수|평점|별점|scores?|rating|grade)"
MARK = r"(?:점|points?\b|pts?\b|stars?\b)"
NUMBER = r"(?:0|[1-9][0-9]{0,2})(?:\.[0-9]{1,2})?"

# Fullwidth forms, as a Korean keyboard writes them, to ASCII; every arrow is one arrow.
_NARROW: dict[int, int | str] = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
_NARROW |= {ord("〜"): "~", ord("∼"): "~", ord("−"): "-", 0x3000: " ", 0xA0: " ", ord("／"): "/"}
_NARROW |= {ord(arrow): "->" for arrow in "→➡⇒⟶➔➜➝➞⮕↦"}
# What markdown and quoting put around labels and numbers.
_DECORATION = re.compile(r"[*`\"'“”‘’「」『』]|__")
_STAR = r"[★⭐🌟]\uFE0F?"  # one alone may be a bullet
_STARS = re.compile(rf"(?:(?<=[:=|(])\s*((?:{_STAR})+)([☆✩]*)|((?:{_STAR}){{2,}})([☆✩]*)|({_STAR})([☆✩]+))")
_NO = frozenset("❌❎✗✘✖🚫⛔")  # signs that take a score back
_BEHIND = re.compile(
    "(?<=[0-9점)*])[^\\S\\n]*([\u2600-\u27bf\U0001f300-\U0001faff]\ufe0f?)+[^\\S\\n]*(?=[^\\W\\d])"
)  # `4 ✅ Good`
_BOXED = re.compile(r"\\boxed\{([^{}]*)\}|\\text\{([^{}]*)\}")
_TAG = re.compile(r"<([^\W\d][\w \-]*)>([^<>]*)</\1\s*>")
_STYLE_TAGS = frozenset(("b", "i", "u", "em", "strong", "p", "span", "li", "mark", "code"))
_LOOSE_TAG = re.compile(r"</?(?:b|i|u|em|strong|p|span|li|ul|ol|mark|code|br)\s*/?>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_SPACES = re.compile(r" {2,}|[ \t\r]+(?=\n)")
_TAB = re.compile(r"(?<=\S)\t+(?=\S)")
_DOUBLED = re.compile(r"([(\[])\s*\1([^()\[\]]*)([)\]])\s*\3")
_GAP = r"[\s_\-]*"


def plain(text: str) -> str:
    """The text without what only dresses it. Lines stay lines, so that their numbers stay true."""
    text = _SPACES.sub(" ", _COMMENT.sub(" ", text))
    text = _STARS.sub(_counted, text.translate(_NARROW))
    text = _TAG.sub(_untagged, _BOXED.sub(lambda box: box[1] or box[2] or "", text))
    text = _BEHIND.sub(lambda found: found[0] if set(found[1]) & _NO else " - ", _LOOSE_TAG.sub(" ", text))
    text = _DECORATION.sub("", "".join(sign for sign in text if not _is_ornament(sign)))
    return _DOUBLED.sub(r"\1\2\3", _TAB.sub(" | ", text)).replace("$", "")


@cache
def label_pattern(criterion: Criterion) -> str:
    """Any of its names, however they are spaced."""
    names = sorted((criterion.name, *criterion.aliases), key=len, reverse=True)
    return "|".join(_GAP.join(map(re.escape, name.split())) for name in names)


def as_score(written: str) -> float:
    """`4` and `4.0` are the same score; `3.5` is another."""
    value = float(written)
    return int(value) if value.is_integer() else value


def _counted(stars: re.Match[str]) -> str:
    filled = sum(sign in "★⭐🌟" for sign in stars[0])
    empty = sum(sign in "☆✩" for sign in stars[0])
    return f" {filled}/{filled + empty}" if empty else f" {filled}점"


def _untagged(tag: re.Match[str]) -> str:
    return tag[2] if tag[1].lower() in _STYLE_TAGS else f"\n{tag[1]}: {tag[2]}\n"


def _is_ornament(sign: str) -> bool:
    """Emojis, variation selectors and keycaps; a number's own sign (°, ½) is none, nor a cross."""
    if sign < "\u200b" or sign in _NO:
        return False
    return unicodedata.category(sign) in ("So", "Cf", "Me", "Sk") or sign == "\ufe0f"
