"""The tree that the README prints is the tree that is there."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.architecture.project import ROOT, files_below, is_ours, parsed, python_files, relative

_TREE = re.compile(r"^## Files\n.*?```\n(.*?)```", re.MULTILINE | re.DOTALL)
_LINE = re.compile(r"(?P<indent> *)(?P<name>[^\s]+)(?: {2,}(?P<purpose>\S.*))?$")
_DEPTH = 2  # of the folders that are printed; what a module is for stands in its first line
_LONGEST_PURPOSE = 150
_LONGEST_README = 200


def _printed() -> dict[str, str | None]:
    found = _TREE.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert found, "the README has no tree under `## Files`"
    paths: dict[str, str | None] = {}
    above: list[tuple[int, str]] = []
    for line in found[1].splitlines():
        match = _LINE.match(line)
        assert match, line
        indent = len(match["indent"])
        above = [(depth, name) for depth, name in above if depth < indent]
        path = "".join(name for _, name in above) + match["name"]
        if match["name"].endswith("/"):
            above.append((indent, match["name"]))
        assert path not in paths, f"{path} is printed twice"
        paths[path] = match["purpose"]
    return paths


def _real() -> set[str]:
    paths: set[str] = set()
    for entry in filter(is_ours, ROOT.iterdir()):
        for file in files_below(entry) if entry.is_dir() else [entry]:
            path = file.relative_to(ROOT)
            paths.update(f"{folder.as_posix()}/" for folder in path.parents if 0 < len(folder.parts) <= _DEPTH)
        if entry.is_file():
            paths.add(entry.name)
    return paths


def test_the_readme_prints_the_real_tree() -> None:
    printed, real = set(_printed()), _real()
    assert sorted(real - printed) == [], "missing in the README's tree"
    assert sorted(printed - real) == [], "printed, but not there"


def test_every_line_of_the_tree_says_what_it_is_for() -> None:
    assert [path for path, purpose in _printed().items() if not purpose] == []


def test_every_module_begins_by_saying_what_it_is_for() -> None:
    silent, long = [], []
    for path in python_files("kullm_tui", "trainer", "evaluator", "data"):
        tree = parsed(path)
        if tree.body:
            purpose = (ast.get_docstring(tree) or "").partition("\n")[0]
            silent += [relative(path)] if not purpose else []
            long += [f"{relative(path)}: {len(purpose)}"] if len(purpose) > _LONGEST_PURPOSE else []
    assert (silent, long) == ([], [])


def test_the_terminal_session_that_the_readme_shows_is_real(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = re.search(r"```console\n(.*?)```", text, re.DOTALL)
    assert shown
    environment = {**os.environ, "KULLM_HOME": str(tmp_path), "KULLM_LANG": "ko", "COLUMNS": "80"}
    exchanges = re.split(r"^\$ kullm(.*)\n", shown[1], flags=re.MULTILINE)
    assert len(exchanges) > 1
    for arguments, output in zip(exchanges[1::2], exchanges[2::2], strict=True):
        command = [sys.executable, "-P", "-m", "kullm_tui", *shlex.split(arguments)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240, check=False)
        assert done.stdout.rstrip() == output.rstrip(), f"kullm{arguments}\n{done.stderr}"


def test_the_readme_stays_short() -> None:
    """What a merge had put twice was the whole of its older form, below the new one."""
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= _LONGEST_README
