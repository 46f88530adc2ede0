"""The guides as what somebody types who follows them: the lines of their shell blocks, in order."""

import re
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs"
NAMES = tuple(sorted(path.stem for path in (FOLDER / "ko").glob("*.md")))
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_HERE = re.compile(r"<<'(\S+)'$")


def page(language: str, name: str) -> str:
    return (FOLDER / language / f"{name}.md").read_text(encoding="utf-8")


def commands(text: str) -> Iterator[str]:
    """Each with the lines that it reads from here."""
    for block in _BLOCK.findall(text):
        lines = iter(block.splitlines())
        for line in lines:
            if not line.strip():
                continue
            taken = [line]
            if here := _HERE.search(line):
                taken += _until(lines, here[1])
            yield "\n".join(taken)


def _until(lines: Iterator[str], end: str) -> Iterator[str]:
    for line in lines:
        yield line
        if line == end:
            return
    raise AssertionError(f"nothing ends what begins with {end}")
