"""Rows of a file as they stand there: JSON lines, JSON, CSV, TSV, parquet, the first four also packed by gzip.

Nothing is held but the row that is read. What cannot be read is a `BadLine` with its line, and the rest goes on.
"""

import csv
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import BinaryIO

from data.sources import json_stream, tables
from data.sources.raw import MOST_BYTES, USUAL, BadLine, Layout, Raw, RawRow, not_utf_8
from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.extras import require_parquet
from kullm_tui.core.language import say

_BOM = b"\xef\xbb\xbf"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_PACKED = ".gz"
_BLOCK_BYTES = 1 << 20
_BATCH_ROWS = 256


def rows_of_file(path: Path, layout: Layout = USUAL) -> Iterator[Raw]:
    """ConfigError where the file is missing or of no kind that is read; all else is said of its line."""
    read = _reader(path)
    line = 0
    try:
        for raw in read(path, layout):
            line = raw.line if isinstance(raw, RawRow) else raw.number
            yield raw
    except (EOFError, zlib.error, gzip.BadGzipFile):
        broken = say("압축이 깨져 그 뒤는 읽지 못했어요", "the archive is broken; what follows was not read")
        yield BadLine(line + 1, broken, of_file=True)
    except OSError as error:
        raise _unreadable(path, error) from error


def place_of(name: str, raw: Raw) -> str:
    """For a person: FILE:LINE, with the row's number where it is another, FILE#NUMBER where there are no lines."""
    if isinstance(raw, BadLine):
        return f"{name}:{raw.number}"
    if not raw.line:
        return f"{name}#{raw.number}"
    return f"{name}:{raw.line}" if raw.line == raw.number else f"{name}:{raw.line}#{raw.number}"


def digest_of(paths: Iterable[Path]) -> str:
    """The sha256 of what these files hold, one behind the other."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            with path.open("rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            raise _unreadable(path, error) from error
    return digest.hexdigest()


def _kind(path: Path) -> str:
    name = path.with_suffix("") if path.suffix.lower() == _PACKED else path
    return name.suffix.lower()


def _reader(path: Path) -> "_Reader":
    read = _READERS.get(_kind(path))
    if read is None:
        known = ", ".join(_READERS)
        raise ConfigError(
            say(
                f"{path}: 읽을 수 없는 형식이에요. {known} 파일을 고르세요.",
                f"{path}: not a kind of file that is read here. Choose one of {known}.",
            )
        )
    return read


def _opened(path: Path) -> BinaryIO:
    return gzip.open(path) if path.suffix.lower() == _PACKED else path.open("rb")  # type: ignore[return-value]


def _json_lines(path: Path, _: Layout) -> Iterator[Raw]:
    with _opened(path) as file:
        number = 0
        while line := file.readline(MOST_BYTES + 1):
            number += 1
            if len(line) > MOST_BYTES:
                _pass_line(file, line)
                yield BadLine(number, _too_long())
            elif text := line.removeprefix(_BOM).strip():  # in any line: files are joined with their marks in them
                yield _parsed(number, text)
                if number == 1 and text.startswith(_UTF_16):
                    return


def _pass_line(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(MOST_BYTES)


def _parsed(number: int, line: bytes) -> Raw:
    try:
        row = foreign_json.parsed(line.decode())
    except UnicodeDecodeError:
        return BadLine(number, not_utf_8())
    except foreign_json.BadJson:
        return BadLine(number, say("JSON이 너무 깊어요", "JSON nested too deeply"))
    except ValueError as error:
        return BadLine(number, say(f"JSON이 아니에요: {cause_of(error)}", f"not JSON: {error}"))
    return RawRow(number, row, number) if isinstance(row, dict) else _no_object(number)


def _json(path: Path, layout: Layout) -> Iterator[Raw]:
    """A list of objects; files of that name that hold JSON lines are read as those."""
    with _opened(path) as file:
        mark = file.read(len(_BOM) + 512).removeprefix(_BOM).lstrip()[:1]
        if mark == b"[" or (mark == b"{" and layout.inside):
            file.seek(0)
            yield from _elements(file, layout)
            return
    yield from _json_lines(path, layout)


def _elements(file: BinaryIO, layout: Layout) -> Iterator[Raw]:
    for number, one in enumerate(json_stream.elements(file, inside=layout.inside), start=1):
        if isinstance(one, json_stream.Broken):
            yield BadLine(one.line, one.fault, of_file=True)
        elif isinstance(one.value, dict):
            yield RawRow(number, one.value, one.line)
        else:
            yield _no_object(one.line)


def _table(path: Path, layout: Layout, *, dialect: type[csv.Dialect]) -> Iterator[Raw]:
    with _opened(path) as file:
        yield from tables.rows(file, layout, dialect)


def _parquet(path: Path, _: Layout) -> Iterator[Raw]:
    require_parquet()
    import pyarrow
    import pyarrow.parquet

    number = 0
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield RawRow(number, row)
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        yield BadLine(number + 1, say("Parquet 파일이 깨졌어요", str(error).partition("\n")[0]), of_file=True)


def _unreadable(path: Path, error: OSError) -> ConfigError:
    reason = cause_of(error)
    return ConfigError(say(f"{path} 파일을 읽을 수 없어요({reason}).", f"{path} cannot be read ({reason})."))


def _too_long() -> str:
    return say(f"한 줄이 {MOST_BYTES >> 20} MB를 넘어요", f"one line has more than {MOST_BYTES >> 20} MB")


def _no_object(number: int) -> BadLine:
    return BadLine(number, say("JSON 객체가 아니에요", "not a JSON object"))


_Reader = Callable[[Path, Layout], Iterator[Raw]]
_READERS: Mapping[str, _Reader] = {
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": partial(_table, dialect=csv.excel),
    ".tsv": partial(_table, dialect=csv.excel_tab),
    ".parquet": _parquet,
}
