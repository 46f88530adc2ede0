"""docs/benchmarks.md, out of the JSON that the benches left: the newest of each, with its machine and whatever missed its goal.

python -P bench/page.py [FOLDER] > docs/benchmarks.md
"""

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_FILE = re.compile(r"(.+)-(\d{8}-\d{6})\.json")
_HEAD = """# What was measured

Made by `python -P bench/page.py` from what the benches of `bench/` left (`make bench` runs them), the newest of each. Ours stands first in a ratio. MISSED stays until it is met; why it was
missed, and what was tried, is in [experiments](experiments.md). A machine that others use as well measures ratios better than seconds."""


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.gettempdir()) / "kullm-bench"
    print("\n".join(page(folder)))


def page(folder: Path) -> Iterator[str]:
    yield _HEAD
    newest: dict[str, tuple[str, Path]] = {}
    for file in folder.glob("*.json"):
        if match := _FILE.fullmatch(file.name):
            newest[match[1]] = max(newest.get(match[1], ("", file)), (match[2], file))
    for name, (_, file) in sorted(newest.items()):
        yield from _section(name, json.loads(file.read_text(encoding="utf-8")))


def _section(name: str, facts: Mapping[str, Any]) -> Iterator[str]:
    machine = facts["machine"]
    changed = " and uncommitted changes" if machine["uncommitted_changes"] else ""
    settings = ", ".join(f"{key} {value}" for key, value in facts["settings"].items() if value not in ("", [], None))
    yield f"\n## {name}\n"
    yield (
        f"{machine['time'][:10]}, {machine['cpu']}, {machine['cores']} cores ({machine['path']}), Python {machine['python']}, "
        f"commit {machine['commit'][:7]}{changed}{'; ' if settings else ''}{settings}.\n"
    )
    yield "| promise | found | ratio | goal | |"
    yield "|---|---|---|---|---|"
    for row in facts["rows"]:
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        verdict = {True: "met", False: "MISSED", None: ""}[row["met"]]
        yield "| " + " | ".join(map(_cell, (row["promise"], row["found"], ratio, row["goal"], verdict))) + " |"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    main()
