"""SECURITY.md names a test for every threat, and each is there."""

import ast
import re

from tests.architecture.project import ROOT, parsed

_ROW = re.compile(r"^\| (?P<threat>[^|]+) \| `(?P<file>tests/[^`:]+)(?:::(?P<test>[^`]+))?` \|$", re.MULTILINE)
_TABLE = re.compile(r"^## Threats.*?(?=^## )", re.MULTILINE | re.DOTALL)


def test_every_threat_names_a_test_that_is_there() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = _TABLE.search(page)
    assert table
    rows = list(_ROW.finditer(table[0]))
    assert len(rows) == len(re.findall(r"^\| ", table[0], re.MULTILINE)) - 1, "a row names no test"
    assert [row[0] for row in rows if not _is_there(row["file"], row["test"])] == []


def _is_there(file: str, test: str | None) -> bool:
    path = ROOT / file
    if not path.is_file():
        return False
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    return test is None or any(isinstance(one, functions) and one.name == test for one in parsed(path).body)


def test_the_readme_leads_to_it() -> None:
    assert "](SECURITY.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
