"""What judging costs: an estimate before anything is spent, what was really spent, and a budget that holds.

The estimate counts characters, since no tokenizer of a judge's is at hand without the network: so many tokens for a Hangul
syllable as the price list says, one for four other letters. What is charged follows from the tokens that the server reports.
"""

import asyncio
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from evaluator.judge import DATED, Judge, request_body
from evaluator.rubric import Rubric
from evaluator.verdict import Item, JudgeReply
from kullm_tui.core.endpoints.endpoint import is_outside
from kullm_tui.core.prices import FREE, Price, token_price

_HANGUL = re.compile("[가-힣ㄱ-ㅣ]")
_LETTERS_A_TOKEN = 4
_OTHER_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_TOKENS_A_MESSAGE = 8
_ROUNDING = 1e-9  # dollars
_PAPER_TOKENS, _STRICT_TOKENS = 90, 220  # a verdict in the paper's form; one in JSON with its reason


@dataclass(frozen=True)
class Estimate:
    calls: int
    input_tokens: int
    output_tokens: int
    dollars: float | None  # None: nobody knows the price
    as_of: str = ""  # the month of the shipped price that it rests on
    share: float | None = None  # of the usual price, for calls in a batch; None: called one by one


@dataclass(frozen=True)
class CallCost:
    """Dollars, before a call goes out: what it will come to by all that is known, and what it can come to at most."""

    usual: float
    most: float


@dataclass(eq=False)
class Reservation:
    cost: CallCost


class Budget:
    """Money that may be spent. Before a call goes out what it may cost is reserved, and settled by what it did cost.

    A call may go where what is under way and this one fit by what they usually cost, and all of them but the dearest by what they
    can cost at most. So whatever comes, no more is spent than the budget and one call, and what fits is used: as the money
    runs out fewer go at a time, and the last ones one by one.
    """

    def __init__(self, dollars: float | None = None) -> None:
        self.dollars = dollars
        self.spent = 0.0
        self.assumed = 0.0  # of it: for calls that may be charged and brought nothing that tells how much
        self._under_way: list[Reservation] = []
        self._news = asyncio.Event()

    async def reserve(self, cost: CallCost, *, alone: bool = False) -> Reservation | None:
        """Waits for calls under way where these might leave room; None where the budget is spent. `alone`: beside no other call."""
        while not self._has_room(cost, alone=alone):
            if not self._under_way:
                return None
            self._news.clear()
            await self._news.wait()
        reservation = Reservation(cost)
        self._under_way.append(reservation)
        return reservation

    def settle(self, reservation: Reservation, cost: float, *, assumed: bool = False) -> None:
        self._under_way.remove(reservation)
        self.spend(cost, assumed=assumed)
        self._news.set()

    def spend(self, cost: float, *, assumed: bool = False) -> None:
        """What nothing was set aside for here: a call that came back in a batch."""
        self.spent += cost
        self.assumed += cost if assumed else 0.0

    @property
    def left(self) -> float:
        return math.inf if self.dollars is None else self.dollars - self.spent + _ROUNDING

    def _has_room(self, cost: CallCost, *, alone: bool) -> bool:
        if self.dollars is None:
            return True
        if alone and self._under_way:
            return False
        calls = [one.cost for one in self._under_way] + [cost]
        dearest = max(one.most for one in calls)
        return sum(one.usual for one in calls) <= self.left and sum(one.most for one in calls) - dearest <= self.left


def price_of(judge: Judge, *, in_batch: bool = False) -> Price | None:
    """The listed price; a judge on this machine that is not listed is free; None where nobody knows."""
    for name in (judge.model, DATED.sub("", judge.model)):
        if price := token_price(name):
            return price.in_batch if in_batch else price
    return None if is_outside(judge.endpoint.base_url) else FREE


def cost_of(reply: JudgeReply, price: Price | None) -> float | None:
    if price is None or reply.prompt_tokens is None or reply.completion_tokens is None:
        return 0.0 if price == FREE else None
    return (reply.prompt_tokens * price.input + reply.completion_tokens * price.output) / 1e6


def call_tokens(judge: Judge, rubric: Rubric, item: Item, price: Price | None) -> tuple[int, int]:
    """What one call will take, about: tokens in and out."""
    known = price or FREE
    body = request_body(judge, rubric, item)
    asked = sum(text_tokens(message["content"], known.hangul) + _TOKENS_A_MESSAGE for message in body["messages"])
    said = (_STRICT_TOKENS if judge.mode == "strict" else _PAPER_TOKENS) + known.thinks
    return asked, said


def estimated(judge: Judge, rubric: Rubric, items: Iterable[Item], *, in_batch: bool = False) -> Estimate:
    price = price_of(judge, in_batch=in_batch)
    calls = [call_tokens(judge, rubric, item, price) for item in items]
    asked, said = sum(call[0] for call in calls), sum(call[1] for call in calls)
    dollars = None if price is None else (asked * price.input + said * price.output) / 1e6
    share = price.batch if price and in_batch else None
    return Estimate(len(calls), asked, said, dollars, price.as_of if price else "", share)


def text_tokens(text: str, hangul: float) -> int:
    syllables, other = len(_HANGUL.findall(text)), len(_OTHER_CJK.findall(text))
    return round(syllables * hangul + other + (len(text) - syllables - other) / _LETTERS_A_TOKEN)
