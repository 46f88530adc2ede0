"""How fast calls may go out: by the server's own rate headers and Retry-After; by what it granted between refusals where it sends none.

A server with rate headers keeps a bucket for requests and one for tokens, and says after each call what is left in them and
when they will be full again. Between its answers the same buckets are kept here, so that calls go out as fast as it refills.
A server without them is listened to by its refusals (`unsaid.py`), once it is known that they mean a rate (`overload.py`).

Whoever was refused goes first, so that no call is left behind by those that have not been tried yet.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from kullm_tui.core.endpoints.errors import asked_delay
from kullm_tui.core.pace.overload import Overload
from kullm_tui.core.pace.unsaid import UnsaidRate

_MOST_AT_ONCE = 64
_MOST_AT_ONCE_UNTOLD = 20  # until a server without headers refuses; the paper's script, too, had 20 under way
_FIRST_AT_ONCE = 4
_FIRST_BACKOFF_SECONDS = 0.5
_LONGEST_BACKOFF_SECONDS = 30.0
_SECONDS_OF_A_LIMIT = 60.0  # limits are said per minute
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")


@dataclass(eq=False)
class Turn:
    """Leave to send one call."""

    number: int
    tokens: float
    began: float  # when it was given; once the call has left, when it did


@dataclass(eq=False)
class _Place:
    """In the line before the next call."""

    again: bool


class Pace:
    def __init__(self, *, most_at_once: int = _MOST_AT_ONCE) -> None:
        self._most = most_at_once
        self._window = min(_FIRST_AT_ONCE, most_at_once)
        self._buckets = {"requests": _Bucket(), "tokens": _Bucket()}
        self._unsaid, self._overload = UnsaidRate(), Overload()
        self._refused_first: tuple[float, list[float]] = (
            0.0,
            [],
        )  # when the call on trial left at first, and those under way then
        self._paused_until = 0.0
        self._backoff = _FIRST_BACKOFF_SECONDS
        self._under_way: set[Turn] = set()
        self._turns = 0
        self._fresh: deque[_Place] = deque()
        self._again: deque[_Place] = deque()
        self._news = asyncio.Event()

    async def turn(self, tokens: float, *, again: bool = False) -> Turn:
        """Waits until the next call may go out. Who was refused goes `again` before the others; else who asked first goes first."""
        place, line = _Place(again), self._again if again else self._fresh
        line.append(place)
        try:
            while (delay := self._delay(place, tokens)) > 0:
                self._news.clear()
                try:
                    async with asyncio.timeout(delay):
                        await self._news.wait()
                except TimeoutError:
                    continue
        finally:
            line.remove(place)
            self._news.set()
        self._turns += 1
        turn = Turn(self._turns, tokens, time.monotonic())
        if self._overload.wants(again=again):
            self._overload.leaves(turn)
        self._under_way.add(turn)
        self._unsaid.went(turn.began)
        self._buckets["requests"].take(turn, 1)
        self._buckets["tokens"].take(turn, tokens)
        return turn

    def leaves(self, turn: Turn) -> None:
        """The call goes out now: what the server says in its answer holds from here, not from when it waited for the disk."""
        turn.began = time.monotonic()
        if self._overload.is_of_the_trial(turn):
            self._overload.leaves(turn)

    def answered(self, turn: Turn, headers: Mapping[str, str]) -> None:
        self._observe(turn, headers)
        self._unsaid.granted(turn.began)
        was_a_rate = self._overload.is_a_rate
        self._overload.got_in(turn)
        self._freed(was_a_rate)
        self._backoff = _FIRST_BACKOFF_SECONDS
        most = self._most if self._unsaid.known else min(_MOST_AT_ONCE_UNTOLD, self._most)
        self._window = min(self._window + 1, most)

    def refused(self, turn: Turn, headers: Mapping[str, str]) -> float:
        """A 429: everything waits as long as the server asks, or ever longer where it does not say. Seconds that this call alone
        should wait before it gets in line again."""
        told = self._observe(turn, headers)
        delay, now = asked_delay(headers), time.monotonic()
        self._under_way.discard(turn)
        if not told and delay is None:
            return self._refused_without_a_word(turn, now)
        if not told:
            self._unsaid.refused(turn.began, [one.began for one in self._under_way], now)
            self._unsaid.wait(delay or 0.0, now)
        self._paused_until = max(self._paused_until, now + (delay or 0.0))
        return 0.0

    def _refused_without_a_word(self, turn: Turn, now: float) -> float:
        was_on_trial, ends_it = self._overload.on_trial, self._overload.refused(turn)
        if not was_on_trial:
            self._overload.begin(now - turn.began)
            self._refused_first = (turn.began, [one.began for one in self._under_way])
            return 0.0
        if not ends_it:  # what comes of the trial holds for this one too
            return self._backoff if self._overload.is_likely else 0.0
        if not self._overload.is_a_rate:
            return self._backoff
        if self._unsaid.refused(*self._refused_first, now):
            self._unsaid.wait(self._backoff, now)
            self._paused_until = max(self._paused_until, now + self._backoff)
            self._backoff = min(self._backoff * 2, _LONGEST_BACKOFF_SECONDS)
        return 0.0

    def _freed(self, was_a_rate: bool) -> None:
        if was_a_rate and not self._overload.is_a_rate:
            self._unsaid = UnsaidRate()

    def ended(self, turn: Turn) -> None:
        """A call is over, however it went: its place is free."""
        self._under_way.discard(turn)
        self._news.set()

    def _delay(self, place: _Place, tokens: float) -> float:
        now = time.monotonic()
        if place is not (self._again or self._fresh)[0]:
            return _SECONDS_OF_A_LIMIT  # until news comes
        was_a_rate = self._overload.is_a_rate
        on_trial = self._overload.rest(now)
        self._freed(was_a_rate)
        if on_trial and not self._overload.is_likely:
            return 0.0 if self._overload.wants(again=place.again) else on_trial
        told = self._buckets["requests"].known
        if len(self._under_way) >= (self._most if told else self._window):
            return _SECONDS_OF_A_LIMIT
        return max(
            self._paused_until - now,
            0.0 if told else self._unsaid.delay(now),
            self._buckets["requests"].delay(1, now),
            self._buckets["tokens"].delay(tokens, now),
        )

    def _observe(self, turn: Turn, headers: Mapping[str, str]) -> bool:
        told = False
        for kind, bucket in self._buckets.items():
            limit, remaining = (_number(headers.get(f"x-ratelimit-{what}-{kind}")) for what in ("limit", "remaining"))
            if limit and remaining is not None:
                reset = _seconds(headers.get(f"x-ratelimit-reset-{kind}"))
                bucket.observe(turn, limit=limit, remaining=remaining, reset=reset)
                told = True
        return told


class _Bucket:
    """The server's bucket as it was when it last spoke, less what went out since, plus what has run in since."""

    def __init__(self) -> None:
        self.known = False
        self._limit = self._remaining = self._rate = self._seen = 0.0
        self._seen_turn = 0
        self._taken: deque[tuple[Turn, float]] = deque()

    def take(self, turn: Turn, amount: float) -> None:
        self._taken.append((turn, amount))

    def observe(self, turn: Turn, *, limit: float, remaining: float, reset: float | None) -> None:
        if turn.number < self._seen_turn:
            return  # an answer that was overtaken
        self.known, self._seen_turn, self._seen = True, turn.number, turn.began
        self._limit, self._remaining = limit, remaining
        full_in = reset if reset else 0.0
        if full_in > 0 and remaining < limit:
            self._rate = (limit - remaining) / full_in
        elif not self._rate:
            self._rate = limit / _SECONDS_OF_A_LIMIT
        while self._taken and self._taken[0][0].number <= turn.number:
            self._taken.popleft()

    def delay(self, amount: float, now: float) -> float:
        if not self.known:
            return 0.0
        level, seen = self._remaining, self._seen
        for turn, taken in self._taken:
            level = min(self._limit, level + self._rate * (turn.began - seen)) - taken
            seen = turn.began
        level = min(self._limit, level + self._rate * (now - seen))
        missing = min(amount, self._limit) - level
        return missing / self._rate if missing > 0 else 0.0


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None


def _seconds(text: str | None) -> float | None:
    """`6m0s`, `120ms`, `1.5s`, or a bare number of seconds."""
    if text is None:
        return None
    parts = _PART.findall(text)
    if parts and "".join(number + unit for number, unit in parts) == text.strip():
        return float(sum(float(number) * _UNITS[unit] for number, unit in parts))
    return _number(text)
