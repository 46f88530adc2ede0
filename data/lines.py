"""JSON lines that this program wrote for itself: the rows between steps, and a finished set's own files."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def line_of(told: Mapping[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def told_in(line: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line)
    return told


def told_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as lines:
        yield from map(told_in, lines)
