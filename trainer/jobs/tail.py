"""New whole lines of a file that another process appends to, however long it is; one that was begun anew is read anew."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.jobs.agent.files import row_of

_AT_ONCE = 1 << 20
_SEAM = 64  # bytes in front of where reading goes on, which tell the same file from another


@dataclass
class Tail:
    path: Path
    place: int | None = None  # None: behind what is there when it is first looked at
    begun_anew: int = 0  # how often: what was read before that is no longer in the file
    at_once: int = _AT_ONCE
    _seam: bytes = b""

    def __post_init__(self) -> None:
        if self.place is None:
            self.place = self.path.stat().st_size if self.path.is_file() else 0

    def data(self, *, halves: bool = False) -> bytes:
        """Some of its whole lines, of however much there is; with `halves` also of one that is being written."""
        try:
            file = self.path.open("rb")
        except OSError:
            return b""
        with file:
            if not self._goes_on(file.seek(0, os.SEEK_END), file.fileno()):
                self.place, self._seam, self.begun_anew = 0, b"", self.begun_anew + 1
            file.seek(self.place or 0)
            data = file.read(self.at_once)
        end = len(data) if halves or (len(data) == self.at_once and b"\n" not in data) else data.rfind(b"\n") + 1
        self.place = (self.place or 0) + end
        self._seam = (self._seam + data[max(0, end - _SEAM) : end])[-_SEAM:]
        return data[:end]

    def _goes_on(self, size: int, handle: int) -> bool:
        place = self.place or 0
        if size < place:
            return False
        return os.pread(handle, len(self._seam), place - len(self._seam)) == self._seam

    def rows(self) -> Iterator[dict[str, Any]]:
        while lines := self.data().splitlines():
            yield from (row for line in lines if (row := row_of(line)) is not None)
