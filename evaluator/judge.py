"""A judge: a model at an endpoint, how it is asked, and one call to it.

Text leaves for the judge's host only after `consent` was asked for; whoever opens the connection sees to that.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evaluator.rubric import Mode, Rubric
from evaluator.verdict import Item, JudgeReply
from evaluator.verdict_text import json_schema
from kullm_tui.core import foreign_json
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.errors import Malformed
from kullm_tui.core.text import nfc

if TYPE_CHECKING:
    import openai

DATED = re.compile(r"-(?:20\d\d-\d\d-\d\d|\d{4}(?:-preview)?)$")


@dataclass(frozen=True)
class Judge:
    endpoint: Endpoint
    model: str
    mode: Mode
    parameters: Mapping[str, Any] = field(default_factory=dict)
    insists: bool = (
        False  # somebody asked for this mode: a server without schemas is told of and not asked in the other
    )

    @property
    def settings(self) -> dict[str, Any]:
        """All that is sent beside the texts."""
        return {**self.parameters, "mode": self.mode}

    def origin(self, rubric: Rubric) -> str:
        """Verdicts of one origin may be set side by side: one judge, asked in one way, by one rubric."""
        return origin_of(self.model, self.endpoint.base_url, self.settings, rubric.sha256)

    def key(self, rubric: Rubric, item: Item, repeat: int = 0) -> str:
        """By content, never by position: the same question to the same judge is bought once."""
        shown = (item.reference,) if rubric.uses_reference else ()
        judged = (item.instruction, item.input, item.response, *shown)
        parts = (self.model, self.endpoint.base_url, self.settings, rubric.sha256, *judged, repeat)
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def origin_of(model: str, base_url: str, settings: Mapping[str, Any], rubric_sha256: str) -> str:
    parts = (model, base_url, settings, rubric_sha256)
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def is_its_own_judge(judge: str, judged: str) -> bool:
    """Whether the judged model, by whatever path it is named, is the judge: it favours its own words."""
    return bool(judged) and _undated(judge) == _undated(judged)


def _undated(model: str) -> str:
    """The family of a dated version."""
    return DATED.sub("", model.rpartition("/")[2].casefold())


def request_body(judge: Judge, rubric: Rubric, item: Item) -> dict[str, Any]:
    question = rubric.filled(
        instruction=item.instruction, input=item.input, response=item.response, reference=item.reference
    )
    messages = [{"role": "system", "content": rubric.system}] if rubric.system else []
    body = {
        "model": judge.model,
        "messages": [*messages, {"role": "user", "content": question}],
        **judge.parameters,
    }
    if judge.mode == "strict":
        schema = {"name": "verdict", "strict": True, "schema": json_schema(rubric)}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


async def ask(
    client: openai.AsyncOpenAI, body: Mapping[str, Any], *, seconds: float
) -> tuple[JudgeReply, Mapping[str, str]]:
    """One call: what the judge said, and the server's headers. The SDK's errors pass; Malformed for a body of another kind."""
    import httpx2
    import openai

    try:
        async with asyncio.timeout(seconds):  # in all: a server may send blanks for ever to keep a connection
            response = await client.post("/chat/completions", body=dict(body), cast_to=httpx2.Response)
    except TimeoutError as silence:
        raise openai.APITimeoutError(httpx2.Request("POST", client.base_url)) from silence
    try:
        answer = foreign_json.parsed(response.content)
    except (ValueError, RecursionError) as error:
        raise Malformed from error
    return reply_in(answer), response.headers


def reply_in(answer: Any) -> JudgeReply:
    """What the judge said, from the protocol's body; Malformed for a body of another kind."""
    try:
        choice = answer["choices"][0]
        message = choice["message"]
        text = message.get("content")
    except (LookupError, TypeError, AttributeError) as error:
        raise Malformed from error
    usage = answer.get("usage") if isinstance(answer.get("usage"), dict) else {}
    return JudgeReply(
        text=_words(text),
        finish_reason=_words(choice.get("finish_reason")) or "stop",
        refusal=_words(message.get("refusal")),
        model=_words(answer.get("model")),
        fingerprint=_words(answer.get("system_fingerprint")),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
    )


def _words(value: object) -> str:
    """Text that can be stored: a surrogate, half of a broken character, cannot."""
    return nfc(value).encode("utf-8", errors="replace").decode() if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
