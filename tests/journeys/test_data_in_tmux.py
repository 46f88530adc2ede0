"""From a mixture to an adapter that answers: in the app with keys alone, and the same from the shell."""

import re
from pathlib import Path

from tests.kullm_command import kullm
from tests.tmux import Tmux

_MINUTES = 10  # fields below the name
_TRAINED_SECONDS = 900  # a minute of training, and what a busy machine makes of the rest
_QUESTION = "대한민국의 수도는 어디인가요?"


def test_a_data_set_is_built_and_trained_on_in_the_app(tmp_path: Path) -> None:
    with Tmux(tmp_path, size=(140, 45)) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        tmux.presses("F11")
        tmux.shows("demo", "kullm-v2", "만들기")
        tmux.presses("b")
        tmux.shows("만든 것", "행 보기", "학습")
        tmux.presses("t")
        tmux.shows("demo-kullm", "고르기")
        tmux.presses("Down", "Down", "Down", "Enter")
        tmux.shows("새 학습 · demo-kullm", "3분 학습 시작")
        tmux.presses("Tab")
        tmux.types("mine")
        tmux.presses(*["Tab"] * _MINUTES, "BSpace")
        tmux.types("1")
        tmux.shows("60초 학습 시작")
        tmux.presses("C-r")
        tmux.shows("완료", "t 대화", seconds=_TRAINED_SECONDS)
        tmux.presses("t")
        tmux.shows("mine", "무엇이든 물어보세요")
        tmux.types(_QUESTION)
        tmux.presses("Enter")
        tmux.shows("토큰 ·", "서울")
        tmux.presses("C-q")
    assert (tmp_path / "data" / "demo" / "demo.jsonl").is_file()


def test_a_data_set_is_built_and_trained_on_from_the_shell(tmp_path: Path) -> None:
    built = kullm(tmp_path, "data", "build", "demo")
    assert built.returncode == 0, built.stderr
    file = re.search(r"(\S+/demo\.jsonl)", built.stdout)
    assert file
    settings = [f"data.source={file[1]}", "train.minutes=0", "train.max_steps=20", "data.limit=1500"]
    options = [word for setting in settings for word in ("--set", setting)]
    trained = kullm(tmp_path, "train", "demo-kullm", "--name", "mine", *options, seconds=600)
    assert trained.returncode == 0, trained.stderr
    answered = kullm(tmp_path, "ask", "--adapter", "mine", _QUESTION)
    assert "서울" in answered.stdout, answered.stderr
