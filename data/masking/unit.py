"""A stretch of language that is translated at once, with what stands in it as placeholders; and whether a translation gave them back.

    Use `sorted(x)` & read https://a.b   →   Use <x id="0"/> &amp; read <x id="1"/>      sent, as XML
                                             <x id="0"/>을 … <x id="1"/> …               what comes back

Where a placeholder is lost, doubled or moved the text can be asked for once more as it is; then the same is asked of its literal words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from data.masking.placement import is_misplaced
from data.masking.spans import FIRST_MARK, MARK, Span

MASK_VERSION = 1  # what is sent for a text depends on it: older translations are no answers to what is asked now

Form = Literal["plain", "tagged"]
Fault = Literal["placeholder-lost", "placeholder-moved", "empty-translation"]

_PLACEHOLDER = re.compile(r"<\s*x\s+id\s*=\s*[\"'](\d{1,6})[\"']\s*(?:/\s*>|>\s*</\s*x\s*>)")
_ENTITY = re.compile(r"&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


@dataclass(frozen=True)
class Unit:
    source: str
    placeholders: tuple[tuple[int, int], ...] = ()  # where they stand in it

    @cached_property
    def asks(self) -> tuple[tuple[Form, str], ...]:
        """How it is asked for: first of all, and if that came back broken."""
        if not self.placeholders:
            return (("plain", self.source),)
        return ("tagged", self._tagged()), ("plain", self.source)

    def read(self, ask: int, answer: str) -> tuple[str, Fault | None]:
        """The translation with its placeholders, and what is wrong with it."""
        if not answer.strip():
            return answer, "empty-translation"
        if not self.placeholders:
            return answer, None
        marked = self._of_tagged(answer) if self.asks[ask][0] == "tagged" else self._of_plain(answer)
        if marked is None:
            return answer, "placeholder-lost"
        if is_misplaced(self._marked(), marked, self._literal):
            return answer, "placeholder-moved"
        return self._unmarked(marked), None

    @cached_property
    def _literal(self) -> tuple[str, ...]:
        return tuple(self.source[start:end] for start, end in self.placeholders)

    def _joined(self, stand_ins: Sequence[str], *, escaped: bool) -> str:
        parts, at = [], 0
        for (start, end), stand_in in zip(self.placeholders, stand_ins, strict=True):
            parts += [_escaped(self.source[at:start]) if escaped else self.source[at:start], stand_in]
            at = end
        tail = self.source[at:]
        return "".join(parts) + (_escaped(tail) if escaped else tail)

    def _tagged(self) -> str:
        return self._joined([f'<x id="{number}"/>' for number in range(len(self.placeholders))], escaped=True)

    def _marked(self) -> str:
        return self._joined([chr(FIRST_MARK + number) for number in range(len(self.placeholders))], escaped=False)

    def _unmarked(self, marked: str) -> str:
        return MARK.sub(lambda match: self._literal[ord(match[0]) - FIRST_MARK], marked)

    def _of_tagged(self, answer: str) -> str | None:
        """With a mark for each placeholder; None where one is not there exactly once, or a foreign one is."""
        if sorted(map(int, _PLACEHOLDER.findall(answer))) != list(range(len(self.placeholders))):
            return None
        parts = _PLACEHOLDER.split(answer)
        texts = [_unescaped(part) for part in parts[::2]]
        if any(chr(FIRST_MARK) <= sign for text in texts for sign in text):
            return None
        marks = [chr(FIRST_MARK + int(number)) for number in parts[1::2]]
        return texts[0] + "".join(mark + text for mark, text in zip(marks, texts[1:], strict=True))

    def _of_plain(self, answer: str) -> str | None:
        """The same where it was sent as it is: each literal as often as in the source. The longest first, as one may stand in another."""
        if any(chr(FIRST_MARK) <= sign for sign in answer):
            return None
        for literal in sorted(set(self._literal), key=len, reverse=True):
            numbers = [number for number, one in enumerate(self._literal) if one == literal]
            parts = answer.split(literal)
            if len(parts) - 1 != len(numbers):
                return None
            marks = [chr(FIRST_MARK + number) for number in numbers]
            answer = parts[0] + "".join(mark + part for mark, part in zip(marks, parts[1:], strict=True))
        return answer


def unit_of(text: str, start: int, end: int, inline: Sequence[Span]) -> Unit:
    """Of a stretch of the text, with the spans in it."""
    return Unit(text[start:end], tuple((one.start - start, one.end - start) for one in inline))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _unescaped(text: str) -> str:
    return _ENTITY.sub(_sign, text)


def _sign(match: re.Match[str]) -> str:
    if match[1]:
        return _NAMED[match[1]]
    number = int(match[2]) if match[2] else int(match[3], 16)
    return chr(number) if 0 < number < FIRST_MARK and not 0xD800 <= number <= 0xDFFF else match[0]
