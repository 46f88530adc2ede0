"""A judge behind OpenAI's protocol: verdict texts of the recorded kinds, every fault, and a token bucket that says how full it is."""

import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.openai_server import OpenAIServer, Received, Reply, refuses

_FOR_EVER = 3600.0  # seconds
MODELS = ("gpt-4o-2024-08-06", "gpt-4o", "gpt-4.1", "gpt-4.1-2025-04-14", "gpt-4.1-mini", "text-embedding-3-small")
FORM = (
    "- 이해 가능성 (0 - 1): 1\n- 자연스러움 (1 - 3): 3\n- 맥락 유지 (1 - 3): 2\n"
    "- 흥미롭기 (1 - 3): 1\n- Instruction 사용 (0 - 1): 0\n- 전반적인 품질  (1 - 5): 4"
)
FORM_SCORES = {
    "이해 가능성": 1,
    "자연스러움": 3,
    "맥락 유지": 2,
    "흥미롭기": 1,
    "지시어 사용": 0,
    "전반적인 품질": 4,
}


ASKED = 500  # tokens of every prompt, as the server counts them


def counted(verdict: str, said: int = 80) -> dict[str, Any]:
    """The protocol's body of a verdict, as a batch's results hold it."""
    return _body(verdict, "stop", {}, said)


def judged(
    text: str | None, *, finish: str = "stop", headers: Mapping[str, str] | None = None, **message: Any
) -> Reply:
    body = _body(text, finish, message)
    return Reply([json.dumps(body, ensure_ascii=False)], 200, headers or {}, "application/json")


def _body(text: str | None, finish: str, message: Mapping[str, Any], said: int = 80) -> dict[str, Any]:
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-2025-04-14",
        "system_fingerprint": "fp_1",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": ASKED, "completion_tokens": said, "total_tokens": ASKED + said},
    }


def long_reply(text: str, tokens: int, cap: int | None) -> Reply:
    """A verdict of so many tokens; one that is cut where a cap was asked for and kept to."""
    is_cut = cap is not None and tokens > cap
    body = _body("" if is_cut else text, "length" if is_cut else "stop", {}, cap if cap and is_cut else tokens)
    return Reply([json.dumps(body, ensure_ascii=False)], 200, {}, "application/json")


def no_schemas(body: Mapping[str, Any]) -> Reply | None:
    """A server that knows no `json_schema`."""
    if "response_format" not in body:
        return None
    return refuses(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.")


def no_parameter(name: str) -> Callable[[Mapping[str, Any]], Reply | None]:
    """A server that does not know this parameter."""

    def rejects(body: Mapping[str, Any]) -> Reply | None:
        return refuses(400, f"Unsupported parameter: '{name}' is not supported.") if name in body else None

    return rejects


@dataclass
class Bucket:
    """`rate` calls a second run in, up to `size`; a call that finds it empty is refused."""

    rate: float
    size: int
    says_rate: bool = True
    says_when: bool = True
    level: float = field(init=False)
    seen: float = field(init=False)

    def __post_init__(self) -> None:
        self.level, self.seen = float(self.size), time.monotonic()

    def take(self) -> tuple[bool, dict[str, str]]:
        now = time.monotonic()
        self.level = min(self.size, self.level + self.rate * (now - self.seen))
        self.seen = now
        granted = self.level >= 1
        self.level -= granted
        headers = {}
        if self.says_rate:
            headers = {
                "x-ratelimit-limit-requests": str(self.size),
                "x-ratelimit-remaining-requests": str(int(self.level)),
                "x-ratelimit-reset-requests": f"{int((self.size - self.level) / self.rate * 1000)}ms",
            }
        if not granted and self.says_when:
            headers["retry-after"] = f"{(1 - self.level) / self.rate:.3f}"
        return granted, headers


class JudgeServer(OpenAIServer):
    """Scripted replies first; then `verdict` of the question, after `latency` seconds, as fast as the bucket allows.

    Its faults: it `rejects` bodies, is `silent` on some questions (and remembers when it is left), has no time for a share
    of all calls (`busy`), and talks for `tokens`, with the cap in mind or without.
    """

    def __init__(
        self,
        *,
        verdict: Callable[[str], str] = lambda _question: FORM,
        latency: float = 0.0,
        bucket: Bucket | None = None,
        rejects: Callable[[Mapping[str, Any]], Reply | None] = lambda _body: None,
        silent: Callable[[str], bool] = lambda _question: False,
        busy: float = 0.0,
        tokens: int = 80,
        keeps_to_cap: bool = True,
    ) -> None:
        super().__init__()
        self.models: tuple[str, ...] = MODELS
        self.shutdown_dates: dict[str, str | int] = {}  # of models that will be gone
        self.bought: Counter[str] = Counter()  # how often each question was answered, and so paid for
        self.refusals = 0
        self.charged = 0.0  # tokens in and out, each at its price of gpt-4.1, in dollars
        self._verdict, self._latency, self._bucket = verdict, latency, bucket
        self._rejects, self._silent, self._busy = rejects, silent, busy
        self._tokens, self._keeps_to_cap = tokens, keeps_to_cap
        self._chance = random.Random(20231020)
        self._counting = threading.Lock()

    @property
    def paid(self) -> int:
        with self._counting:
            return sum(self.bought.values())

    def answer(self, request: Received) -> Reply:
        if request.path.endswith("/models"):
            rows: list[dict[str, str | int]] = [{"id": name, "object": "model"} for name in self.models]
            for row in rows:
                row |= {"shutdown_date": end} if (end := self.shutdown_dates.get(str(row["id"]))) else {}
            return Reply([json.dumps({"object": "list", "data": rows})], media_type="application/json")
        if self.script:
            return self.script.popleft()
        if rejected := self._rejects(request.body):
            return rejected
        granted, headers = self._bucket.take() if self._bucket else (True, {})
        if not granted or self._chance.random() < self._busy:
            self.refusals += 1
            return refuses(429, "Rate limit reached", code="rate_limit_exceeded", headers=headers)
        question = request.body["messages"][-1]["content"]
        if self._silent(question):
            return Reply([_FOR_EVER], media_type="application/json")
        cap = request.body.get("max_tokens") or request.body.get("max_completion_tokens")
        reply = long_reply(self._verdict(question), self._tokens, cap if self._keeps_to_cap else None)
        said = min(self._tokens, cap) if cap and self._keeps_to_cap else self._tokens
        with self._counting:
            self.bought[question] += 1
            self.charged += (ASKED * 2 + said * 8) / 1e6
        return Reply([self._latency, *reply.parts], 200, headers, reply.media_type)
