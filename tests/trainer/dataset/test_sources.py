"""Rows of every kind of file; and what cannot be read is named with its line, never trained as something else."""

import csv
import json
from pathlib import Path
from typing import Any, Never

import pyarrow
import pyarrow.parquet
import pytest

from data.demo import corpus
from kullm_tui.core.errors import ConfigError, HubError
from kullm_tui.core.records import Dialogue, Instruction
from tests.growth import growth
from tests.trainer.sets import QUESTION, REPLY, json_lines, numbered, row
from trainer.dataset.held_out import evaluation_rows, training_rows
from trainer.dataset.sources import Rejection, Row, content_digest, fingerprint, records
from trainer.recipe import DataChoice

TURNS = [{"from": "human", "value": QUESTION}, {"from": "gpt", "value": REPLY}]


def read(source: Path | str, **data: Any) -> list[Row | Rejection]:
    return list(records(DataChoice(source=str(source), **data)))


def rejected(rows: list[Row | Rejection]) -> list[tuple[int, str]]:
    return [(one.number, one.reason) for one in rows if isinstance(one, Rejection)]


def instruction(number: int = 1) -> Row:
    return Row(number, Instruction("1", QUESTION, "", REPLY))


def write_csv(path: Path, *lines: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows(lines)
    return path


def test_json_lines_json_csv_tsv_and_parquet_hold_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps([row()]), encoding="utf-8")
    names = ["id", "instruction", "input", "output"]
    cells = ["1", QUESTION, "", REPLY]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([row()]), tmp_path / "a.parquet")
    assert read(json_lines(tmp_path / "a.jsonl", [row()])) == [instruction()]
    assert read(tmp_path / "a.json") == [instruction()]
    assert read(write_csv(tmp_path / "a.csv", names, cells)) == [instruction(2)]
    assert read(write_csv(tmp_path / "a.tsv", names, cells)) == [instruction(2)]
    assert read(tmp_path / "a.parquet") == [instruction()]


def test_json_lines_under_the_name_of_json_are_read(tmp_path: Path) -> None:
    assert read(json_lines(tmp_path / "a.json", [row(), row()])) == [instruction(1), instruction(2)]


def test_a_folder_is_read_as_a_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets  # noqa: F401 - before the variable is set: it and the hub's library read it once, for all tests that follow
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    folder = tmp_path / "set"
    folder.mkdir()
    json_lines(folder / "train.jsonl", [row(), row(output="부산입니다.")])
    data = DataChoice(source=str(folder))
    assert [one.number for one in records(data)] == [1, 2]
    assert fingerprint(data) == fingerprint(data)
    with pytest.raises(HubError, match="absent"):
        read(folder, split="absent")


def test_repeated_ids_are_rows_of_their_own(tmp_path: Path) -> None:
    assert [one.number for one in read(json_lines(tmp_path / "a.jsonl", [row()] * 3))] == [1, 2, 3]


def test_instructions_and_dialogues_may_share_a_file(tmp_path: Path) -> None:
    rows = read(json_lines(tmp_path / "a.jsonl", [row(), {"conversations": TURNS}, row(conversations=None)]))
    assert [type(one.record) for one in rows if isinstance(one, Row)] == [Instruction, Dialogue, Instruction]


def test_named_columns_are_read(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"질문": QUESTION, "답변": REPLY, "output": "틀린 열"}])
    (one,) = read(path, columns={"instruction": "질문", "output": "답변"})
    assert isinstance(one, Row)
    assert one.record == Instruction("", QUESTION, "", REPLY)


@pytest.mark.parametrize(
    ("names", "likely"),
    [
        (("question", "answer"), ("data.columns.instruction=question", "data.columns.output=answer")),
        (("prompt", "completion"), ("data.columns.instruction=prompt", "data.columns.output=completion")),
        (("input", "output"), ("data.columns.instruction=input",)),
        (("질문", "답변"), ("data.columns.instruction=질문", "data.columns.output=답변")),
        (("messages",), ("data.columns.conversations=messages",)),
        (("Instruction", "Output"), ("data.columns.instruction=Instruction", "data.columns.output=Output")),
        (("text",), ("data.columns.instruction=…",)),
    ],
)
def test_other_columns_are_refused_with_the_likely_ones(
    tmp_path: Path, names: tuple[str, ...], likely: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigError) as raised:
        read(json_lines(tmp_path / "a.jsonl", [dict.fromkeys(names, "글")]))
    for said in (*names, *likely):
        assert said in str(raised.value)


def test_a_named_column_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="answr"):
        read(json_lines(tmp_path / "a.jsonl", [row()]), columns={"output": "answr"})


def test_a_context_is_never_left_out_in_silence(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [{"instruction": QUESTION, "context": "지도", "output": REPLY}])
    with pytest.raises(ConfigError, match=r"data\.columns\.input=context"):
        read(path)
    (one,) = read(path, columns={"input": "context"})
    assert isinstance(one, Row)
    assert one.record == Instruction("", QUESTION, "지도", REPLY)
    assert isinstance(read(path, columns={"input": ""})[0], Row)


def test_a_row_in_both_forms_is_refused_until_one_is_chosen(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [row(conversations=TURNS)])
    with pytest.raises(ConfigError, match="conversations"):
        read(path)
    (dialogue,) = read(path, columns={"conversations": "conversations"})
    (single,) = read(path, columns={"output": "output"})
    assert isinstance(dialogue, Row)
    assert isinstance(dialogue.record, Dialogue)
    assert single == instruction()


def test_a_broken_line_is_rejected_with_its_number(tmp_path: Path) -> None:
    good = json.dumps(row()).encode()
    cp949 = json.dumps(row(), ensure_ascii=False).encode("cp949")
    deep = b'{"output": ' + b"[" * 100_000
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\n".join([b"\xef\xbb\xbf" + good, good[:-9], cp949, b"", b"[1]", deep, good]))
    rows = read(path)
    assert rejected(rows) == [(2, "unreadable"), (3, "unreadable"), (5, "unreadable"), (6, "unreadable")]
    assert [one.number for one in rows if isinstance(one, Row)] == [1, 7]
    assert "UTF-8" in str(rows[2])


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"instruction,output\na,b\n\xb1\xe8,b\n"),
        ("a.json", b'[{"instruction": "a",\n"output": "b"},\n"\xb1\xe8"]'),
        ("a.json", b'[{"instruction": "a"},\n\n oops]'),
    ],
)
def test_a_file_that_breaks_off_is_refused_with_the_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigError, match="line 3"):
        read(tmp_path / name)


def test_rows_of_another_form_are_rejected_with_the_reason(tmp_path: Path) -> None:
    odd = [row(), row(output=None), row(output=5), {"conversations": []}, {"conversations": ["글"]}]
    assert rejected(read(json_lines(tmp_path / "a.jsonl", odd))) == [
        (2, "columns"),
        (3, "form"),
        (4, "form"),
        (5, "form"),
    ]


def test_turns_as_json_text_and_as_columns_are_turns(tmp_path: Path) -> None:
    columns = {"from": ["human", "gpt"], "value": [QUESTION, REPLY]}
    path = json_lines(tmp_path / "a.jsonl", [{"conversations": json.dumps(TURNS)}, {"conversations": columns}])
    first, second = read(path)
    assert isinstance(first, Row)
    assert isinstance(second, Row)
    assert first.record.messages == second.record.messages
    assert [message.role for message in first.record.messages] == ["user", "assistant"]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError, match="no rows"):
        read(path)
    (tmp_path / "a.json").write_text("[]", encoding="utf-8")
    (tmp_path / "a.csv").write_text("instruction,output\n", encoding="utf-8")
    for name in ("a.json", "a.csv"):
        with pytest.raises(ConfigError, match="no rows"):
            read(tmp_path / name)


def test_csv_faults_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twice: output"):
        read(write_csv(tmp_path / "a.csv", ["instruction", "output", "output"], ["a", "b", "c"]))
    rows = read(write_csv(tmp_path / "b.csv", ["instruction", "output"], ["a", "b"], ["a", "b", "c"], ["a"]))
    assert rejected(rows) == [(3, "unreadable"), (4, "columns")]


def test_a_million_characters_in_a_cell_are_read_in_time_that_grows_with_their_number(tmp_path: Path) -> None:
    def reads(size: int) -> None:
        assert isinstance(read(tmp_path / f"{size}.csv")[0], Row)

    for size in (125_000, 1_000_000):
        write_csv(tmp_path / f"{size}.csv", ["instruction", "output"], ["질문", "가" * size])
    assert growth(reads, 125_000) < 3


@pytest.mark.parametrize(
    "source", ["absent.jsonl", "folder/absent.jsonl", "a/b/absent", "demo:absent", "absent" * 99, "~absent/x"]
)
def test_a_source_that_is_not_there_is_said(source: str) -> None:
    with pytest.raises(ConfigError, match="absent"):
        read(source)


def test_a_file_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(ConfigError, match=r"\.jsonl"):
        read(tmp_path / "a.xlsx")


def test_the_limit_takes_the_first_rows(tmp_path: Path) -> None:
    path = json_lines(tmp_path / "a.jsonl", [row()] * 300)
    assert len(read(path, limit=120)) == 120


def test_the_fingerprint_follows_the_content(tmp_path: Path) -> None:
    first = json_lines(tmp_path / "a.jsonl", [row()])
    second = json_lines(tmp_path / "b.jsonl", [row()])
    other = json_lines(tmp_path / "c.jsonl", [row(output="부산입니다.")])
    prints = [fingerprint(DataChoice(source=str(path))) for path in (first, second, other)]
    assert prints[0] == prints[1] != prints[2]


def test_the_fingerprint_of_the_demo_corpus_is_that_of_what_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Never:
        raise AssertionError("the rows were made")

    monkeypatch.setattr(corpus, "records", never)
    prints = {fingerprint(DataChoice(source=f"demo:{name}")) for name in ("base", "kullm")}
    assert len(prints) == 2
    made_from = corpus.made_from()
    assert {"topics.py", "arithmetic.toml", "korean.py"} <= {path.name for path in made_from}
    monkeypatch.setattr(corpus, "made_from", lambda: [path for path in made_from if path.name != "topics.py"])
    assert fingerprint(DataChoice(source="demo:kullm")) not in prints


def test_several_sources_are_read_one_behind_the_other_and_a_row_of_any_is_found_again(tmp_path: Path) -> None:
    """Each up to the limit; one that is named twice is read twice."""
    first = str(json_lines(tmp_path / "a.jsonl", [row(), row(output=5), row()]))
    (tmp_path / "b.csv").write_text(f"instruction,output\n{QUESTION},{REPLY}\na,b,c\n", encoding="utf-8")
    rows = list(records(DataChoice(source=(first, str(tmp_path / "b.csv"), first), limit=2)))
    assert [one.number for one in rows] == [1, 2, 4, 5, 6, 7]  # a table's first line is its header
    refused = [one for one in rows if isinstance(one, Rejection)]
    assert [one.detail.partition(":")[0] for one in refused] == ["a.jsonl, row 2", "b.csv, row 3", "a.jsonl, row 2"]
    with pytest.raises(ConfigError, match="absent"):
        list(records(DataChoice(source=(first, "absent.jsonl"))))
    prints = {fingerprint(DataChoice(source=one)) for one in (first, (first, first), (first, str(tmp_path / "b.csv")))}
    assert len(prints) == 3


def test_what_is_learnt_several_times_is_held_out_once_and_never_learnt(tmp_path: Path) -> None:
    twice = str(json_lines(tmp_path / "a.jsonl", numbered(40)))
    once = str(json_lines(tmp_path / "b.jsonl", [row(output=f"{number}") for number in range(40)]))
    data = DataChoice(source=(twice, once, twice), evaluate=10)
    asked, learnt = (
        [content_digest(one.record) for one in rows if isinstance(one, Row)]
        for rows in (evaluation_rows(data), training_rows(data))
    )
    assert len(asked) == 10
    of_once = {content_digest(one.record) for one in records(DataChoice(source=once)) if isinstance(one, Row)}
    assert len(learnt) == 120 - sum(1 if one in of_once else 2 for one in asked)
    assert not set(asked) & set(learnt)


def test_the_demo_corpus_is_a_source() -> None:
    rows = read("demo:kovicuna", limit=5)
    assert len(rows) == 5
    assert all(isinstance(one, Row) for one in rows)
