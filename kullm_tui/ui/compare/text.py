"""What is said above the columns and in the vote bar: who, in what state, how fast, and how the replies differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.core.times import seconds, seconds_whole
from kullm_tui.ui.conversation import text

if TYPE_CHECKING:
    from kullm_tui.core.asking.live_reply import LiveReply
    from kullm_tui.core.store.contestant import Contestant
    from kullm_tui.core.store.history import Turn

_LETTERS = "ABCD"
_WORTH_A_WORD = 0.05  # seconds; less is no difference


def letter(place: int) -> str:
    """How a column is called while its name is hidden."""
    return _LETTERS[place]


def name_of(contestant: Contestant, titles: Mapping[str, str]) -> str:
    return text.name_of(contestant.model, contestant.adapter, titles)


def state_of(reply: LiveReply) -> str:
    """Of a reply on its way: what it waits for, or how long it has been coming."""
    doing = say("답하는 중", "answering") if reply.pieces else reply.waiting or say("답을 기다리는 중", "waiting")
    return " · ".join(filter(None, (doing, seconds_whole(reply.seconds))))


def waits_its_turn() -> str:
    return say("차례를 기다려요 (메모리)", "waits its turn (memory)")


def live_speed(reply: LiveReply) -> str:
    """About how fast: a piece is mostly one token, and the other side tells the truth at the end."""
    if reply.first_text is None or len(reply.pieces) < 2:
        return ""
    elapsed = reply.seconds - (reply.first_text - reply.began)
    return f"≈{(len(reply.pieces) - 1) / elapsed:.0f} tok/s" if elapsed > 0 else ""


def ended_state(turn: Turn) -> str:
    if turn.state == "failed":
        return say("실패", "failed")
    return say("중단됨", "stopped") if turn.state == "cancelled" else ""


def speed_of(turn: Turn) -> float | None:
    return text.speed(turn.timings, turn.completion_tokens)


def speeds(turns: Sequence[Turn | None]) -> list[str]:
    """`31 tok/s`, and beside the fastest how much slower the others were: `×0.8`."""
    rates = [speed_of(turn) if turn else None for turn in turns]
    fastest = max((rate for rate in rates if rate), default=0.0)
    told: list[str] = []
    for rate in rates:
        slower = f" ×{rate / fastest:.1f}" if rate and fastest and rate / fastest < 0.95 else ""
        told.append(f"{rate:,.0f} tok/s{slower}" if rate else "")
    return told


def differences(turns: Sequence[Turn | None]) -> list[str]:
    """One line a reply: its length and time, and how much more that is than the shortest and the quickest: `128자 +35 · 1.2초 +0.4초`."""
    told = [turn if turn and turn.state != "failed" and turn.content.strip() else None for turn in turns]
    lengths = [len(turn.content.strip()) if turn else None for turn in told]
    times = [_seconds(turn) if turn else None for turn in told]
    shortest = min((one for one in lengths if one is not None), default=0)
    quickest = min((one for one in times if one is not None), default=0.0)
    return [
        " · ".join(
            filter(
                None,
                (
                    ended_state(turn) if turn else say("묻지 않음", "not asked"),
                    _more(length, shortest) if length is not None else "",
                    _later(time, quickest) if time is not None else "",
                ),
            )
        )
        for turn, length, time in zip(turns, lengths, times, strict=True)
    ]


def _more(length: int, shortest: int) -> str:
    more = f" +{length - shortest:,}" if length > shortest else ""
    return say(f"{length:,}자{more}", f"{length:,} chars{more}")


def _later(time: float, quickest: float) -> str:
    later = f" +{seconds(time - quickest)}" if time - quickest >= _WORTH_A_WORD else ""
    return f"{seconds(time)}{later}"


def _seconds(turn: Turn) -> float | None:
    total = turn.timings.get("client_total_ms")
    return None if total is None else total / 1000
