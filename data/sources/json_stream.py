"""A file of JSON read element by element, with a window of it in memory: an array, or an array inside the object at its top.

An element that is broken costs itself alone where elements begin lines of their own, as they do in files that were printed to
be read; behind a broken one in the middle of a line nothing tells where the next begins, and the rest is lost.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from kullm_tui.core import foreign_json
from kullm_tui.core.language import say
from kullm_tui.core.text import is_whole

MOST_CHARACTERS = 64 << 20  # of one element

_CHUNK_BYTES = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")
_TAIL = 12  # characters: a fault nearer to the window's end may be the window's
_EXPONENT = 2  # characters of a number that are none yet: `.`, `e+`
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Element:
    line: int
    value: Any


@dataclass(frozen=True)
class Broken:
    line: int
    fault: str


class _Fault(Exception):
    """The text is no JSON here."""

    def __init__(self, words: str, line: int = 0) -> None:
        super().__init__(words)
        self.line = line  # where the window stood, if it has gone on since


class _Unfit(Exception):
    """A whole value that is not taken."""


def elements(file: BinaryIO, *, inside: str = "") -> Iterator[Element | Broken]:
    """Of the array at the top; or, where an object stands there, of its array of that name, each within the object's other fields so far."""
    window = _Window(file)
    try:
        if window.next() == "{" and inside:
            yield from _inside(window, inside)
        else:
            window.expect("[")
            yield from _array(window)
        if window.next():
            raise _Fault(say("JSON 뒤에 다른 글이 있어요", "something stands behind the JSON"))
    except _Fault as fault:
        lost = say("그 뒤는 읽지 못했어요", "what follows was not read")
        yield Broken(fault.line or window.line, f"{fault}; {lost}")
    except _Unfit as fault:  # in the object around the array
        yield Broken(window.line, str(fault))


def _inside(window: "_Window", name: str) -> Iterator[Element | Broken]:
    head: dict[str, Any] = {}
    window.expect("{")
    while window.next() == '"':
        key = window.value()
        window.expect(":")
        if key == name and window.next() == "[":
            window.expect("[")
            for one in _array(window):
                yield Element(one.line, {**head, name: one.value}) if isinstance(one, Element) else one
        else:
            head[key] = window.value()
        if window.next() != ",":
            break
        window.expect(",")
    window.expect("}")


def _array(window: "_Window") -> Iterator[Element | Broken]:
    """What stands behind its opening bracket, and the closing one."""
    if window.next() == "]":
        window.expect("]")
        return
    margin, goes_on = window.margin(), True
    while goes_on:
        try:
            yield _element(window)
            goes_on = window.next() == ","
            window.expect("," if goes_on else "]")
        except _Fault as fault:
            line = window.line
            if not window.skip_to(margin):
                raise _Fault(str(fault), line) from fault
            yield Broken(line, str(fault))


def _element(window: "_Window") -> Element | Broken:
    window.next()
    line = window.line
    try:
        return Element(line, window.value())
    except _Unfit as fault:
        return Broken(line, str(fault))


class _Window:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._text, self._at, self._ended = "", 0, False
        self.line = 1

    def next(self) -> str:
        """The character behind the blank, which is passed; nothing at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._pass(blank.end() if blank else self._at)
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def expect(self, mark: str) -> None:
        found = self.next()
        if found != mark:
            raise _Fault(
                _ended() if not found else say(f"{mark} 자리에 {found!r}", f"{found!r} in the place of {mark}")
            )
        self._pass(self._at + 1)

    def value(self) -> Any:
        self.next()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                may_go_on = error.pos >= len(self._text) - _TAIL or error.msg.startswith("Unterminated")
                if not (may_go_on and self._more()):
                    raise self._not_json(error) from error
            except RecursionError as error:
                raise _Fault(say("JSON이 너무 깊어요", "JSON nested too deeply")) from error
            else:
                if self._is_over(end) or not self._more():
                    return self._taken(value, end)

    def _is_over(self, end: int) -> bool:
        """A number near the window's end may have more digits: `1` may be `1.5` or `1e+5`."""
        return self._text[end - 1] in '}]"' or len(self._text) - end > _EXPONENT

    def margin(self) -> str:
        """What stands before the next value on its line, where only blank does; else a mark that no line begins with."""
        start = self._text.rfind("\n", 0, self._at) + 1
        before = self._text[start : self._at]
        return before if start and not before.strip() else "\0"

    def skip_to(self, margin: str) -> bool:
        """To the next line that begins an object with this margin; False where there is none."""
        begins = f"\n{margin}{{"
        while True:
            found = self._text.find(begins, self._at)
            if found >= 0:
                self._pass(found + len(begins) - 1)
                return True
            self._pass(max(self._at, len(self._text) - len(begins)))
            if not self._more():
                return False

    def _taken(self, value: Any, end: int) -> Any:
        is_text = is_whole(self._text[self._at : end])
        self._pass(end)
        if not is_text:
            raise _Unfit(say("UTF-8이 아니에요", "not UTF-8"))
        try:
            foreign_json.check_depth(value)
        except foreign_json.BadJson as error:
            raise _Unfit(say("JSON이 너무 깊어요", "JSON nested too deeply")) from error
        return value

    def _not_json(self, error: json.JSONDecodeError) -> _Fault:
        if len(self._text) - self._at > MOST_CHARACTERS:
            return _Fault(_too_long())
        self._pass(max(self._at, min(error.pos, len(self._text))))
        if self._ended and self._at >= len(self._text.rstrip()):
            return _Fault(_ended())
        return _Fault(say("JSON이 아니에요", f"not JSON: {error.msg}"))

    def _pass(self, to: int) -> None:
        self.line += self._text.count("\n", self._at, to)
        self._at = to

    def _more(self) -> bool:
        """Another piece of the file, and what was passed is let go. Each is as long as what is open, so that none is read often."""
        left = len(self._text) - self._at
        if self._ended or left > MOST_CHARACTERS:
            return False
        content = self._file.read(max(_CHUNK_BYTES, left))
        self._ended = not content
        piece = self._decoder.decode(content, final=self._ended)
        if piece:
            self._text, self._at = self._text[self._at :] + piece, 0
        return bool(piece) or not self._ended


def _ended() -> str:
    return say("파일이 중간에 끊겼어요", "the file ends in the middle")


def _too_long() -> str:
    return say(f"한 항목이 {MOST_CHARACTERS:,}자를 넘어요", f"one element has more than {MOST_CHARACTERS:,} characters")
