"""How times, counts and states are said in the chat: short, in the interface's language, by Korean conventions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.core.times import seconds, seconds_whole

if TYPE_CHECKING:
    from kullm_tui.core.asking.live_reply import LiveReply
    from kullm_tui.core.store.history import Turn


def period(day: date, today: date) -> str:
    """The heading of the list under which a conversation of that day stands."""
    if day >= today:
        return say("오늘", "Today")
    if day == today - timedelta(days=1):
        return say("어제", "Yesterday")
    monday = today - timedelta(days=today.weekday())
    if day >= monday:
        return say("이번 주", "This week")
    if day >= monday - timedelta(days=7):
        return say("지난주", "Last week")
    return _month(day, today)


def _month(day: date, today: date) -> str:
    if (day.year, day.month) == (today.year, today.month):
        return say("이번 달", "This month")
    if day.year == today.year:
        return say(f"{day.month}월", f"{day:%B}")
    return say(f"{day.year}년", f"{day.year}")


def speed(timings: Mapping[str, float], tokens: int | None) -> float | None:
    """Tokens a second while it was answering: the other side's own measure, else from what arrived here."""
    told = timings.get("tokens_per_second")
    if told:
        return told
    total, first = timings.get("client_total_ms"), timings.get("client_first_text_ms")
    if first is not None:
        first -= timings.get("thinking_ms", 0)  # what was thought is among the tokens
    if not tokens or tokens < 2 or total is None or first is None or total <= first:
        return None
    return (tokens - 1) / ((total - first) / 1000)


def facts_of(turn: Turn) -> str:
    """`0.4초 · 42토큰 · 31 tok/s · 미리 맞힘 12/15`, as far as it is known, with the state in front where it is no whole reply."""
    total, first = turn.timings.get("client_total_ms"), turn.timings.get("client_first_text_ms")
    rate = speed(turn.timings, turn.completion_tokens)
    parts = [
        say("중단됨", "stopped") if turn.state == "cancelled" else "",
        seconds(total / 1000) if total is not None else "",
        _first_text(first, total),
        say(f"{turn.completion_tokens:,}토큰", f"{turn.completion_tokens:,} tokens") if turn.completion_tokens else "",
        f"{rate:,.0f} tok/s" if rate else "",
        _guessed(turn.timings),
    ]
    return " · ".join(part for part in parts if part)


def _guessed(timings: Mapping[str, float]) -> str:
    """How many of the tokens that were looked up in the conversation came: why a reply was that fast."""
    guessed, kept = (int(timings.get(name, 0)) for name in ("guessed_tokens", "kept_tokens"))
    return say(f"미리 맞힘 {kept:,}/{guessed:,}", f"{kept:,} of {guessed:,} guessed") if guessed else ""


def said_of(turn: Turn) -> str:
    """The mark that a person put on it."""
    if turn.mark == "keep":
        return say("좋은 답으로 남김", "kept as a good answer")
    return say("학습에서 뺌", "never trained on") if turn.mark == "never" else ""


def _first_text(first: float | None, total: float | None) -> str:
    """The wait for the first text, where it is worth a word."""
    if first is None or total is None or first < 100 or total - first < 100:
        return ""
    return say(f"첫 글자 {seconds(first / 1000)}", f"first text {seconds(first / 1000)}")


def limits_of(turn: Turn) -> list[str]:
    """What was cut off, before the reply or at its end."""
    told = []
    dropped = int(turn.timings.get("dropped_turns", 0))
    if dropped:
        told.append(
            say(
                f"대화가 길어서 앞의 문답 {dropped}개는 모델에 보내지 않았어요. F9에서 보낸 글을 볼 수 있어요.",
                f"The conversation is long: its first {dropped} turns were not sent. F9 shows what was.",
            )
        )
    if turn.timings.get("cut_at_length"):
        told.append(
            say(
                "길이 한도에서 멈췄어요. F7에서 한도를 늘릴 수 있어요.", "It stopped at the length limit; F7 raises it."
            )
        )
    return told


def waiting_line(reply: LiveReply) -> str:
    """What is waited for, how long already, and how to stop."""
    parts = [reply.waiting or say("답을 기다리는 중", "waiting for the reply")] if reply.first is None else []
    parts += [seconds_whole(reply.seconds), say("esc 멈춤", "esc stops")]
    return " · ".join(part for part in parts if part)


def name_of(model: str | None, adapter: str | None, titles: Mapping[str, str]) -> str:
    """How a model is called beside its reply."""
    if not model:
        return say("모델", "model")
    name = titles.get(model) or model.rstrip("/").rpartition("/")[2] or model
    return f"{name} + {adapter.rstrip('/').rpartition('/')[2]}" if adapter else name


def speaker(turn: Turn, titles: Mapping[str, str]) -> str:
    if turn.role == "system":
        return say("시스템", "system")
    if turn.role == "user":
        return say("나", "me")
    return (
        say("내가 고친 답", "my correction") if turn.corrects is not None else name_of(turn.model, turn.adapter, titles)
    )
