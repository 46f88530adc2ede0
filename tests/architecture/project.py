"""The project's own files, found without git: a clean checkout may have none."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_GENERATED = {"__pycache__", "build", "dist", "node_modules"}
_HIDDEN_BUT_OURS = {".ci", ".gitignore"}


def is_ours(path: Path) -> bool:
    hidden = path.name.startswith(".") and path.name not in _HIDDEN_BUT_OURS
    return not hidden and path.name not in _GENERATED and path.suffix not in (".egg-info", ".pyc")


def files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if not is_ours(path):
            continue
        if path.is_dir():
            yield from files_below(path)
        else:
            yield path


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in files_below(ROOT / folder) if path.suffix == ".py"]


@cache
def parsed(path: Path) -> ast.Module:
    """Read once for all tests, none of which may change it."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()
