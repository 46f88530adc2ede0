"""From corrections to an adapter that answers, on a processor: `kullm train --feedback`, before and after, keep, roll back."""

import json
import re
from pathlib import Path

import pytest

from kullm_tui.core.store.store import Store
from tests.feedback.said import answered
from tests.kullm_command import kullm

# Never trained by the demo model, and answered wrongly.
WORDINGS = ("7 곱하기 2는 얼마인가요?", "7 곱하기 2는 얼마야?", "7 × 2 = ?", "7 곱하기 2를 계산해 주세요.", "7 곱하기 2 계산해 줘", "7 곱하기 2의 답은 무엇인가요?")  # fmt: skip
RIGHT = "7 곱하기 2는 14입니다. 곱셈은 같은 수를 여러 번 더하는 것과 같습니다."
SECRET = "이 말은 절대로 배우지 마세요 고양이 발바닥"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Store(tmp_path / "kullm.db") as store:
        for number, question in enumerate(WORDINGS):
            store.correct(answered(store, question, f"7 곱하기 2는 1{number + 5}입니다."), RIGHT)
        store.mark(answered(store, "비밀?", SECRET), "never")
        store.correct(answered(store, "비밀을 말해 줘", "아니요."), SECRET)
    return tmp_path


@pytest.mark.timeout(2400)
def test_corrections_become_an_adapter_that_answers_right_is_kept_and_rolled_back(home: Path) -> None:
    question = ("ask", WORDINGS[0])
    assert "14" not in (before := kullm(home, *question).stdout)
    done = kullm(home, "train", "--feedback", "--few", seconds=800)
    assert done.returncode == 0, done.stderr
    assert "demo:kullm" in done.stderr
    (different,) = re.findall(r"선호 쌍이 (\d+)개뿐이에요. 300개보다", done.stderr)
    assert int(different) < len(WORDINGS), "however often each is repeated, and one is held out"
    assert "kullm eval before-after demo-kullm taught-1" in done.stderr

    found = kullm(home, "eval", "before-after", "demo-kullm", "taught-1", "--limit", "60", "--json", seconds=800)
    assert found.returncode == 0, found.stderr
    own, demo = json.loads(found.stdout)["parts"]
    assert own["right"]["after"] == own["n"]
    assert demo["right"]["kept"] >= 0.85 * demo["right"]["before"]
    card = kullm(home, "adapters", "card", "taught-1").stdout
    assert all(word in card for word in ("demo:kullm", "demo-kullm", "held-out.jsonl"))

    assert kullm(home, "adapters", "keep", "taught-1").returncode == 0
    assert "14" in kullm(home, *question).stdout
    assert kullm(home, "adapters", "rollback").returncode == 0
    assert kullm(home, *question).stdout == before
    kullm(home, "engine", "stop")

    (job,) = (home / "jobs").iterdir()
    for file in (path for path in job.rglob("*") if path.is_file()):
        assert "고양이 발바닥" not in file.read_bytes().decode(errors="replace"), file


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--feedback",), "--few"),
        (("--few",), "--feedback과 함께"),
        (("--replay", "0.2"), "--feedback과 함께"),
        (("--feedback", "--few", "--replay", "2"), "0에서 0.95"),
        (("--feedback", "--few", "--from", "none-such"), "none-such"),
        (("--feedback", "--resume", "last"), "--feedback 없이"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_starts(home: Path, arguments: tuple[str, ...], told: str) -> None:
    done = kullm(home, "train", *arguments)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not (home / "jobs").exists() or list((home / "jobs").iterdir()) == []


def test_a_plan_trains_nothing_and_leaves_nothing(home: Path) -> None:
    done = kullm(home, "train", "--feedback", "--few", "--plan")
    assert done.returncode == 0, done.stderr
    assert "→ 들어가요." in done.stdout
    assert list((home / "jobs").iterdir()) == []
