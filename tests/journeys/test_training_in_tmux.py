"""Someone who trains overnight, in a real tmux with the real trainer and engine: watched, left, found further on, and talked to by one key."""

import re
from pathlib import Path

from tests.kullm_command import kullm
from tests.tmux import Tmux
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document

_SHORT = ("train.minutes=0", "train.max_steps=200", "train.batch=8", "data.limit=2000", "data.evaluate_limit=8")
_STEPS = re.compile(r"([\d,]+)/[\d,]+")


def test_a_training_is_watched_left_found_further_on_and_talked_to(tmp_path: Path) -> None:
    settings = [part for one in _SHORT for part in ("--set", one)]
    begun = kullm(tmp_path, "train", "demo-kullm", "--name", "night", "--detach", "--yes", *settings)
    assert begun.returncode == 0, begun.stderr
    job = JobDirectory(tmp_path / "jobs" / begun.stdout.strip())
    with Tmux(tmp_path, size=(140, 45)) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        tmux.presses("F10")
        tmux.shows("night", "학습 중", "%")
        before = _step(tmux.shows("/"))
        tmux.presses("C-q")
        tmux.hides("학습 중")
        assert document(job.state)["state"] in ("RUNNING", "SUCCEEDED")
        tmux.runs()
        tmux.shows("보내기")
        tmux.presses("F10")
        assert _step(tmux.shows("night", "/")) > before
        tmux.shows("완료")
        tmux.presses("t")
        tmux.shows("night", "무엇이든 물어보세요")
        tmux.types("대한민국의 수도는 어디인가요?")
        tmux.presses("Enter")
        tmux.shows("토큰 ·")
        tmux.presses("F10")
        tmux.shows("완료")
        tmux.presses("v")
        tmux.shows("함께 써서 같이 답해요", "데모 베이스 + night")
        tmux.types("고마워요")
        tmux.presses("Enter")
        tmux.shows("가장 나은 답은?")
        tmux.presses("C-q")


def _step(screen: str) -> int:
    found = _STEPS.search(screen)
    assert found, screen
    return int(found[1].replace(",", ""))
