"""Files out of a stranger's folder: only regular ones are opened, none is waited for, and none is read beyond its bound."""

import os
import stat
from pathlib import Path

from kullm_tui.core.language import say

MOST_BYTES = 64 << 20  # the largest tokenizer.json in use has half of it
_UNBOUNDED = (".safetensors", ".bin", ".pt", ".pth", ".gguf", ".h5", ".msgpack", ".onnx", ".ot")
_DEEPEST = 2  # what a library may open by itself: `chat_template.jinja`, `additional_chat_templates/tool.jinja`
_MOST_ENTRIES = 10_000


class BadFile(ValueError):
    """No regular file, or larger than allowed."""


def read_bytes(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Never waits for a pipe, never follows a device that has no end. OSError where it cannot be opened."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _not_regular()
        # The size first: a file with a hole of a terabyte is never begun.
        content = file.read(most_bytes + 1) if status.st_size <= most_bytes else None
    if content is None or len(content) > most_bytes:
        raise _too_large(most_bytes)
    return content


def read_text(path: Path, *, most_bytes: int = MOST_BYTES) -> str:
    return read_bytes(path, most_bytes=most_bytes).decode("utf-8")


def check_folder(folder: Path) -> None:
    """For libraries that open files by their own means: BadFile unless all that they could open ends, and soon."""
    waiting, seen = [(folder, 0)], 0
    while waiting:
        here, depth = waiting.pop()
        with os.scandir(here) as entries:
            for entry in entries:
                seen += 1
                if seen > _MOST_ENTRIES:
                    raise BadFile(say(f"파일이 {_MOST_ENTRIES:,}개를 넘음", f"more than {_MOST_ENTRIES} files"))
                if entry.is_dir():
                    waiting += [(Path(entry.path), depth + 1)] * (depth < _DEEPEST)
                else:
                    _check_entry(entry)


def _check_entry(entry: os.DirEntry[str]) -> None:
    try:
        status = entry.stat()
    except FileNotFoundError:  # a link to nowhere is no file at all
        return
    if not stat.S_ISREG(status.st_mode):
        raise BadFile(f"{entry.name}: {_not_regular()}")
    if status.st_size > MOST_BYTES and not entry.name.endswith(_UNBOUNDED):
        raise BadFile(f"{entry.name}: {_too_large(MOST_BYTES)}")


def _not_regular() -> BadFile:
    return BadFile(say("보통 파일이 아님", "not a regular file"))


def _too_large(most_bytes: int) -> BadFile:
    return BadFile(say(f"{most_bytes:,}바이트를 넘음", f"more than {most_bytes} bytes"))
