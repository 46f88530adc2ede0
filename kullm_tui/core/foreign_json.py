"""JSON that somebody else wrote: of bounded size and depth, and from regular files only.

Whatever is wrong is a ValueError, as the parser's own faults are, so that who reads a stranger's file has one thing to expect.
"""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kullm_tui.core.language import say

MOST_BYTES = 64 << 20
_DEEPEST = 64


class BadJson(ValueError):
    """Too large, too deep, or no file that ends."""


def parsed(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    try:
        value = json.loads(text, parse_constant=parse_constant)
    except RecursionError as error:
        raise _too_deep() from error
    _check_depth(value)
    return value


def read(path: Path, *, most_bytes: int = MOST_BYTES) -> Any:
    """OSError where it cannot be read, a ValueError for what it holds."""
    return parsed(read_bytes(path, most_bytes=most_bytes))


def read_bytes(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """Never waits for a pipe, never follows a device that has no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadJson(say("보통 파일이 아님", "not a regular file"))
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise BadJson(say(f"{most_bytes:,}바이트를 넘음", f"more than {most_bytes} bytes"))
    return content


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for outer in level for inner in _inside(outer) if isinstance(inner, list | dict)]
        if not level:
            return
    raise _too_deep()


def _too_deep() -> BadJson:
    return BadJson(say(f"{_DEEPEST}겹보다 깊게 중첩됨", f"nested more than {_DEEPEST} deep"))


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
