"""What one call to a judge will take, learned from what the calls before it took.

Before the first reply the estimate stands (`cost.py`). Every reply then tells how many tokens its prompt really was and how long
the judge talks. What a call can take at most is sure from the beginning: no tokenizer makes more tokens than there are bytes,
and the reply ends at the cap that was sent. A server that does not keep to the cap is known by its first reply.
"""

import json

from evaluator.cost import CallCost, call_tokens, cost_of, price_of, text_tokens
from evaluator.judge import Judge, request_body
from evaluator.judge_table import CAPS, Cap, reply_cap
from evaluator.rubric import Rubric
from evaluator.verdict import Item, JudgeReply
from kullm_tui.core.prices import FREE, Price

_TOKENS_AROUND = 64  # what a server puts around the messages, at most
_TWICE = 2  # of the longest reply that was seen from a server that knows no cap


class Expectation:
    def __init__(self, judge: Judge, rubric: Rubric, *, in_batch: bool = False) -> None:
        self.price: Price | None = price_of(judge, in_batch=in_batch)
        self.is_known = False  # a reply has told what calls cost
        self._judge, self._rubric = judge, rubric
        own = any(name in judge.parameters for name in CAPS)
        costs = self.price not in (None, FREE)
        self.cap: Cap | None = reply_cap(judge.model, judge.parameters) if own or costs else None
        self._estimated_in = self._told_in = 0
        self._told_out = self._replies = self._longest = 0

    def tokens(self, item: Item) -> tuple[float, float]:
        """In and out, as far as is known by now."""
        asked, said = call_tokens(self._judge, self._rubric, item, self.price)
        if not self._replies:
            return asked, said
        return asked * self._told_in / self._estimated_in, self._told_out / self._replies

    def cost(self, item: Item) -> CallCost:
        asked, said = self.tokens(item)
        body = json.dumps(request_body(self._judge, self._rubric, item), ensure_ascii=False)
        most_asked = len(body.encode()) + _TOKENS_AROUND
        usual = self._dollars(asked, said)
        return CallCost(usual, max(usual, self._dollars(most_asked, self._longest_reply(said))))

    def learn(self, item: Item, reply: JudgeReply) -> None:
        """From what the server reported; one that reports nothing teaches nothing."""
        self.is_known = True
        if reply.prompt_tokens and reply.completion_tokens is not None:
            asked, _ = call_tokens(self._judge, self._rubric, item, self.price)
            self._estimated_in += asked
            self._told_in += reply.prompt_tokens
            self._told_out += reply.completion_tokens
            self._longest = max(self._longest, reply.completion_tokens)
            self._replies += 1

    def charged(self, item: Item, reply: JudgeReply) -> float:
        """What this reply cost; by its words where the server does not say how many tokens it counted."""
        told = cost_of(reply, self.price)
        if told is not None:
            return told
        asked, _ = self.tokens(item)
        hangul = (self.price or FREE).hangul
        return self._dollars(asked, text_tokens(reply.text, hangul))

    def _longest_reply(self, usual: float) -> float:
        if self.cap and self._longest <= self.cap.tokens:
            return self.cap.tokens
        return max(usual, self._longest) * _TWICE

    def _dollars(self, asked: float, said: float) -> float:
        price = self.price or FREE
        return (asked * price.input + said * price.output) / 1e6
