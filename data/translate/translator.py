"""What a translator is: who turns texts into Korean for money, however it is reached. And how one call can fail, by what is to be done then.

TooMuchAtOnce      ask for fewer at once
NotInThisForm      one of these texts, or the answer as a whole, is not to be had so: ask for fewer, down to one
SlowDown           wait, then again; its headers may say how long
NotNow             the server or the way to it: again, a few times
KullmError         of the family of core/errors.py: nobody is asked any more
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from data.masking.unit import MASK_VERSION, Form
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say


@dataclass(frozen=True)
class Answer:
    texts: tuple[str, ...]  # as many as were asked for, in their order
    characters: tuple[int, ...]  # charged for each
    dollars: float | None  # None: nobody knows the price
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Quota:
    """Characters of this billing period."""

    used: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


class Translator(Protocol):
    @property
    def name(self) -> str:
        """Under which somebody chose it: `deepl`, `endpoint/model`."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that its translations depend on, as JSON. With the text it is the key of what was paid for."""
        ...

    @property
    def address(self) -> str:
        """Where the texts go."""
        ...

    @property
    def has_key(self) -> bool:
        """Without one it can only say what it would cost."""
        ...

    @property
    def most_texts(self) -> int: ...

    @property
    def most_bytes(self) -> int:
        """Of the texts of one call, as they are sent."""
        ...

    @property
    def price_as_of(self) -> str:
        """The month that a shipped price is remembered from; empty for the user's own."""
        ...

    @property
    def free_a_month(self) -> int:
        """Characters that a service of this kind gives away each month; 0: none."""
        ...

    def dollars(self, characters: int) -> float | None:
        """What so many characters will cost, about; None where nobody knows."""
        ...

    async def ask(self, texts: Sequence[str], form: Form) -> Answer: ...

    async def quota(self) -> Quota | None:
        """None where there is no limit, or nobody says it."""
        ...

    async def close(self) -> None: ...


class CallFault(Exception):
    """One call failed; the message is for a person."""


class TooMuchAtOnce(CallFault):
    pass


class NotInThisForm(CallFault):
    pass


class WrongCount(NotInThisForm):
    """More or fewer translations than texts: paid for, and nobody knows which is whose."""


class SlowDown(CallFault):
    def __init__(self, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(message)
        self.headers = headers


class NotNow(CallFault):
    pass


class QuotaSpent(KullmError):
    pass


class TranslatorRefused(KullmError):
    """The key, the address, or how it is asked: no other text would fare better."""


def rules_of(translator: Translator) -> str:
    """One hash for all that decides a translation but the text itself."""
    parts = (translator.name, translator.settings, MASK_VERSION)
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def key_of(rules: str, form: Form, text: str) -> str:
    """By content, never by position: the same text, asked in the same way, is paid for once."""
    return hashlib.sha256(f"{rules}\0{form}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()


def quota_spent(translator: str, *, left: int | None = None, needed: int = 0) -> QuotaSpent:
    """What is left, where it was asked before anything was sent."""
    how_much = ""
    if left is not None:
        how_much = say(
            f"(남은 글자 {left:,}자, 다음 요청 {needed:,}자)",
            f" ({left:,} characters left, the next call has {needed:,})",
        )
    return QuotaSpent(
        say(
            f"{translator}: 이번 기간의 사용량을 다 썼어요{how_much}. 받은 번역은 저장되어 있으니, 한도가 다시 차거나 늘린 다음 같은 명령으로 이어서 하세요.",
            f"{translator}: the quota of this period is used up{how_much}. What was translated is kept: go on with the same command "
            "once there is quota again.",
        )
    )
