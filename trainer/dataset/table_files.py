"""Rows of a file as they stand there: JSON lines, JSON, CSV, TSV, parquet. A line that cannot be read is a fault with its number."""

import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError, MissingExtra
from kullm_tui.core.language import say

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class BadLine:
    number: int
    fault: str
    reason: str = "unreadable"


Raw = tuple[int, Mapping[str, Any]] | BadLine


def rows_of_file(path: Path) -> Iterator[Raw]:
    """With each row's number in the file: its line where the file has lines."""
    read = _READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join(_READERS)
        raise ConfigError(
            say(
                f"{path}: 읽을 수 없는 형식이에요. {known} 파일을 고르세요.",
                f"{path}: not a kind of file that is read here. Choose one of {known}.",
            )
        )
    try:
        yield from read(path)
    except OSError as error:
        reason = cause_of(error)
        raise ConfigError(
            say(f"{path} 파일을 읽을 수 없어요({reason}).", f"{path} cannot be read ({reason}).")
        ) from error


def _json_lines(path: Path) -> Iterator[Raw]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            text = line.removeprefix(_BOM).strip() if number == 1 else line.strip()
            if text:
                yield _parsed(number, text)


def _parsed(number: int, line: bytes) -> Raw:
    try:
        row = foreign_json.parsed(line.decode())
    except UnicodeDecodeError:
        return BadLine(number, say("UTF-8이 아니에요", "not UTF-8"))
    except foreign_json.BadJson:
        return BadLine(number, say("JSON이 너무 깊어요", "JSON nested too deeply"))
    except ValueError as error:
        return BadLine(number, say(f"JSON이 아니에요: {cause_of(error)}", f"not JSON: {error}"))
    return (number, row) if isinstance(row, dict) else BadLine(number, say("JSON 객체가 아니에요", "not a JSON object"))


def _json(path: Path) -> Iterator[Raw]:
    """A list of objects; files of that name that hold JSON lines are read as those."""
    content = path.read_bytes().removeprefix(_BOM)
    if not content.lstrip().startswith(b"["):
        yield from _json_lines(path)
        return
    try:
        rows = foreign_json.parsed(content.decode())
    except UnicodeDecodeError as error:
        raise _unreadable(
            path, content.count(b"\n", 0, error.start) + 1, say("UTF-8이 아니에요", "not UTF-8")
        ) from error
    except foreign_json.BadJson as error:
        raise _unreadable(path, 1, say("JSON이 너무 깊어요", "JSON nested too deeply")) from error
    except json.JSONDecodeError as error:
        raise _unreadable(
            path, error.lineno, say(f"JSON이 아니에요: {cause_of(error)}", f"not JSON: {error.msg}")
        ) from error
    for number, row in enumerate(rows, start=1):
        if isinstance(row, dict):
            yield number, row
        else:
            yield BadLine(number, say("JSON 객체가 아니에요", "not a JSON object"))


def _table(dialect: type[csv.Dialect]) -> Callable[[Path], Iterator[Raw]]:
    def read(path: Path) -> Iterator[Raw]:
        csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # the usual limit is shorter than a long answer
        with path.open("rb") as file:
            reader = csv.reader(_decoded(path, file), dialect)
            try:
                header = next(reader, [])
                _require_distinct(path, header)
                for cells in reader:
                    if cells:
                        yield _row(reader.line_num, header, cells)
            except csv.Error as error:
                raise _unreadable(path, reader.line_num, str(error)) from error

    return read


def _row(number: int, header: list[str], cells: list[str]) -> Raw:
    if len(cells) > len(header):
        return BadLine(
            number,
            say(
                f"칸이 {len(cells)}개로 제목 줄의 {len(header)}개보다 많아요",
                f"{len(cells)} cells under a header of {len(header)}",
            ),
        )
    return number, dict(zip(header, cells, strict=False))


def _decoded(path: Path, file: Iterator[bytes]) -> Iterator[str]:
    for number, line in enumerate(file, start=1):
        try:
            yield (line.removeprefix(_BOM) if number == 1 else line).decode()
        except UnicodeDecodeError as error:
            raise _unreadable(path, number, say("UTF-8이 아니에요", "not UTF-8")) from error


def _require_distinct(path: Path, header: list[str]) -> None:
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ConfigError(
            say(
                f"{path}: 제목 줄에 같은 이름의 열이 두 번 있어요: {', '.join(twice)}\n이름을 바꿔 주세요.",
                f"{path}: the header names a column twice: {', '.join(twice)}\nRename one.",
            )
        )


def _parquet(path: Path) -> Iterator[Raw]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise parquet_missing() from error
    number = 0
    try:
        for batch in pyarrow.parquet.ParquetFile(path).iter_batches(batch_size=1024):
            for row in batch.to_pylist():
                number += 1
                yield number, row
    except pyarrow.ArrowInvalid as error:
        raise _unreadable(path, number + 1, str(error)) from error


def parquet_missing() -> MissingExtra:
    return MissingExtra(
        say(
            "parquet 파일과 허브의 데이터셋을 읽으려면 datasets가 필요해요: pip install 'kullm[train]'",
            "Parquet files and data sets of the hub need datasets: pip install 'kullm[train]'",
        )
    )


def _unreadable(path: Path, number: int, fault: str) -> ConfigError:
    return ConfigError(
        say(
            f"{path} {number}번째 줄을 읽을 수 없어요({fault}). 그 줄을 고치거나 UTF-8로 다시 저장해 주세요.",
            f"{path}, line {number} cannot be read ({fault}). Correct it, or save the file as UTF-8.",
        )
    )


_READERS: Mapping[str, Callable[[Path], Iterator[Raw]]] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _table(csv.excel),
    ".tsv": _table(csv.excel_tab),
    ".parquet": _parquet,
}
