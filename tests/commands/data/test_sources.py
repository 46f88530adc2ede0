"""`kullm data sources` and `show`, as a person and a script run them."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from tests.hub_server import Hub, Repository, hub_server
from tests.kullm_command import kullm

ROW = {"instruction": "수도는?", "input": "한국", "output": "서울"}
ENGLISH = {"KULLM_LANG": "en"}


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join([json.dumps(ROW), "{", *[json.dumps({**ROW, "output": str(n)}) for n in range(9)]]))
    return path


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hub_server() as server:
        yield server


def test_every_source_has_its_size_its_licence_and_where_the_figures_come_from(tmp_path: Path) -> None:
    done = kullm(tmp_path, "data", "sources")
    assert done.returncode == 0
    lines = {line.split()[0]: line for line in done.stdout.splitlines()}
    assert "52,002 (설명)" in lines["gpt4-llm"]
    assert "CC BY-NC 4.0" in lines["gpt4-llm"]
    assert "비상업으로만" in lines["gpt4-llm"]
    assert "받아 보지 못함" in lines["korquad"]
    assert "수치의 출처" in done.stderr


def test_the_sources_are_one_object_a_line_for_a_program(tmp_path: Path) -> None:
    done = kullm(tmp_path, "data", "sources", "--json")
    found = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert len(found) == 24
    assert found["korquad"]["sharing"] == "no"
    assert found["koalpaca-v1.1"]["licence"] is None
    assert (found["alpaca"]["pinned"], found["koalpaca-v1.0"]["pinned"]) == (True, False)
    assert (found["alpaca"]["sampled"], found["dolly-15k"]["sampled"]) == (True, False)


def test_a_file_is_shown_as_a_source_with_its_faults_to_the_end(tmp_path: Path, rows: Path) -> None:
    done = kullm(tmp_path, "data", "show", "alpaca", "--file", str(rows), "--limit", "1", env=ENGLISH)
    assert done.returncode == 0
    assert "CC BY-NC 4.0" in done.stdout
    assert "[1] rows.jsonl:1\nasks     수도는?\ninput    한국\nreplies  서울\n" in done.stdout
    assert "[2]" not in done.stdout
    assert "10 rows read, 1 faults" in done.stdout
    assert "unreadable  rows.jsonl:2: not JSON" in done.stdout


def test_a_file_by_itself_is_read_by_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("질문,답변\n수도는?,서울\n", encoding="utf-8")
    unread = kullm(tmp_path, "data", "show", str(path))
    assert "instruction=질문, output=답변" in unread.stdout
    done = kullm(
        tmp_path, "data", "show", str(path), "--column", "instruction=질문", "--column", "output=답변", "--json"
    )
    facts, row, read = map(json.loads, done.stdout.splitlines())
    assert facts["form"] == "columns"
    assert row["row"]["place"] == "mine.csv:2"
    assert [one["content"] for one in row["row"]["messages"]] == ["수도는?", "서울"]
    assert read == {"read": {"rows": 1, "faults": {}}}


def test_faults_are_objects_for_a_program(tmp_path: Path, rows: Path) -> None:
    done = kullm(tmp_path, "data", "show", "alpaca", "--file", str(rows), "--limit", "0", "--json")
    _, fault, read = map(json.loads, done.stdout.splitlines())
    assert (fault["fault"]["place"], fault["fault"]["reason"]) == ("rows.jsonl:2", "unreadable")
    assert read == {"read": {"rows": 10, "faults": {"unreadable": 1}}}


def test_nothing_is_fetched_until_rows_are_asked_for(tmp_path: Path, hub: Hub) -> None:
    hub.repositories["datasets/beomi/KoAlpaca-v1.1a"] = Repository({"other": b""})
    env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1", **ENGLISH}
    done = kullm(tmp_path, "data", "show", "koalpaca-v1.1", env=env)
    assert (done.returncode, hub.requests) == (0, [])
    assert "--limit 3" in done.stderr
    done = kullm(tmp_path, "data", "show", "koalpaca-v1.1", "--limit", "2", env=env)
    assert done.returncode == 1
    assert "has no file data/train-00000" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_fetched_source_shows_its_rows_and_later_ones_come_without_the_hub(tmp_path: Path, hub: Hub) -> None:
    table = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([ROW] * 5), table)
    name = "data/train-00000-of-00001-0ccadda3390e7796.parquet"
    hub.repositories["datasets/Bingsu/ko_alpaca_data"] = Repository({name: table.getvalue()})
    env = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "hf"), "NO_PROXY": "127.0.0.1", **ENGLISH}
    first = kullm(tmp_path, "data", "show", "koalpaca-v1.0", "--limit", "2", env=env)
    assert first.returncode == 0, first.stderr
    assert "[2] train-00000-of-00001-0ccadda3390e7796.parquet#2" in first.stdout
    hub.requests.clear()
    again = kullm(tmp_path, "data", "show", "koalpaca-v1.0", env=env)
    assert "3 rows read, 0 faults" in again.stdout
    assert hub.requests == []


def test_what_comes_along_is_shown_at_once(tmp_path: Path) -> None:
    done = kullm(tmp_path, "data", "show", "demo", "--limit", "2", "--json")
    assert [next(iter(json.loads(line))) for line in done.stdout.splitlines()] == ["name", "row", "row", "read"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("show", "dolly"), 1, "dolly-15k"),
        (("show", "absent.jsonl", "--limit", "1"), 1, "absent.jsonl"),
        (("show", "alpaca", "--file", "absent.jsonl"), 1, "absent.jsonl"),
        (("show", "alpaca", "--limit", "-1"), 2, "--limit"),
        (("show", "alpaca", "--column", "outpt=a"), 2, "output"),
        (("show", "alpaca", "--column", "output"), 2, "OURS=THEIRS"),
        (("show",), 2, "SOURCE"),
        (("build",), 2, "build"),
    ],
)
def test_a_mistake_is_told_in_a_line_or_two(tmp_path: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    done = kullm(tmp_path, "data", *arguments, env=ENGLISH)
    assert (done.returncode, done.stdout if arguments[0] != "show" else "") == (code, "")
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 3
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
