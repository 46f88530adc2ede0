"""Rows of every kind of file; what is broken is said with its line, and the rest goes on."""

import csv
import gzip
import json
import os
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from data.sources import files
from data.sources.files import place_of, rows_of_file
from data.sources.raw import BadLine, Layout, Raw, RawRow
from kullm_tui.core.errors import ConfigError
from tests.growth import growth

ROW = {"instruction": "수도는?", "output": "서울"}
LINE = json.dumps(ROW, ensure_ascii=False).encode()


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read(path: Path, **layout: object) -> list[Raw]:
    return list(rows_of_file(path, Layout(**layout)))  # type: ignore[arg-type]


def good(raws: list[Raw]) -> list[int]:
    return [raw.line for raw in raws if isinstance(raw, RawRow)]


def bad(raws: list[Raw]) -> list[tuple[int, str]]:
    return [(raw.number, raw.fault) for raw in raws if isinstance(raw, BadLine)]


def test_every_broken_line_of_json_lines_is_said_and_the_rest_is_read(tmp_path: Path) -> None:
    lines = [
        b"\xef\xbb\xbf" + LINE,
        b"{",
        LINE.decode().encode("cp949"),
        b"",
        b"[1]",
        b"\xef\xbb\xbf" + LINE,  # where a file with a mark was appended
        b'{"a": ' + b"[" * 200_000,
        b"\0" * 1000,
        LINE + b"\r",
        LINE,
    ]
    raws = read(written(tmp_path / "a.jsonl", b"\n".join(lines)))
    assert good(raws) == [1, 6, 9, 10]
    assert [number for number, _ in bad(raws)] == [2, 3, 5, 7, 8]
    assert all(raw.fields == ROW for raw in raws if isinstance(raw, RawRow))
    assert not any(raw.of_file for raw in raws if isinstance(raw, BadLine))


def test_a_row_of_ten_megabytes_is_a_row_and_one_without_end_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = json.dumps({"instruction": "질문", "output": "a" * 10_000_000}).encode()
    path = written(tmp_path / "a.jsonl", b"\n".join([LINE, long, LINE]))
    assert good(read(path)) == [1, 2, 3]
    monkeypatch.setattr(files, "MOST_BYTES", 1 << 20)
    raws = read(path)
    assert good(raws) == [1, 3]
    assert bad(raws) == [(2, "one line has more than 1 MB")]


def test_a_long_row_takes_time_that_grows_with_its_length(tmp_path: Path) -> None:
    def reads(size: int) -> None:
        for kind in ("jsonl", "json", "csv"):
            assert len(read(tmp_path / f"{size}.{kind}")) == 1

    for size in (250_000, 2_000_000):
        text = "가" * size
        row = json.dumps({"instruction": "질문", "output": text}, ensure_ascii=False)
        (tmp_path / f"{size}.jsonl").write_text(row, encoding="utf-8")
        (tmp_path / f"{size}.json").write_text(f"[{row}]", encoding="utf-8")
        (tmp_path / f"{size}.csv").write_text(f"instruction,output\n질문,{text}\n", encoding="utf-8")
    assert growth(reads, 250_000) < 3


def test_json_arrays_have_lines_and_numbers_and_go_on_behind_what_is_broken(tmp_path: Path) -> None:
    text = '[\n  {"a": 1},\n  5,\n  {"a" 2},\n  {"a": 3}\n]'
    raws = read(written(tmp_path / "a.json", text.encode()))
    assert raws[0] == RawRow(1, {"a": 1}, 2)
    assert [number for number, _ in bad(raws)] == [3, 4]
    assert isinstance(raws[-1], RawRow)
    assert raws[-1].line == 5
    assert place_of("a.json", raws[0]) == "a.json:2#1"
    assert place_of("a.json", raws[1]) == "a.json:3"


def test_json_lines_under_the_name_of_json_and_json_with_a_mark_are_read(tmp_path: Path) -> None:
    assert good(read(written(tmp_path / "a.json", LINE + b"\n" + LINE))) == [1, 2]
    assert good(read(written(tmp_path / "b.json", b"\xef\xbb\xbf \n[" + LINE + b"]"))) == [2]


def test_an_array_inside_an_object_is_read_where_the_layout_names_it(tmp_path: Path) -> None:
    path = written(tmp_path / "a.json", json.dumps({"version": "1", "data": [{"b": 1}, {"b": 2}]}, indent=1).encode())
    assert [raw.fields for raw in read(path, inside="data") if isinstance(raw, RawRow)] == [
        {"version": "1", "data": {"b": 1}},
        {"version": "1", "data": {"b": 2}},
    ]


def test_packed_files_are_read_and_a_cut_one_says_where_it_ends(tmp_path: Path) -> None:
    text = b"".join(
        json.dumps({"instruction": os.urandom(40).hex(), "output": "b"}).encode() + b"\n" for _ in range(500)
    )
    packed = gzip.compress(text)
    assert len(good(read(written(tmp_path / "a.jsonl.gz", packed)))) == 500
    raws = read(written(tmp_path / "b.jsonl.gz", packed[: len(packed) // 2]))
    ((number, fault),) = bad(raws)
    assert good(raws) == list(range(1, number))
    assert number > 100
    assert "archive" in fault
    ((number, _),) = bad(read(written(tmp_path / "c.json.gz", b"no archive")))
    assert number == 1


def test_tables_go_on_behind_a_line_in_another_encoding(tmp_path: Path) -> None:
    content = (
        "instruction,output\n수도는?,서울\n".encode() + "수도는?,서울\n".encode("cp949") + "수도는?,서울\n".encode()
    )
    raws = read(written(tmp_path / "a.csv", content))
    assert good(raws) == [2, 4]
    assert bad(raws) == [(3, "not UTF-8")]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_cells_with_line_breaks_commas_and_nuls_stay_cells(tmp_path: Path, newline: str) -> None:
    path = tmp_path / "a.csv"
    rows = [["instruction", "output"], ["한\n줄, 두 줄", "a\0b"], ["c", "d"]]
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, lineterminator=newline).writerows(rows)
    raws = read(path)
    assert [list(raw.fields.values()) for raw in raws if isinstance(raw, RawRow)] == rows[1:]


def test_a_table_without_a_header_has_the_layouts_and_its_quotes_may_mean_nothing(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tsv", b'a "b"\tc\n"d\te\nf\tg\n')
    raws = read(path, header=("one", "two"), quoted=False)
    assert [raw.fields for raw in raws if isinstance(raw, RawRow)] == [
        {"one": 'a "b"', "two": "c"},
        {"one": '"d', "two": "e"},
        {"one": "f", "two": "g"},
    ]
    assert len(read(path, header=("one", "two"))) == 2  # with quotes, a quoted cell goes over the line's end


def test_a_quote_that_is_never_closed_does_not_swallow_the_rest_in_silence(tmp_path: Path) -> None:
    raws = read(written(tmp_path / "a.csv", b'a,b\n1,"two\nlines"\n3,4\n5,"6\n7,8\n9,10\n'))
    assert good(raws) == [2, 4]
    assert bad(raws) == [(5, "a quote is never closed; what follows was not read")]
    assert good(read(written(tmp_path / "b.csv", b'a,b\n1,"2"'))) == [2]


def test_a_header_that_names_a_column_twice_is_no_header(tmp_path: Path) -> None:
    (only,) = read(written(tmp_path / "a.csv", b"a,b,a\n1,2,3\n"))
    assert isinstance(only, BadLine)
    assert only.of_file
    assert "twice: a" in only.fault


def test_utf_16_is_said_once(tmp_path: Path) -> None:
    for name in ("a.jsonl", "a.json", "a.csv"):
        content = "instruction,output\n수도는?,서울\n".encode("utf-16")
        assert len(bad(read(written(tmp_path / name, content)))) == 1
        assert good(read(tmp_path / name)) == []


def test_parquet_is_read_in_pieces_and_a_cut_one_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{**ROW, "n": n} for n in range(1000)]), path)
    raws = read(path)
    assert [raw.fields["n"] for raw in raws if isinstance(raw, RawRow)] == list(range(1000))
    assert place_of("a.parquet", raws[6]) == "a.parquet#7"
    ((number, _),) = bad(read(written(tmp_path / "b.parquet", path.read_bytes()[:-100])))
    assert number == 1


def test_an_unknown_kind_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.jsonl"):
        read(written(tmp_path / "a.xlsx", b"PK"))
    with pytest.raises(ConfigError, match="absent"):
        read(tmp_path / "absent.jsonl")
