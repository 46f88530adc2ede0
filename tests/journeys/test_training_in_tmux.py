"""Someone who trains overnight on another machine, in a real tmux, through a real sshd, with the real trainer and engine: begun from a form,
watched, left, found further on, talked to by one key and held against its base."""

import re
import sys
from pathlib import Path

from tests.kullm_command import kullm
from tests.sshd import ALIAS, sshd
from tests.tmux import Tmux
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document

_STEPS = re.compile(r"([\d,]+)/[\d,]+")
_MINUTES = 10  # fields below the name


def test_a_training_is_begun_watched_left_found_further_on_and_talked_to(tmp_path: Path) -> None:
    with sshd(tmp_path / "sshd") as box:
        env = dict(box.variables)
        added = kullm(tmp_path, "machines", "add", "box", "--ssh", ALIAS, "--python", sys.executable, env=env)
        assert added.returncode == 0, added.stderr
        with Tmux(tmp_path, size=(140, 45), env=env) as tmux:
            tmux.runs()
            tmux.shows("보내기")
            tmux.presses("F10")
            tmux.shows("새 학습")
            _begins_one_on_the_box(tmux)
            before = _step(tmux.shows("night", "학습 중", "남은 시간", "%"))
            tmux.presses("C-q")
            tmux.hides("학습 중")
            [there] = (box.home / ".kullm" / "jobs").iterdir()
            assert document(JobDirectory(there).state)["state"] in ("RUNNING", "SUCCEEDED")
            tmux.runs()
            tmux.shows("보내기")
            tmux.presses("F10")
            tmux.comes_to(lambda screen: _step(screen) > before, "further on")
            tmux.shows("완료", "t 대화")  # there is something to talk to
            _talks_to_it(tmux)


def _begins_one_on_the_box(tmux: Tmux) -> None:
    tmux.presses("n")
    tmux.shows("demo-kullm", "고르기")
    tmux.presses("Down", "Down", "Down", "Enter")
    tmux.shows("새 학습 · demo-kullm", "이 컴퓨터에서", "시작")
    tmux.presses("Right")
    tmux.shows("box에서 3분 학습 시작", "그곳의 Python을 그대로 써요")
    tmux.presses("Tab")
    tmux.types("night")
    tmux.presses(*["Tab"] * _MINUTES, "BSpace")
    tmux.types("1")
    tmux.shows("box에서 60초 학습 시작")
    tmux.presses("C-r")


def _talks_to_it(tmux: Tmux) -> None:
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
    return int(found[1].replace(",", "")) if found else 0
