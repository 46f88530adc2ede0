"""A cure for Textual's writer to the terminal: one that takes nothing (^S, a frozen tmux or ssh) holds up nothing else.

Textual's own keeps thirty writes waiting and then stops whoever writes one more: the event loop, and with it a reply and its journal.
Here a write never waits. A terminal that far behind is drawn no more; once it has taken everything, the screen is drawn anew as a whole.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable
from typing import TextIO

from textual.driver import Driver
from textual.drivers import linux_driver
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

_PIECE_BYTES = 16_384  # so that a slow terminal can be told from one that takes nothing
_LAST_WORDS_SECONDS = 2.0  # a terminal that has taken nothing for so long is left as it is


def install() -> None:
    """For every app that this process opens from now on."""
    vars(linux_driver)["WriterThread"] = PatientWriter


def is_behind(driver: Driver | None, then: Callable[[], None]) -> bool:
    """Whether the terminal is so far behind that drawing is of no use; if so, `then` is called in another thread once it has caught up."""
    writer = getattr(driver, "_writer_thread", None)
    return isinstance(writer, PatientWriter) and writer.is_behind(then)


class PatientWriter(WriterThread):
    """What is written waits here as long as it must, and goes out in order."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)
        self._encoding, self._errors = file.encoding or "utf-8", file.errors or "replace"
        self._changed = threading.Condition()
        self._waiting: list[str] = []
        self._behind = False
        self._then: Callable[[], None] | None = None
        self._stopping = False
        self._gone = False  # the terminal was closed
        self._taken = 0  # bytes

    def write(self, text: str) -> None:
        with self._changed:
            if not self._gone:
                self._waiting.append(text)
                self._behind = self._behind or len(self._waiting) > MAX_QUEUED_WRITES
                self._changed.notify_all()

    def is_behind(self, then: Callable[[], None]) -> bool:
        with self._changed:
            if self._behind:
                self._then = then
            return self._behind

    def run(self) -> None:
        while texts := self._next():
            try:
                self._put("".join(texts).encode(self._encoding, self._errors))
            except OSError:
                with self._changed:
                    self._gone = True
                    self._waiting.clear()

    def stop(self) -> None:
        """Back once everything is out, or the terminal takes no more."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        taken = -1
        while self.is_alive() and taken != self._taken:
            taken = self._taken
            self.join(_LAST_WORDS_SECONDS)

    def _next(self) -> list[str]:
        """Everything that waits, as soon as something does; nothing: it is over."""
        with self._changed:
            if not self._waiting:
                self._caught_up()
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            texts, self._waiting = self._waiting, []
            return texts

    def _caught_up(self) -> None:
        self._behind = False
        then, self._then = self._then, None
        if then:
            then()

    def _put(self, data: bytes) -> None:
        # Past Python's own file: its lock, held by a write that never ends, would hold up the end of the process.
        terminal = self.fileno()
        rest = memoryview(data)
        while rest:
            written = 0
            with contextlib.suppress(BlockingIOError):  # another program on this terminal may have set it so
                written = os.write(terminal, rest[:_PIECE_BYTES])
            if not written:
                select.select((), (terminal,), ())
            rest = rest[written:]
            self._taken += written
