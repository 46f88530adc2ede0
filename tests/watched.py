"""What is opened below a folder, as the kernel sees it: inotify, so that a file that is only looked at by its name does not count."""

import contextlib
import ctypes
import os
import struct
from collections.abc import Iterator
from pathlib import Path

_OPENED_OR_CHANGED = 0x20 | 0x2 | 0x100 | 0x200 | 0x40 | 0x80  # IN_OPEN, MODIFY, CREATE, DELETE, MOVED_FROM, MOVED_TO
_HEAD = struct.Struct("iIII")


@contextlib.contextmanager
def opened_below(folder: Path) -> Iterator[list[str]]:
    """The names, in the order in which they were touched; filled when the block ends."""
    library = ctypes.CDLL(None, use_errno=True)
    watch = library.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0, os.strerror(ctypes.get_errno())
    touched: list[str] = []
    try:
        for one in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
            assert library.inotify_add_watch(watch, os.fsencode(one), _OPENED_OR_CHANGED) >= 0
        yield touched
        with contextlib.suppress(BlockingIOError):
            while data := os.read(watch, 1 << 16):
                touched += _names(data)
    finally:
        os.close(watch)


def _names(data: bytes) -> Iterator[str]:
    while data:
        _, _, _, length = _HEAD.unpack_from(data)
        yield data[_HEAD.size : _HEAD.size + length].rstrip(b"\0").decode(errors="replace") or "."
        data = data[_HEAD.size + length :]
