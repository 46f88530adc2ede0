"""What quitting would cost: replies that found no room on the disk are lost, replies, evaluations, builds and studies on their way are stopped
and keep what has come of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kullm_tui.core.language import say

if TYPE_CHECKING:
    from kullm_tui.ui.dialogs.ask import Confirm


def question(*, unsaved: int, on_their_way: int, evaluates: bool, builds: bool, studies: bool) -> Confirm | None:
    """None where it costs nothing."""
    if unsaved:
        return _losing(unsaved)
    if not on_their_way and not evaluates:
        return _studying() if studies else _building() if builds else None
    from kullm_tui.ui.dialogs.ask import Confirm

    if not on_their_way:
        return Confirm(
            say("평가를 하는 중이에요. 끝낼까요?", "An evaluation is running. Quit?"),
            say("멈추고 끝내기", "Stop it and quit"),
            stay=say("계속 평가하기", "Keep it going"),
            more=say(
                "받은 답과 채점은 남아요. 다음에 F12에서 이어서 할 수 있어요.",
                "Its answers and verdicts are kept; F12 goes on with it another time.",
            ),
        )
    several = say(f"답 {on_their_way}개가 오는 중이에요. 끝낼까요?", f"{on_their_way} replies are on their way. Quit?")
    return Confirm(
        several if on_their_way > 1 else say("답이 오는 중이에요. 끝낼까요?", "A reply is on its way. Quit?"),
        say("멈추고 끝내기", "Stop and quit"),
        stay=say("계속 받기", "Keep going"),
        more=say("여기까지 온 글은 남아요.", "What has come of it is kept."),
    )


def _studying() -> Confirm:
    from kullm_tui.ui.dialogs.ask import Confirm

    return Confirm(
        say("연구가 돌고 있어요. 끝낼까요?", "A study is at work. Quit?"),
        say("멈추고 끝내기", "Stop it and quit"),
        stay=say("계속 하기", "Keep it going"),
        more=say(
            "한 일은 모두 남아요. 다음에 연구 화면이나 `kullm paper`로 이어서 할 수 있어요.",
            "All that was done is kept; the screen of studies or `kullm paper` goes on with it another time.",
        ),
    )


def _building() -> Confirm:
    from kullm_tui.ui.dialogs.ask import Confirm

    return Confirm(
        say("데이터를 만드는 중이에요. 끝낼까요?", "A data set is being built. Quit?"),
        say("멈추고 끝내기", "Stop it and quit"),
        stay=say("계속 만들기", "Keep it going"),
        more=say(
            "한 일과 받은 번역은 남아요. 다음에 F11에서 이어서 만들 수 있어요.",
            "What was done and translated is kept; F11 goes on with it another time.",
        ),
    )


def _losing(count: int) -> Confirm:
    from kullm_tui.ui.dialogs.ask import Confirm

    return Confirm(
        say(
            f"디스크가 가득 차서 저장하지 못한 답이 {count}개 있어요. 끝낼까요?",
            f"The disk is full, and {count} replies are not saved. Quit?",
        ),
        say("저장하지 않고 끝내기", "Quit without saving"),
        more=say(
            "공간을 비우면 자동으로 저장해요. 끝내면 화면에 있는 답은 사라져요.",
            "They are saved by themselves once there is room. What is on the screen is lost by quitting.",
        ),
        danger=True,
    )
