"""JSON that somebody else wrote: of bounded size and depth, and from regular files only.

Whatever is wrong is a ValueError, as the parser's own faults are, so that who reads a stranger's file has one thing to expect.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kullm_tui.core.language import say
from kullm_tui.core.regular_files import MOST_BYTES, BadFile, read_bytes

_DEEPEST = 64


class BadJson(BadFile):
    """Nested too deep."""


def parsed(text: str | bytes, *, parse_constant: Callable[[str], Any] | None = None) -> Any:
    try:
        value = json.loads(text, parse_constant=parse_constant)
    except RecursionError as error:
        raise _too_deep() from error
    check_depth(value)
    return value


def read(path: Path, *, most_bytes: int = MOST_BYTES) -> Any:
    """OSError where it cannot be read, a ValueError for what it holds."""
    return parsed(read_bytes(path, most_bytes=most_bytes))


def fields(path: Path) -> dict[str, Any]:
    """Of the object in the file; none where it is missing, broken, or holds something else."""
    try:
        value = read(path)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def check_depth(value: Any) -> None:
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
