"""`kullm -c` goes on with the last conversation, ctrl-c stops a reply, and a narrow screen gives the words its whole width; in a real tmux."""

from pathlib import Path

import pytest

from tests.far_words import Words
from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer, Reply, says
from tests.tmux import Tmux


def _configured(home: Path, base_url: str) -> None:
    (home / "config.toml").write_text(f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{base_url}"\n')


@pytest.mark.parametrize("size", [(140, 45), (80, 24)], ids=["wide", "narrow"])
def test_the_last_conversation_is_gone_on_with(tmp_path: Path, size: tuple[int, int]) -> None:
    far = OpenAIServer([says("첫째로 드리는 답입니다."), says("이어서 드리는 답입니다.")])
    with far, Tmux(tmp_path, size=size) as tmux:
        _configured(tmp_path, far.base_url)
        tmux.runs("-c")
        tmux.shows("이어 갈 대화가 아직 없어요")
        tmux.types("여행 계획을 세워 줘")
        tmux.presses("Enter")
        tmux.shows("첫째로 드리는 답입니다.", "^r 다시")  # asked while a reply is on its way, it would ask back
        tmux.presses("C-q")
        tmux.hides("보내기")
        tmux.runs("-c")
        tmux.shows("첫째로 드리는 답입니다.", "여행 계획을 세워 줘", "^r")
        tmux.types("더 자세히")
        tmux.presses("Enter")
        tmux.shows("이어서 드리는 답입니다.")
        tmux.presses("C-q")
    sent = [message["content"] for message in far.requests[-1].body["messages"]]
    assert sent == ["여행 계획을 세워 줘", "첫째로 드리는 답입니다.", "더 자세히"]


def test_ctrl_c_stops_and_then_says_how_to_quit(tmp_path: Path) -> None:
    far = OpenAIServer([Reply(Words())])
    with far, Tmux(tmp_path, size=(100, 30)) as tmux:
        _configured(tmp_path, far.base_url)
        tmux.runs()
        tmux.shows("보내기")
        assert "esc" not in tmux.screen()
        tmux.types("천천히")
        tmux.presses("Enter")
        tmux.shows("5 6 7 8", "esc 멈춤")
        tmux.presses("C-c")
        tmux.shows("중단됨")
        tmux.presses("C-c")
        tmux.shows("끝내려면 Ctrl+Q")
        tmux.presses("C-q")


@pytest.mark.parametrize("columns", [80, 100])
def test_words_have_the_whole_width_of_a_narrow_screen(tmp_path: Path, columns: int) -> None:
    code = "x" * (columns - 8)
    far = OpenAIServer([says(f"```\n{code}\n```")])
    with far, Tmux(tmp_path, size=(columns, 24)) as tmux:
        _configured(tmp_path, far.base_url)
        tmux.runs()
        tmux.shows("보내기")
        tmux.types("코드")
        tmux.presses("Enter")
        tmux.shows(code)
        tmux.presses("C-q")


def test_with_a_verb_it_is_wrong_usage_and_without_a_terminal_told(tmp_path: Path) -> None:
    done = kullm(tmp_path, "-c", "models", "list")
    assert done.returncode == 2
    assert "kullm ask --continue" in done.stderr
    assert kullm(tmp_path, "--continue").returncode == 2
    assert "-c, --continue" in kullm(tmp_path, "--help").stdout
