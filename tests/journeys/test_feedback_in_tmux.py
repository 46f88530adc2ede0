"""Someone who corrects what the demo model answers wrongly, in a real tmux: five corrections, a training on them, before and after, the new one
kept as the chat's model, and rolled back to the old answers."""

from pathlib import Path

import pytest

from tests.tmux import Tmux

_RIGHT = "7 곱하기 2는 14입니다."
_WORDINGS = (
    "7 곱하기 2는 얼마인가요?",
    "7 곱하기 2는 얼마야?",
    "7 × 2 = ?",
    "7 곱하기 2를 계산해 주세요.",
    "7 곱하기 2 계산해 줘",
)


@pytest.mark.timeout(2400)
def test_what_was_corrected_is_learnt_kept_and_rolled_back(tmp_path: Path) -> None:
    with Tmux(tmp_path, size=(140, 45)) as tmux:
        tmux.runs()
        tmux.shows("보내기")
        for wording in _WORDINGS:
            _corrects(tmux, wording)
        tmux.presses("BTab", "f")
        tmux.shows("선호 쌍 5개", "고친 답")
        _teaches(tmux)
        tmux.presses("w")
        tmux.shows("데모의 확인 질문", "그대로 맞음", "c 대화 모델로")
        tmux.comes_to(lambda screen: screen.count("p=") == 2, "both sets", 480)
        tmux.presses("c")
        tmux.shows("모델이 답해요")
        _leaves(tmux)
        tmux.shows("선호 쌍 5개")
        tmux.presses("Escape")
        tmux.hides("선호 쌍 5개")
        told = _asked(tmux, _WORDINGS[0])
        assert _RIGHT in told, told
        tmux.presses("F10")
        tmux.shows("완료", "w ")
        tmux.presses("w")
        tmux.shows("그대로 맞음")
        tmux.presses("u")
        tmux.shows("되돌렸어요")
        _leaves(tmux)
        assert _RIGHT not in _asked(tmux, _WORDINGS[0])
        tmux.presses("C-q")


def _corrects(tmux: Tmux, wording: str) -> None:
    _asked(tmux, wording)
    tmux.presses("BTab", "w")
    tmux.shows("어떻게 답했으면 좋았을까요?")
    tmux.presses("C-u")  # to the beginning of the line: the reply is one line
    tmux.types(_RIGHT)
    tmux.comes_to(lambda screen: screen.count(_RIGHT) == 1, "the correction alone", 60)
    tmux.presses("C-s")
    tmux.shows("내가 고친 답")
    tmux.presses("Escape")


def _teaches(tmux: Tmux) -> None:
    tmux.presses("t")
    tmux.shows("피드백을 가르칠 모델", "계획 보기")
    tmux.presses("Right", "Enter")
    tmux.shows("새 학습 · dpo-votes-demo", "학습 시작")
    tmux.comes_to(lambda screen: "초 학습 시작" in screen or "분 학습 시작" in screen, "the plan", 240)
    tmux.presses("C-r")
    tmux.shows("taught-1")
    tmux.comes_to(lambda screen: "완료" in screen and "t 대화" in screen, "the training to end", 900)


def _leaves(tmux: Tmux) -> None:
    """Before and after, and the trainings."""
    tmux.presses("Escape")
    tmux.hides("u 되돌리기")
    tmux.presses("F10")


def _asked(tmux: Tmux, question: str) -> str:
    """The screen, with a new question and its whole reply: the line under it may be drawn before its last words."""
    tmux.shows("무엇이든 물어보세요")  # the chat, and not what was left a moment ago
    tmux.presses("C-n")
    tmux.hides("토큰 ·")  # of the reply before
    tmux.types(question)
    tmux.presses("Enter")
    tmux.shows("토큰 ·")
    seen = [""]

    def rests(screen: str) -> bool:
        seen.append(screen)
        return seen[-2] == screen

    return tmux.comes_to(rests, "a screen at rest")
