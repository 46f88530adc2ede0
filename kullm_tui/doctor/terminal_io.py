"""Asking a terminal about itself, and reading what a person types, without Textual: bytes out, bytes in, never without a time-out."""

from __future__ import annotations

import codecs
import os
import re
import select
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

ESCAPE, INTERRUPT = b"\x1b", b"\x03"
# What the app asks of a terminal that speaks the kitty protocol: Textual's flags, so that keys come as they will come to the app.
KITTY_ON, KITTY_OFF = "\x1b[>25u", "\x1b[<u"

_LONE_ESCAPE_SECONDS = 0.05  # an escape that nothing follows for so long was the key
_AFTER_ENTER_SECONDS = 0.1  # some input methods hand over the last syllable behind the Enter that ended it
_LONGEST_ANSWER = 65536
_KEY = re.compile(rb"\x1b\[(\d+)(?::[\d:]*)?(?:;(\d*)(?::(\d))?)?(?:;([\d:]*))?u")
_SEQUENCE = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bO[@-~]|\x1b[@-NQ-WYZ\\`-~]"
)
_BEGUN = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[\]P_^X][^\x07\x1b]*\x1b?|O)?\Z")
_RELEASE = b"3"
_ENTER, _ESCAPE, _BACKSPACE = 13, 27, 127
_CTRL, _NOT_TYPING = 4, 0b111110  # alt, ctrl, super, hyper, meta; shift and the locks are part of typing
_FUNCTIONAL = range(57344, 63744)  # shift alone, volume keys …, in Unicode's private area


class Interrupted(Exception):
    """The person pressed ctrl-c."""


@dataclass(frozen=True)
class Typed:
    """What came until Enter. `form` is the way in which its text came; `late` came behind the Enter."""

    text: str
    ended_by: Literal["enter", "escape", "time-out"]
    form: Literal["legacy", "kitty"] = "legacy"
    late: str = ""


@contextmanager
def raw(descriptor: int) -> Iterator[None]:
    """Keys one by one and unseen; the terminal is as it was afterwards, without the answers that came too late."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


class TerminalTalk:
    def __init__(self, keyboard: int, screen: int, *, seconds: float = 1.0) -> None:
        self._keyboard, self._screen, self._seconds = keyboard, screen, seconds

    def write(self, text: str) -> None:
        data = text.encode()
        while data:
            data = data[os.write(self._screen, data) :]

    def ask(self, query: str, answer: re.Pattern[bytes]) -> re.Match[bytes] | None:
        """None where nothing came in time. Interrupted on ctrl-c."""
        self.write(query)
        arrived, deadline = b"", time.monotonic() + self._seconds
        while not (found := answer.search(arrived)):
            data = self._read(deadline)
            if not data or len(arrived) > _LONGEST_ANSWER:
                return None
            if INTERRUPT in data:
                raise Interrupted
            arrived += data
        return found

    def column(self) -> int | None:
        """Where the cursor stands, counted from 1."""
        found = self.ask("\x1b[6n", re.compile(rb"\x1b\[\??\d+;(\d+)(?:;\d+)?R"))
        return int(found[1]) if found else None

    def typed(self, echo: Callable[[str], None], *, seconds: float) -> Typed:
        """What a person types until Enter, Esc or the end of the time; `echo` gets the whole text after every key."""
        line, deadline = _Line(), time.monotonic() + seconds
        while line.ended_by is None:
            data = self._read(deadline)
            if not data:
                return Typed(line.text, "time-out", line.form)
            line.take(data)
            if line.pending == ESCAPE and not self._read(time.monotonic() + _LONE_ESCAPE_SECONDS, into=line):
                line.ended_by = "escape"
            echo(line.text)
        before = line.text
        while line.ended_by == "enter" and self._read(time.monotonic() + _AFTER_ENTER_SECONDS, into=line):
            pass
        return Typed(line.text, line.ended_by, line.form, line.text[len(before) :])

    def _read(self, deadline: float, *, into: _Line | None = None) -> bytes:
        ready, _, _ = select.select([self._keyboard], [], [], max(0.0, deadline - time.monotonic()))
        data = os.read(self._keyboard, 4096) if ready else b""
        if into and data:
            into.take(data)
        return data


class _Line:
    """The bytes of a keyboard read as a line of text, in both forms: UTF-8 as it is, and kitty's `CSI code ; modifiers ; text u`."""

    def __init__(self) -> None:
        self.text = ""
        self.form: Literal["legacy", "kitty"] = "legacy"
        self.ended_by: Literal["enter", "escape"] | None = None
        self.pending = b""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def take(self, data: bytes) -> None:
        rest = self.pending + data
        self.pending = b""
        while rest:
            if not rest.startswith(ESCAPE):
                self._plain(rest[:1])
                rest = rest[1:]
            elif key := _KEY.match(rest):
                self._key(key)
                rest = rest[key.end() :]
            elif other := _SEQUENCE.match(rest):
                rest = rest[other.end() :]
            elif _BEGUN.match(rest):
                self.pending, rest = rest, b""
            else:
                rest = rest[1:]

    def _plain(self, byte: bytes) -> None:
        if byte == INTERRUPT:
            raise Interrupted
        if byte in b"\r\n":
            self.ended_by = self.ended_by or "enter"
        elif byte in b"\x7f\x08":
            self.text = self.text[:-1]
        elif byte >= b" ":
            self.text += self._decoder.decode(byte)

    def _key(self, key: re.Match[bytes]) -> None:
        code, modifiers, event, text = int(key[1]), int(key[2] or 1) - 1, key[3], key[4]
        if event == _RELEASE:
            return
        if modifiers & _CTRL:
            if code in (ord("c"), ord("ㅊ")):
                raise Interrupted
            return
        if text:
            self.form = "kitty"
            self.text += "".join(_character(int(point)) for point in text.split(b":") if point)
        elif code == _ENTER:
            self.ended_by = self.ended_by or "enter"
        elif code == _ESCAPE:
            self.ended_by = self.ended_by or "escape"
        elif code == _BACKSPACE:
            self.text = self.text[:-1]
        elif code >= ord(" ") and code not in _FUNCTIONAL and not modifiers & _NOT_TYPING:
            self.form = "kitty"
            self.text += _character(code)


def _character(point: int) -> str:
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else "\ufffd"
