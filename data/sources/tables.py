"""Rows of a CSV or TSV, each with the line that it begins on; a line in another encoding costs itself alone."""

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO, TextIO

from data.sources.raw import MOST_BYTES, BadLine, Layout, Raw, RawRow, not_utf_8
from kullm_tui.core.language import say
from kullm_tui.core.text import is_whole

_END = "\ue000end\ue001"  # of characters that no text has


def rows(file: BinaryIO, layout: Layout, dialect: type[csv.Dialect]) -> Iterator[Raw]:
    csv.field_size_limit(MOST_BYTES)  # the usual limit is shorter than a long answer
    with io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="") as text:
        lines = _lines(text)
        reader = csv.reader(lines, dialect, quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE)
        yield from _rows(reader, layout.header)


def _rows(reader: Any, header: tuple[str, ...]) -> Iterator[Raw]:
    for line, cells in _cells(reader):
        if isinstance(cells, BadLine):
            yield cells
        elif not header:
            header = tuple(cells)
            if fault := _fault_of_header(header):
                yield BadLine(line, fault, of_file=True)
                return
        elif cells:
            yield _row(line, header, cells)


def _cells(reader: Any) -> Iterator[tuple[int, list[str] | BadLine]]:
    """Each row with the line that it begins on."""
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield line, BadLine(line, say("표로 읽을 수 없어요", str(error)), of_file=True)
            continue
        if cells == [_END]:
            return
        if cells and cells[-1].endswith(_END):
            unclosed = say(
                "닫히지 않은 따옴표가 있어 그 뒤는 읽지 못했어요", "a quote is never closed; what follows was not read"
            )
            yield line, BadLine(line, unclosed, of_file=True)
            return
        yield line, cells


def _lines(text: TextIO) -> Iterator[str]:
    """The last is a row of ours: where it is taken for a part of a cell, that cell would have swallowed the rest of the file."""
    yield from iter(lambda: text.readline(MOST_BYTES), "")
    yield _END


def _row(number: int, header: tuple[str, ...], cells: list[str]) -> Raw:
    if not all(map(is_whole, cells)):
        return BadLine(number, not_utf_8(), of_file=True)
    if len(cells) > len(header):
        return BadLine(
            number,
            say(
                f"칸이 {len(cells)}개로 제목 줄의 {len(header)}개보다 많아요",
                f"{len(cells)} cells under a header of {len(header)}",
            ),
        )
    return RawRow(number, dict(zip(header, cells, strict=False)), number)


def _fault_of_header(header: tuple[str, ...]) -> str:
    if not all(map(is_whole, header)):
        return not_utf_8()
    twice = ", ".join(sorted({name for name in header if header.count(name) > 1}))
    if not twice:
        return ""
    return say(
        f"제목 줄에 같은 이름의 열이 두 번 있어요: {twice}. 이름을 바꿔 주세요",
        f"the header names a column twice: {twice}. Rename one",
    )
