"""One user's hour in the app, in a real tmux, with the real engine and the demo model, and a far endpoint that is slow enough to be stopped."""

from pathlib import Path

import pytest

from tests.far_words import Words
from tests.openai_server import OpenAIServer, Reply, says
from tests.tmux import Tmux

_WIDE, _NARROW = (140, 45), (80, 24)


def _configured(home: Path, base_url: str) -> None:
    (home / "config.toml").write_text(f'model = "far/slow"\n[[endpoints]]\nname = "far"\nbase_url = "{base_url}"\n')


@pytest.mark.parametrize("size", [_WIDE, _NARROW], ids=["wide", "narrow"])
def test_an_hour_in_the_app(tmp_path: Path, size: tuple[int, int]) -> None:
    far = OpenAIServer([Reply(Words()), says("두 번째로 드리는 답입니다."), says("고친 질문에 드리는 답입니다.")])
    with far, Tmux(tmp_path, size=size) as tmux:
        _configured(tmp_path, far.base_url)
        tmux.runs()
        _chat_stop_regenerate_edit(tmux)
        _switch_to_the_demo_and_copy(tmux)
        _search(tmux)
        tmux.presses("C-q")
        tmux.shows("$" if "$" in tmux.screen() else "#")
        _find_everything_again(tmux)
        tmux.presses("C-q")


def _chat_stop_regenerate_edit(tmux: Tmux) -> None:
    tmux.shows("보내기")
    tmux.types("여행 계획을 세워 줘")
    tmux.shows("여행 계획을 세워 줘")
    tmux.presses("Enter")
    tmux.shows("5 6 7 8")
    tmux.presses("Escape")
    tmux.shows("중단됨")
    tmux.presses("C-r")
    tmux.shows("두 번째로 드리는 답입니다.", "2/2")
    tmux.presses("F2")
    tmux.types(" 제주도로")
    tmux.presses("Enter")
    tmux.shows("고친 질문에 드리는 답입니다.", "여행 계획을 세워 줘 제주도로")


def _switch_to_the_demo_and_copy(tmux: Tmux) -> None:
    tmux.presses("C-n", "F8")
    tmux.shows("누구에게 물을까요?")
    tmux.types("demo-kullm")
    tmux.presses("Enter")
    tmux.hides("누구에게 물을까요?")
    tmux.types("대한민국의 수도는 어디인가요?")
    tmux.presses("Enter")
    tmux.shows("서울", "tok/s")
    tmux.presses("C-g")
    tmux.shows("복사")
    assert "서울" in tmux.clipboard()


def _search(tmux: Tmux) -> None:
    tmux.presses("F6")
    tmux.types("제")  # one syllable
    tmux.shows("제주도로")
    tmux.presses("Enter")
    tmux.shows("고친 질문에 드리는 답입니다.")


def _find_everything_again(tmux: Tmux) -> None:
    tmux.runs()
    tmux.shows("보내기")
    tmux.presses("F6")
    tmux.types("수도")
    tmux.shows("대한민국의 수도는")
    tmux.presses("Enter")
    tmux.shows("서울", "보내기")  # the prompt has the focus again
    tmux.presses("F6")
    tmux.hides("보내기")
    tmux.presses("C-a", "C-k")
    tmux.types("제주")
    tmux.presses("Enter")
    tmux.shows("고친 질문에 드리는 답입니다.", "2/2")
