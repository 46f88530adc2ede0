"""A text laid out for translation: units of language, and between them what is never sent.

    ## Title⏎                     │## │Title│⏎
    - Use `x` here: `y`⏎          │- │Use `x` here:│ `y`⏎
    ```…```                       │```…```

A unit is a line, since lines, list marks and indents are the text's form; a sentence that was wrapped goes on over its lines. Placeholders at the
edge of a unit are left outside where grammar allows it, and a line that is too long is cut between sentences. Whatever the units
become, the rest is where it was: with the units as they are, the text is what it was, byte for byte.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data.masking.sentences import sentences
from data.masking.spans import Span, spans
from data.masking.unit import Unit, unit_of

LONGEST_UNIT = 6000  # characters

_PREFIX = re.compile(
    r"[ \t>]*(?:(?:[-*+•▪◦‣–—]|\d{1,4}[.)]|\(\d{1,4}\)|#{1,6})[ \t]+)*(?:\[[ xX]\][ \t]+)?(?:\||:[ \t])?[ \t]*"
)
_BLOCK_TAG = re.compile(
    r"</?(?:p|div|br|hr|li|ul|ol|h[1-6]|table|thead|tbody|tr|td|th|blockquote|section|article|header|footer|dl|dt|dd|pre|img|html"
    r"|head|body|title|form|option|select|figure|nav|main)\b|<!",
    re.IGNORECASE,
)
_ENDS_A_SENTENCE = re.compile(r"[.!?:;…。：]['\")\]*_]*\Z")
_ENDED = re.compile(r"[^\n]*\n|[^\n]+")
_WRAPPED_FROM = 60  # characters of a line that goes on in the next
_AFTER_A_LEADING_PLACEHOLDER = re.compile(r"[ \t]*[:：][ \t]+|[ \t]+[-–—=][ \t]+")
_BEFORE_A_TRAILING_PLACEHOLDER = re.compile(r"(?:[:：]|[ \t][-–—=])[ \t]*\Z")
_TRAILING_SIGNS = " \t.,;:!?)"
_Stretch = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    text: str
    units: tuple[Unit, ...]
    places: tuple[_Stretch, ...]  # of the units, in order

    def assembled(self, translations: Sequence[str]) -> str:
        parts, at = [], 0
        for (start, end), translation in zip(self.places, translations, strict=True):
            parts += [self.text[at:start], translation]
            at = end
        return "".join(parts) + self.text[at:]


def laid_out(text: str, *, longest: int = LONGEST_UNIT) -> Layout:
    units, places = [], []
    for start, end, inline in _stretches(text, longest):
        units.append(unit_of(text, start, end, inline))
        places.append((start, end))
    return Layout(text, tuple(units), tuple(places))


def _stretches(text: str, longest: int) -> Iterator[tuple[int, int, list[Span]]]:
    for start, end, inline in _proses(text):
        for line_start, line_end, in_line in _split(_lines(text, start, end), inline):
            body = line_start + len(_prefix(text, line_start, line_end, in_line))
            for piece in _pieces(text, body, line_end, in_line):
                for cut in _short_enough(text, *piece, longest):
                    trimmed = _trimmed(text, *cut)
                    if _is_language(text, *trimmed):
                        yield trimmed


def _proses(text: str) -> Iterator[tuple[int, int, list[Span]]]:
    """What stands between the blocks, each with the spans in it."""
    at, inline = 0, list[Span]()
    for one in spans(text):
        if _separates(text, one):
            yield at, one.start, inline
            at, inline = one.end, []
        else:
            inline.append(one)
    yield at, len(text), inline


def _separates(text: str, span: Span) -> bool:
    return span.is_block or (span.kind == "tag" and bool(_BLOCK_TAG.match(text, span.start)))


def _split(stretches: Iterator[_Stretch], inline: Sequence[Span]) -> Iterator[tuple[int, int, list[Span]]]:
    """Each stretch with its own of the spans; both are in order."""
    number = 0
    for start, end in stretches:
        own = []
        while number < len(inline) and inline[number].start < end:
            own.append(inline[number])
            number += 1
        yield start, end, own


def _lines(text: str, start: int, end: int) -> Iterator[_Stretch]:
    """With their ends; a wrapped sentence's are one. No inline span goes over the end of a line."""
    begin = at = start
    for line in _ENDED.findall(text, start, end):
        at += len(line)
        if at < end and _goes_on(line.rstrip("\r\n"), text, at):
            continue
        yield begin, at
        begin = at
    if begin < at:
        yield begin, at


def _goes_on(line: str, text: str, at: int) -> bool:
    follower = text[at : at + 1]
    return len(line) >= _WRAPPED_FROM and follower.islower() and not _ENDS_A_SENTENCE.search(line.rstrip())


def _prefix(text: str, start: int, end: int, inline: Sequence[Span]) -> str:
    match = _PREFIX.match(text, start, inline[0].start if inline else end)
    return match[0] if match else ""


def _pieces(text: str, start: int, end: int, inline: list[Span]) -> Iterator[tuple[int, int, list[Span]]]:
    """Without the placeholders at its edges, where these are no part of a sentence."""
    start, end, _ = _trimmed(text, start, end, inline)
    if not _is_language(text, start, end, inline):
        return
    first = 0
    while first < len(inline) and inline[first].start <= start:
        behind = _AFTER_A_LEADING_PLACEHOLDER.match(text, inline[first].end, end)
        if behind is None:
            break
        start, first = behind.end(), first + 1
    placeholders = inline[first:]
    while placeholders and text[placeholders[-1].end : end].strip(_TRAILING_SIGNS) == "":
        before = _BEFORE_A_TRAILING_PLACEHOLDER.search(
            text, max(start, placeholders[-1].start - 8), placeholders[-1].start
        )
        if before is None:
            break
        end = before.end()
        placeholders.pop()
    if start < end:
        yield from _unwrapped(text, start, end, placeholders)


def _unwrapped(text: str, start: int, end: int, placeholders: list[Span]) -> Iterator[tuple[int, int, list[Span]]]:
    """`<b>All of it</b>` without its two tags."""
    if len(placeholders) == 2 and placeholders[0].start == start and placeholders[1].end == end:
        first, last = text[start : placeholders[0].end], text[placeholders[1].start : end]
        if first[:1] == "<" and last[:2] == "</":
            yield placeholders[0].end, placeholders[1].start, []
            return
    yield start, end, placeholders


def _short_enough(
    text: str, start: int, end: int, placeholders: list[Span], longest: int
) -> Iterator[tuple[int, int, list[Span]]]:
    if end - start <= longest:
        yield start, end, placeholders
        return
    yield from _split(_cuts(text, start, end, placeholders, longest), placeholders)


def _cuts(text: str, start: int, end: int, placeholders: Sequence[Span], longest: int) -> Iterator[_Stretch]:
    """Between sentences where it can be, else between words, else anywhere; never within a placeholder."""
    begin = at = start
    for part in _parts(text, start, end, placeholders, longest):
        if at > begin and at + part - begin > longest:
            yield begin, at
            begin = at
        at += part
    if begin < at:
        yield begin, at


def _parts(text: str, start: int, end: int, placeholders: Sequence[Span], longest: int) -> Iterator[int]:
    """Lengths of what is not to be cut."""
    number, begin = 0, start
    at = start
    for sentence in sentences(text[start:end]):
        at += len(sentence)
        while number < len(placeholders) and placeholders[number].end <= at:
            number += 1
        if number < len(placeholders) and placeholders[number].start < at:
            continue  # the full stop was within a placeholder
        yield from _words(text, begin, at, placeholders, longest)
        begin = at
    if begin < end:
        yield from _words(text, begin, end, placeholders, longest)


def _words(text: str, start: int, end: int, placeholders: Sequence[Span], longest: int) -> Iterator[int]:
    begin = start
    while end - begin > longest:
        stop = begin + longest
        blank = text.rfind(" ", begin + longest // 2, stop)
        cut = blank + 1 if blank >= 0 else stop
        for one in placeholders:
            if one.start < cut < one.end:
                cut = one.start if one.start > begin else one.end
                break
        yield cut - begin
        begin = cut
    if begin < end:
        yield end - begin


def _trimmed(text: str, start: int, end: int, placeholders: list[Span]) -> tuple[int, int, list[Span]]:
    """Without the blanks at its ends; some that no protocol carries are blanks, too, and stay."""
    stretch = text[start:end]
    first = start + len(stretch) - len(stretch.lstrip())
    last = end - (len(stretch) - len(stretch.rstrip()))
    if placeholders:
        first, last = min(first, placeholders[0].start), max(last, placeholders[-1].end)
    return first, max(first, last), placeholders


def _is_language(text: str, start: int, end: int, placeholders: Sequence[Span]) -> bool:
    """Whether a letter is left outside the placeholders that is not Korean already."""
    at = start
    for one in [*placeholders, Span(end, end, "control")]:
        if any(sign.isalpha() and not "가" <= sign <= "힣" for sign in text[at : one.start]):
            return True
        at = one.end
    return False
