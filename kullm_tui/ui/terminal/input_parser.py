"""Cures for what Textual's parser of terminal input does to Korean and to pastes. Nothing else of Textual is changed.

- A committed word arrives under the kitty protocol as one escape sequence, `CSI 0;;50504:45397:…u`; the parser gives up at 32
  characters and types the sequence itself into the prompt.
- An escape sequence inside a bracketed paste makes the parser type the rest of the paste as keys, its line ends as Enter: pasting
  a coloured log would send half of it. Here a paste is cut out whole before the parser sees it.
- `ESC CR`, which many terminals are set up to send for Shift+Enter, is read as Enter. Here it is alt+enter, a new line.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from types import ModuleType

from textual import _xterm_parser, events
from textual.drivers import linux_driver
from textual.message import Message

LONGEST_SEQUENCE = 512
_ALT_ENTER = "\x1b\r"
_START, _END = _xterm_parser.BRACKETED_PASTE_START, _xterm_parser.BRACKETED_PASTE_END


def install(driver: ModuleType = linux_driver) -> None:
    """For every app that this process opens with that driver from now on."""
    _xterm_parser._MAX_SEQUENCE_SEARCH_THRESHOLD = LONGEST_SEQUENCE
    vars(driver)["XTermParser"] = PasteParser


class PasteParser(_xterm_parser.XTermParser):
    """Bracketed pastes as one event each, whatever is in them; the rest as Textual reads it."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._tail = ""  # the last characters that went to Textual, where a marker may have begun
        self._pasted: list[str] | None = None  # within a paste: what has come of it

    def feed(self, data: str) -> Iterable[Message]:
        if not data:
            yield from super().feed(data)  # the end of the input
        while data:
            data = yield from (self._within(data) if self._pasted is not None else self._outside(data))

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if sequence == _ALT_ENTER:
            return [events.Key("alt+enter", None)]
        return super()._sequence_to_key_events(sequence, alt=alt)

    def _outside(self, data: str) -> Generator[Message, None, str]:
        """Feeds up to and with a start marker; returns what follows it."""
        seen = self._tail + data
        at = seen.find(_START)
        if at < 0:
            self._tail = seen[1 - len(_START) :]
            yield from super().feed(data)
            return ""
        cut = at + len(_START) - len(self._tail)
        # The parser itself is led through an empty paste, which is dropped, so that it stands in no half-read sequence.
        for message in super().feed(data[:cut] + _END):
            if not isinstance(message, events.Paste):
                yield message
        self._tail = ""
        self._pasted = []
        return data[cut:]

    def _within(self, data: str) -> Generator[Message, None, str]:
        assert self._pasted is not None
        # A marker may lie across the border of two reads.
        last = "".join(self._pasted[-len(_END) :])[1 - len(_END) :]
        at = (last + data).find(_END)
        if at < 0:
            self._pasted.append(data)
            return ""
        cut = at + len(_END) - len(last)
        text = ("".join(self._pasted) + data[:cut]).removesuffix(_END)
        self._pasted = None
        yield events.Paste(text.replace("\x00", ""))
        return data[cut:]
