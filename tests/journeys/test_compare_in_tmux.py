"""A newcomer on a fresh machine without network or keys compares the demo's three blind, in a real tmux with the real engine."""

from pathlib import Path

import pytest

from tests.tmux import Tmux

_QUESTION = "대한민국의 수도는 어디인가요?"
_NAMES = ("코알파카 데모", "코비쿠나 데모", "구름 데모")


@pytest.mark.parametrize("size", [(140, 45), (80, 24)], ids=["wide", "narrow"])
def test_a_blind_comparison_from_the_first_key_to_the_rating(tmp_path: Path, size: tuple[int, int]) -> None:
    with Tmux(tmp_path, size=size) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        tmux.presses("F4")
        tmux.shows("같이 답해요", "코알파카 데모")
        tmux.presses("C-l")
        tmux.shows("● 가림")
        tmux.hides("코알파카 데모")
        tmux.types(_QUESTION)
        tmux.presses("Enter")
        screen = tmux.shows("가장 나은 답은?", _QUESTION)
        assert not any(name in screen for name in _NAMES)
        tmux.presses("Right", "Enter")
        tmux.shows("투표했어요", "A = ")
        tmux.shows("데모")
        tmux.presses("F9")
        screen = tmux.shows("표 1개", "95 %", *_NAMES)
        tmux.presses("Escape")
        tmux.hides("95 %")
        tmux.resizes(size[0] - 20, size[1])
        tmux.shows("투표했어요")
        tmux.presses("F4")
        tmux.shows("무엇이든 물어보세요")
        tmux.presses("C-q")


@pytest.mark.parametrize("size", [(140, 45), (80, 24)], ids=["wide", "narrow"])
def test_a_question_that_begins_with_a_number_is_no_vote(tmp_path: Path, size: tuple[int, int]) -> None:
    """Typed at once and key by key, before the vote and after it."""
    with Tmux(tmp_path, size=size) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        tmux.presses("F4")
        tmux.shows("같이 답해요", "코알파카 데모")
        tmux.types(_QUESTION)
        tmux.presses("Enter")
        tmux.shows("모두 나쁨")
        _types_in_every_way(tmux, "모두 나쁨")
        tmux.presses("BTab")
        tmux.presses("Right", "Right", "Enter")
        tmux.shows("코비쿠나 데모에 투표했어요")
        _types_in_every_way(tmux, "코비쿠나 데모에 투표했어요")
        tmux.presses("C-q")


def _types_in_every_way(tmux: Tmux, bar: str) -> None:
    for words in ("2024년", "3월은", "12 더하기"):
        for fast in (True, False):
            for piece in [words] if fast else words:
                tmux.types(piece)
            screen = tmux.shows(f"\n {words}", bar)
            assert "투표했어요" not in screen or bar in screen
            tmux.presses("C-u")
            tmux.hides(f"\n {words}")
