"""`kullm data build`, `rejected`, `push` in processes of their own: what they print, what they keep, what they refuse."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.hub_uploads import TOKEN, upload_server
from tests.kullm_command import kullm, start

ROWS = [
    {
        "instruction": f"{number}에 하나를 더하면 얼마인가요?",
        "input": "",
        "output": f"{number}에 하나를 더하면 {number + 1}이에요.",
    }
    for number in range(400)
]
MIXTURE = """summary = "더하기"
[steps]
decontaminate = []
duplicates = 0
[[sources]]
name = "sums"
file = "sums.jsonl"
language = "ko"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "mixtures").mkdir()
    (tmp_path / "mixtures" / "sums.toml").write_text(MIXTURE)
    lines = [json.dumps(row, ensure_ascii=False) for row in [*ROWS, ROWS[7]]]
    lines.insert(3, '{"instruction": "끊긴 줄')
    (tmp_path / "mixtures" / "sums.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_mixture_is_built_and_what_was_left_out_is_told_with_its_line(home: Path) -> None:
    done = kullm(home, "data", "build", "sums", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["outputs"][0]["rows"] == 400
    read = next(one for one in facts["steps"] if one["step"] == "read")
    assert read["rejected"]["same-row"] == 1
    listed = kullm(home, "data", "rejected", "sums", "--step", "read", "--json")
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert sorted(row["row"]["place"].rpartition(":")[2] for row in rows) == ["4", "402"]
    words = kullm(home, "data", "rejected", "sums").stdout
    assert "같은 행 1" in words


def test_the_same_bytes_come_out_again_and_elsewhere(home: Path, tmp_path: Path) -> None:
    assert kullm(home, "data", "build", "sums").returncode == 0
    other = tmp_path / "other"
    assert kullm(home, "data", "build", "sums", "--out", str(other)).returncode == 0
    assert {path.name: path.read_bytes() for path in (home / "data" / "sums").iterdir()} == {
        path.name: path.read_bytes() for path in other.iterdir()
    }


def test_the_set_is_what_the_trainer_and_the_datasets_library_read(home: Path) -> None:
    import datasets

    from trainer.dataset.sources import records
    from trainer.recipe import DataChoice

    assert kullm(home, "data", "build", "sums").returncode == 0
    file = home / "data" / "sums" / "sums.jsonl"
    assert len(list(records(DataChoice(source=str(file))))) == 400
    table = datasets.load_dataset("parquet", data_files=str(file.with_suffix(".parquet")), cache_dir=str(home / "hf"))
    assert table["train"].num_rows == 400
    assert table["train"].column_names == ["id", "instruction", "input", "output", "source"]


def test_a_file_is_looked_through_by_line_and_nothing_is_written(home: Path) -> None:
    file = home / "mine.jsonl"
    rows = [
        '{"instruction": "안녕하세요? 반갑습니다.", "output": "네, 반가워요. 저는 구름이에요."}',
        '{"instruction": "수도는?", "output": "The capital of Korea is Seoul, and it has been for a long time. 서울"}',
        "broken",
        '{"q": 1}',
    ]
    file.write_text("\n".join(rows) + "\n")
    done = kullm(home, "data", "check", str(file))
    assert done.returncode == 1
    for line in ("mine.jsonl:2", "mine.jsonl:3: 읽기: 읽을 수 없음", "mine.jsonl:4: 읽기: 열이 맞지 않음"):
        assert line in done.stdout
    assert "mine.jsonl:1" not in done.stdout
    assert not (home / "data").exists()
    file.write_text(rows[0] + "\n")
    assert kullm(home, "data", "check", str(file)).returncode == 0


def test_ctrl_c_keeps_what_was_done(home: Path) -> None:
    child = start(home, "data", "build", "demo")
    deadline = time.monotonic() + 240
    while not list((home / "cache" / "data").glob("stages/*/00000.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGINT)
    _, told = child.communicate(timeout=240)
    assert child.returncode == 130, told.decode()
    assert "다시 시작하면 이어서" in told.decode()
    assert not (home / "data" / "demo").exists()
    assert kullm(home, "data", "build", "demo").returncode == 0


def test_a_set_that_was_not_built_says_how_it_is(home: Path) -> None:
    done = kullm(home, "data", "rejected", "sums")
    assert done.returncode == 2
    assert "kullm data build sums" in done.stderr


@pytest.fixture
def _built(home: Path) -> None:
    assert kullm(home, "data", "build", "sums").returncode == 0


@pytest.mark.usefixtures("_built")
def test_a_set_is_pushed_whole_in_one_commit(home: Path) -> None:
    with upload_server() as hub:
        more = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        refused = kullm(home, "data", "push", "sums", "me/sums", "--yes", env=more)
        assert refused.returncode == 1
        assert "--accept-licence" in refused.stderr
        assert not hub.requests
        done = kullm(home, "data", "push", "sums", "me/sums", "--yes", "--accept-licence", env=more)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip() == f"{hub.url}/datasets/me/sums"
        assert hub.private == {"me/sums": True}
        folder = home / "data" / "sums"
        assert hub.files["me/sums"] == {path.name: path.read_bytes() for path in folder.iterdir()}
        assert len([one for one in hub.requests if "/commit/" in one]) == 1


@pytest.mark.usefixtures("_built")
def test_a_push_that_is_refused_says_so_and_tells_no_token(home: Path) -> None:
    with upload_server() as hub:
        hub.refuses = 403
        more = {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        done = kullm(home, "data", "push", "sums", "me/sums", "--yes", "--accept-licence", env=more)
    assert done.returncode == 1
    assert "403" in done.stderr
    assert TOKEN not in done.stderr + done.stdout
