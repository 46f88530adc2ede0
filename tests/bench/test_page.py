"""The page of what was measured: the newest of each bench, with its machine, and a miss stays one."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

_BENCH = Path(__file__).parents[2] / "bench"


def test_the_newest_of_each_stands_there_with_its_misses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(_BENCH))
    for name in ("page", "report"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    page, report = import_module("page").page, import_module("report")

    report.Report("talk", {"repeat": 3}, tmp_path).add(
        [report.Row("echo", "61 ms", 1.22, "<= 50 ms", False), report.Row("a|b", "1", None, "", None)]
    )
    (made,) = tmp_path.glob("talk-*.json")
    made.rename(tmp_path / "talk-20260102-000000.json")
    report.Report("talk", {"repeat": 1}, tmp_path).add([report.Row("of before", "", None, "", None)])
    newer = next(file for file in tmp_path.glob("talk-*.json") if file.name != "talk-20260102-000000.json")
    newer.rename(tmp_path / "talk-20260101-000000.json")
    text = "\n".join(page(tmp_path))
    assert "| echo | 61 ms | 1.22 | <= 50 ms | MISSED |" in text
    assert "| a\\|b | 1 |  |  |  |" in text
    assert "repeat 3" in text
    assert "of before" not in text
