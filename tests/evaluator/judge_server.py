"""A judge behind OpenAI's protocol: verdict texts of the recorded kinds, every fault, and a token bucket that says how full it is."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.openai_server import OpenAIServer, Received, Reply, refuses

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


def judged(
    text: str | None, *, finish: str = "stop", headers: Mapping[str, str] | None = None, **message: Any
) -> Reply:
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4.1-2025-04-14",
        "system_fingerprint": "fp_1",
        "choices": [
            {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        ],
        "usage": {"prompt_tokens": 500, "completion_tokens": 80, "total_tokens": 580},
    }
    return Reply([json.dumps(body, ensure_ascii=False)], 200, headers or {}, "application/json")


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
    """Scripted replies first; then `verdict` of the question, after `latency` seconds, as fast as the bucket allows."""

    def __init__(
        self,
        *,
        verdict: Callable[[str], str] = lambda _question: FORM,
        latency: float = 0.0,
        bucket: Bucket | None = None,
    ) -> None:
        super().__init__()
        self.models: tuple[str, ...] = MODELS
        self.shutdown_dates: dict[str, str | int] = {}  # of models that will be gone
        self.bought: Counter[str] = Counter()  # how often each question was answered, and so paid for
        self.refusals = 0
        self._verdict, self._latency, self._bucket = verdict, latency, bucket
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
        granted, headers = self._bucket.take() if self._bucket else (True, {})
        if not granted:
            self.refusals += 1
            return refuses(429, "Rate limit reached", code="rate_limit_exceeded", headers=headers)
        question = request.body["messages"][-1]["content"]
        with self._counting:
            self.bought[question] += 1
        reply = judged(self._verdict(question), headers=headers)
        return Reply([self._latency, *reply.parts], reply.status, reply.headers, reply.media_type)
