"""Data to be chosen: what was built by the names of their mixtures, and one's own files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.open_file import OpenFile, PathRow
from trainer.built_sets import MIXTURE, built_sets


@dataclass(frozen=True)
class BuiltRow(PathRow):
    rows: int = 0

    def draw(self, _line: int, width: int, /) -> Content:
        told = say(f"{self.rows:,}행", f"{self.rows:,} rows")
        return Content.assemble(" ", self.path, (f"  {told}", "$quiet")).truncate(width, ellipsis=True)


def choose_data() -> OpenFile[str]:
    return OpenFile(
        _named,
        say("어떤 데이터로 학습할까요?", "What is to be trained on?"),
        say("만든 혼합 · jsonl, json, csv, parquet", "what was built · jsonl, json, csv, parquet"),
        offered=_offered,
    )


def _offered() -> Sequence[PathRow]:
    return [BuiltRow(one.source, rows=one.rows) for one in built_sets()]


def _named(path: Path) -> str:
    return str(path) if str(path).startswith(MIXTURE) else str(path.resolve())
