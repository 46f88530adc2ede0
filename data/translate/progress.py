"""How far a translation is: written by it, read by whoever shows it, from any thread."""

import time
from dataclasses import dataclass, field

from kullm_tui.core.language import say

_SHORTEST_SECONDS = 2.0  # to tell a speed by


@dataclass(frozen=True)
class Estimate:
    """What a translation will take, before anything is sent. Every text counts once, however many rows hold it."""

    rows: int = 0
    texts: int = 0
    characters: int = 0
    cached: int = 0  # of the characters: paid for already
    to_pay: int = 0
    dollars: float | None = 0.0  # None: nobody knows the price
    as_of: str = ""  # the month of the shipped price that it rests on
    free_a_month: int = 0  # characters that the service's free tier gives
    quota_left: int | None = None  # None: no limit, or it was not asked
    others: int = 0  # translations in the cache that were made in another way and are not used

    @property
    def free_months(self) -> int | None:
        """Of the free tier, for all that is to be paid."""
        return -(-self.to_pay // self.free_a_month) if self.free_a_month else None

    @property
    def fits_quota(self) -> bool:
        return self.quota_left is None or self.to_pay <= self.quota_left


@dataclass
class Progress:
    estimate: Estimate | None = None
    rows: int = 0  # that came out, rejected ones too
    rejected: int = 0
    texts: int = 0  # that are translated, by now or before
    kept: int = 0  # of them: paid for before
    characters: int = 0  # charged now
    dollars: float | None = 0.0  # spent now; None: nobody knows
    calls: int = 0
    refused: int = 0  # calls that were told to wait
    failed: int = 0  # calls that failed in another way and were tried again
    waiting: str = ""  # what it waits for, in words, while nothing comes
    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def characters_left(self) -> int | None:
        return None if self.estimate is None else max(0, self.estimate.to_pay - self.characters)

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None before there is one."""
        left, seconds = self.characters_left, self.seconds
        if left == 0:
            return 0.0
        if left is None or not self.characters or seconds < _SHORTEST_SECONDS:
            return None
        return left * seconds / self.characters

    @property
    def words(self) -> str:
        return self.waiting or say(
            f"글 {self.texts:,}개 · {self.characters:,}자 번역", f"{self.texts:,} texts, {self.characters:,} characters"
        )
