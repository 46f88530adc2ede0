"""The log of a job's attempts, of any length: windows of its lines read from where they lie, and what is looked for found in the file itself."""

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.text import nfc, terminal_safe

WINDOW = 1 << 18  # bytes that are read around a place
_AT_ONCE = 1 << 16  # searched in a moment in which no key is answered
_OVERLAP = 4096  # so that nothing is missed on the seam of two pieces
_LONGEST_LINE = 2000

# What a trainer says when it breaks: Python's own first line, torchrun's, the driver's.
FIRST_ERROR = re.compile(
    rb"^(?:\[[^\n\]]{1,80}\]:?\s*)?(?:Traceback \(most recent call last\)|[\w.]*(?:Error|Exception)\b[:(]|ERROR\b|FATAL\b|Killed\b|"
    rb"Segmentation fault|CUDA error|NCCL error)|out of memory|No space left on device",
    re.MULTILINE | re.IGNORECASE,
)


@dataclass(frozen=True)
class Page:
    """Whole lines of a file and where they lie."""

    begin: int = 0
    end: int = 0
    size: int = 0  # of the file when it was read
    lines: tuple[str, ...] = ()
    places: tuple[int, ...] = ()  # where each line begins

    @property
    def is_last(self) -> bool:
        return self.end >= self.size

    def line_at(self, place: int) -> int:
        """The line in which that byte lies."""
        found = [at for at, begin in enumerate(self.places) if begin <= place]
        return found[-1] if found else 0


def page(path: Path, place: int | None = None) -> Page:
    """Around a byte; without one the end. An empty page for a file that is not there."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            begin = max(0, size - WINDOW if place is None else min(place - WINDOW // 4, size - WINDOW))
            file.seek(begin)
            data = file.read(WINDOW)
    except OSError:
        return Page()
    if begin:
        cut = data.find(b"\n") + 1
        begin, data = begin + cut, data[cut:]
    places, lines, at = list[int](), list[str](), begin
    for raw in data.split(b"\n"):
        places.append(at)
        lines.append(shown(raw))
        at += len(raw) + 1
    if lines and not lines[-1]:
        del lines[-1], places[-1]
    return Page(begin, begin + len(data), size, tuple(lines), tuple(places))


def shown(raw: bytes) -> str:
    """What a terminal would be left with: of a bar that was drawn over itself the last state, and nothing that is obeyed."""
    last = raw.rstrip(b"\r").rpartition(b"\r")[2]
    text = codecs.decode(last[: 4 * _LONGEST_LINE], "utf-8", "replace").expandtabs(4)
    return terminal_safe(nfc(text))[:_LONGEST_LINE].replace("\n", " ")


def find(path: Path, pattern: re.Pattern[bytes], place: int, *, backwards: bool = False) -> int | None:
    """The first match behind that byte, or the last one in front of it."""
    if backwards:
        last = None
        for last in _matches(path, pattern, 0, place):  # noqa: B007 - the last one is wanted
            pass
        return last
    return next(_matches(path, pattern, place, None), None)


def _matches(path: Path, pattern: re.Pattern[bytes], begin: int, end: int | None) -> Iterator[int]:
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        file.seek(begin)
        held, at, past = b"", begin, begin
        while block := file.read(_AT_ONCE):
            data = held + block
            for match in pattern.finditer(data):
                found = at + match.start()
                if found >= past:
                    if end is not None and found >= end:
                        return
                    past = found + 1
                    yield found
            if end is not None and at + len(data) >= end:
                return
            held = data[-_OVERLAP:]
            at += len(data) - len(held)


def words(text: str) -> re.Pattern[bytes]:
    """What was typed, in any case."""
    return re.compile(re.escape(nfc(text).encode()), re.IGNORECASE)
