"""`kullm feedback` in processes of its own: what was said of replies, out of the store and into it."""

import json
from pathlib import Path

import pytest

from kullm_tui.core.store.store import Store
from tests.feedback.said import answered, compared
from tests.kullm_command import kullm


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Store(tmp_path / "kullm.db") as store:
        answered(store, "수도는?", "부산이에요.")  # its reply is message 2
        answered(store, "강은?", "한강이에요.")
        compared(store, "산은?", ["백두산", "한라산"], "best", 0)
        compared(store, "바다는?", ["동해", "서해"], "tie")
    return tmp_path


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_where_nothing_was_said_the_list_says_how_to_begin(tmp_path: Path) -> None:
    done = kullm(tmp_path, "feedback", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "kullm feedback correct" in done.stderr
    assert kullm(tmp_path, "feedback", "export", "-").returncode == 1


def test_a_reply_is_corrected_and_marked_by_the_number_that_history_shows(home: Path) -> None:
    assert "── #2 · kullm-5.8b" in kullm(home, "history", "show", "1").stdout
    done = kullm(home, "feedback", "correct", "2", "서울이에요.")
    assert (done.returncode, done.stdout) == (0, "")
    assert "2번" in done.stderr
    assert kullm(home, "feedback", "mark", "4", "keep").returncode == 0
    shown = kullm(home, "history", "show", "1").stdout
    assert "내가 고친 답" in shown
    assert "서울이에요." in shown
    assert "좋은 답" in kullm(home, "history", "show", "2").stdout
    listed = kullm(home, "feedback", "list")
    assert "고친 답" in listed.stdout
    assert "서울이에요." in listed.stdout
    assert "선호 쌍 2개" in listed.stderr
    assert "비김 1" in listed.stderr
    assert "우연히" in listed.stderr, "so few pairs are told"


def test_the_newest_is_named_without_its_number(home: Path, tmp_path: Path) -> None:
    with Store(home / "kullm.db") as store:
        number = store.newest_reply()
        newest = store.conversations(limit=1)[0].id
    assert kullm(home, "history", "show", "last").stdout == kullm(home, "history", "show", str(newest)).stdout
    assert kullm(home, "feedback", "mark", "last", "never").returncode == 0
    assert kullm(home, "feedback", "correct", "last", "부산이에요.").returncode == 0
    with Store(home / "kullm.db") as store:
        assert store.newest_reply() == number, "a correction is no reply of a model"
        assert store.turn(number).mark == "never"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "아직 답이 없어요" in kullm(empty, "feedback", "mark", "last", "keep").stderr
    assert "아직 대화가 없어요" in kullm(empty, "history", "show", "last").stderr


def test_a_correction_can_be_piped_in(home: Path) -> None:
    assert kullm(home, "feedback", "correct", "2", stdin="서울이에요.\n둘째 줄\n").returncode == 0
    with Store(home / "kullm.db") as store:
        assert store.thread(1)[-1].content == "서울이에요.\n둘째 줄"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("correct", "1", "서울"), "답이 아니에요"),
        (("correct", "99", "서울"), "99번 메시지가 없어요"),
        (("correct", "2", " "), "비어"),
        (("mark", "99", "keep"), "99번 메시지가 없어요"),
        (("mark", "2", "maybe"), "maybe"),
        (("import", "nothing.jsonl"), "nothing.jsonl"),
        (("export", "out.jsonl", "--form", "trl", "--what", "all"), "--what pairs"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(home: Path, arguments: tuple[str, ...], told: str) -> None:
    done = kullm(home, "feedback", *arguments)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_listed_can_be_read_by_programs_and_narrowed_down(home: Path) -> None:
    kullm(home, "feedback", "correct", "2", "서울이에요.")
    told = json.loads(kullm(home, "feedback", "list", "--json").stdout)
    assert sorted(one["kind"] for one in told["feedback"]) == ["correction", "vote", "vote"]
    assert told["lessons"]["pairs"] == 2
    assert told["lessons"]["left_out"] == {"tie": 1}
    [correction] = json.loads(kullm(home, "feedback", "list", "--kind", "correction", "--json").stdout)["feedback"]
    assert correction["rejected"] == "부산이에요."
    assert correction["question"] == [{"role": "user", "content": "수도는?", "input": ""}]
    assert json.loads(kullm(home, "feedback", "list", "--model", "nobody", "--json").stdout)["feedback"] == []


def test_an_export_comes_back_in_another_home_and_is_known_in_its_own(home: Path, tmp_path: Path) -> None:
    kullm(home, "feedback", "correct", "2", "서울이에요.")
    kullm(home, "feedback", "mark", "4", "keep")
    file = tmp_path / "out.jsonl"
    done = kullm(home, "feedback", "export", str(file))
    assert done.returncode == 0, done.stderr
    assert len(rows(file)) == 4  # two pairs, and two rows to imitate
    assert {
        "prompt": [{"role": "user", "content": "수도는?"}],
        "chosen": "서울이에요.",
        "rejected": "부산이에요.",
    } in rows(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert "새 피드백 0개, 이미 있는 것 4개" in kullm(home, "feedback", "import", str(file)).stdout
    other = tmp_path / "other"
    other.mkdir()
    assert "새 피드백 4개" in kullm(other, "feedback", "import", str(file)).stdout
    again = kullm(other, "feedback", "export", "-")
    assert sorted(again.stdout.splitlines()) == sorted(file.read_text().splitlines())


def test_both_parts_together_are_all_and_share_no_question(home: Path) -> None:
    for number in range(12):
        with Store(home / "kullm.db") as store:
            store.correct(answered(store, f"{number}번 질문은?", "몰라요"), f"{number}번 답이에요.")
    parts = {
        part: [json.loads(line) for line in kullm(home, "feedback", "export", "-", "--part", part).stdout.splitlines()]
        for part in ("train", "held-out", "all")
    }
    asked = {part: {json.dumps(row["prompt"]) for row in found} for part, found in parts.items()}
    assert parts["held-out"]
    assert not asked["train"] & asked["held-out"]
    assert len(parts["train"]) + len(parts["held-out"]) == len(parts["all"])


def test_other_forms_are_written_with_what_their_tool_must_be_told(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    done = kullm(home, "feedback", "export", str(file), "--form", "llama-factory")
    assert done.returncode == 0, done.stderr
    [row] = json.loads(file.read_text())
    assert row["chosen"] == {"from": "gpt", "value": "백두산"}
    assert '"ranking": true' in done.stderr
    assert kullm(home, "feedback", "export", str(file), "--form", "trl").returncode == 2, "the file is there"
    assert kullm(home, "feedback", "export", str(file), "--form", "trl", "--force").returncode == 0


def test_what_may_be_personal_leaves_only_where_somebody_says_so(home: Path, tmp_path: Path) -> None:
    kullm(home, "feedback", "correct", "2", "제 이름은 김철수이고 번호는 010-1234-5678이에요.")
    file = tmp_path / "out.jsonl"
    refused = kullm(home, "feedback", "export", str(file))
    assert refused.returncode == 2
    assert not file.exists()
    assert "전화번호" in refused.stderr
    assert "010-1234-5678" not in refused.stderr
    assert kullm(home, "feedback", "export", str(file), "--drop-personal").returncode == 0
    assert "김철수" not in file.read_text()
    assert len(rows(file)) == 1
    assert kullm(home, "feedback", "export", str(file), "--keep-personal", "--force").returncode == 0
    assert "김철수" in file.read_text()


def test_what_is_not_for_training_is_in_no_export(home: Path, tmp_path: Path) -> None:
    kullm(home, "feedback", "correct", "2", "서울이에요.")
    with Store(home / "kullm.db") as store:
        secret = answered(store, "비밀은?", "아무에게도 말하면 안 되는 이야기예요.")
        store.mark(answered(store, "뭐라고?", "아무에게도 말하면 안 되는 이야기예요."), "keep")
    assert kullm(home, "feedback", "mark", str(secret), "never").returncode == 0
    for form in ("kullm", "trl", "llama-factory", "alpaca"):
        for what in ("pairs", "rows"):
            file = tmp_path / f"{form}-{what}.jsonl"
            assert kullm(home, "feedback", "export", str(file), "--form", form, "--what", what).returncode == 0
            assert "말하면 안 되는" not in file.read_text()


def test_marks_and_corrections_survive_history_export_and_import(home: Path, tmp_path: Path) -> None:
    kullm(home, "feedback", "correct", "2", "서울이에요.")
    kullm(home, "feedback", "mark", "4", "never")
    file = tmp_path / "history.jsonl"
    assert kullm(home, "history", "export", "-o", str(file)).returncode == 0
    other = tmp_path / "other"
    other.mkdir()
    assert kullm(other, "history", "import", str(file)).returncode == 0
    told = json.loads(kullm(other, "feedback", "list", "--json").stdout)["feedback"]
    assert sorted((one["kind"], one.get("chosen"), one.get("rejected")) for one in told) == [
        ("correction", "서울이에요.", "부산이에요."),
        ("never", None, "한강이에요."),
    ]
