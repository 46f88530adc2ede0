"""How times are said: short, in the interface's language."""

import time
from datetime import datetime

from kullm_tui.core.language import say


def clock(when: float) -> str:
    """The time of day for today, the date for other days."""
    moment, today = datetime.fromtimestamp(when), datetime.fromtimestamp(time.time())
    if moment.date() == today.date():
        return f"{moment:%H:%M}"
    if moment.year == today.year:
        return say(f"{moment.month}월 {moment.day}일", f"{moment:%b} {moment.day}")
    return say(f"{moment.year}. {moment.month}. {moment.day}.", f"{moment:%Y-%m-%d}")


def seconds(value: float) -> str:
    if value < 60:
        return say(f"{value:.1f}초", f"{value:.1f} s")
    minutes, rest = divmod(int(value), 60)
    return say(f"{minutes}분 {rest}초", f"{minutes} min {rest} s")


def seconds_whole(value: float) -> str:
    """For a number that runs: empty for the first second, so that a quick reply does not flicker."""
    return say(f"{int(value)}초", f"{int(value)} s") if value >= 1 else ""
