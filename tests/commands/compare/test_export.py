"""`kullm compare --export`: the pairs of votes, in the forms and by the rules of `kullm feedback export`."""

import json
from pathlib import Path

import pytest

from kullm_tui.core.store.store import Store
from tests.feedback.said import answered, compared, followed
from tests.kullm_command import kullm

SECRET = "아무에게도 말하면 안 되는 이야기예요."
LEFT_OUT = {
    "비김 1",
    "모두 나쁨 1",
    "도중에 끊긴 답 1",
    "학습 제외로 표시한 답이 들어 있음 1",
    "두 답이 읽은 대화가 서로 다름 1",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Store(tmp_path / "kullm.db") as store:
        first, second = compared(store, "산은?", ["백두산", "한라산"], "best", 0)
        compared(store, "바다는?", ["동해", "서해"], "tie")
        compared(store, "섬은?", ["제주도", "독도"], "bad")
        compared(store, "강은?", ["한강", "낙"], "best", 0, cut=1)
        compared(store, "누구?", ["010-1234-5678로 전화하세요.", "몰라요."], "best", 0)
        store.mark(answered(store, "비밀은?", SECRET), "never")
        compared(store, "뭐라고?", [SECRET, "몰라요."], "best", 0)
        _goes_on(store, first, second)
    return tmp_path


def _goes_on(store: Store, first: int, second: int) -> None:
    """A second round, in which each column has its own reply above."""
    [comparison] = [one for one in store.comparisons.latest() if one.title == "산은?"]
    columns = zip(comparison.columns, (first, second), ("2,744미터", "1,950미터"), strict=True)
    replies = [followed(store, one.conversation.id, above, "높이는?", text) for one, above, text in columns]
    store.comparisons.vote(comparison.id, replies, "best", 0)


def test_votes_are_exported_as_the_feedback_that_they_are(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    refused = kullm(home, "compare", "--export", str(file))
    assert refused.returncode == 2
    assert "전화번호 1" in refused.stderr
    assert "1234" not in refused.stderr
    assert not file.exists()
    assert kullm(home, "compare", "--export", str(file), "--drop-personal").returncode == 0
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {
            "prompt": [{"role": "user", "content": "산은?"}],
            "chosen": [{"role": "assistant", "content": "백두산"}],
            "rejected": [{"role": "assistant", "content": "한라산"}],
        }
    ]
    for form in ("trl", "llama-factory"):
        said = ("--form", form, "--keep-personal")
        done = kullm(home, "compare", "--export", "-", *said)
        assert _left_out(done.stderr) == LEFT_OUT
        assert done.stdout == kullm(home, "feedback", "export", "-", "--what", "pairs", *said).stdout


def _left_out(told: str) -> set[str]:
    [line] = [one for one in told.splitlines() if "뺀 것: " in one]
    return set(line.split("뺀 것: ")[1].split(", "))


def test_corrections_are_no_votes_and_without_a_pair_nothing_is_written(tmp_path: Path) -> None:
    with Store(tmp_path / "kullm.db") as store:
        store.correct(answered(store, "수도는?", "부산"), "서울")
        compared(store, "바다는?", ["동해", "서해"], "tie")
    done = kullm(tmp_path, "compare", "--export", "-")
    assert (done.returncode, done.stdout) == (1, "")
    assert "비김 1" in done.stderr
