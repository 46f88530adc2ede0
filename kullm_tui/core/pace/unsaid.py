"""The rate of a server that never says it, found from its refusals.

    refused            refused            a limit's bucket is empty at each refusal, so that what was
      │ granted, granted …  │             granted between two of them is just what ran in meanwhile:
      └───── seconds ───────┘             rate = granted / seconds

From there calls go out a little below that rate and, as time passes without a refusal, ever faster above it, since the limit may
have grown. A refusal holds all callers back at once: calls leave evenly spaced, so few are on their way when it comes.
"""

from collections.abc import Sequence

_HALF = 0.5  # of the rate so far, at the first refusal: it tells of a full bucket's burst, not of what runs in
_LESS = 0.8  # at a refusal that came too soon to measure by
_FEWEST, _SHORTEST_SECONDS = 5, 1.0  # to measure by
_BELOW = 0.98
_GROWTH = 0.0005  # of the measured rate, times the seconds since squared: back at it in six seconds, a fifth above it in twenty
_SEARCHING = 0.25  # a second, while nothing has been measured
_SLOWEST = 0.2  # calls a second
_SLACK_SECONDS = 0.25  # calls that a busy machine was late with may follow together
_LONGEST_CREDIT_SECONDS = 5.0


class UnsaidRate:
    def __init__(self) -> None:
        self._rate: float | None = None
        self._measured = False
        self._since: float | None = None  # the first call; then the refusal that is measured from
        self._granted = 0
        self._last_refusal = 0.0
        self._resumed = 0.0  # when calls went on after it
        self._next = 0.0
        self._credit = _SLACK_SECONDS  # seconds of calls that may be made up for after a pause

    @property
    def known(self) -> bool:
        return self._rate is not None

    def delay(self, now: float) -> float:
        return 0.0 if self._rate is None else self._next - now

    def went(self, began: float) -> None:
        if self._since is None:
            self._since = began
        if self._rate is not None:
            self._next = max(self._next, began - self._credit) + 1 / self._speed(began)

    def granted(self, began: float) -> None:
        if self._since is not None and began >= self._since:
            self._granted += 1

    def refused(self, began: float, under_way: Sequence[float], now: float) -> bool:
        """False for one of a herd: it was sent before the refusal that is acted upon was known."""
        if self._rate is not None and began < self._last_refusal:
            return False
        since = began if self._since is None else self._since
        granted = self._granted + sum(since <= one < began for one in under_way)
        seconds = began - since
        if self._rate is None:
            self._start(granted / seconds * _HALF if seconds > 0 else 1.0, began)
        elif seconds >= _SHORTEST_SECONDS and granted >= _FEWEST:
            self._start(granted / seconds, began)
            self._measured = True
        else:
            self._rate = max(_SLOWEST, self._speed(now) * _LESS)
            self._measured = False
        self._last_refusal = self._resumed = self._next = now
        return True

    def wait(self, seconds: float, now: float) -> None:
        """What runs in during a pause that the server asked for may be used after it."""
        self._resumed = max(self._resumed, now + seconds)
        self._credit = max(_SLACK_SECONDS, min(seconds, _LONGEST_CREDIT_SECONDS))

    def _start(self, rate: float, began: float) -> None:
        self._rate = max(_SLOWEST, rate)
        self._since, self._granted = began, 0

    def _speed(self, now: float) -> float:
        assert self._rate is not None
        seconds = max(0.0, now - self._resumed)
        if self._measured:
            return self._rate * (_BELOW + _GROWTH * seconds * seconds)
        return self._rate * (1 + _SEARCHING * seconds)
