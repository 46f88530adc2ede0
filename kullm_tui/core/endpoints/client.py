"""Chat with any endpoint that speaks OpenAI's protocol: the local engine, `kullm serve` elsewhere, vLLM, llama.cpp, OpenAI.

Built on the openai SDK, which is imported late. Events are read as plain JSON, because servers differ in what they send.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from kullm_tui.core.asking.thinking import Delta, Resorted, Said, ThinkingWish, Thought, sorting
from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import EndpointSettings, Precision
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished, LoadProgress, Progress, Usage
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch, retry_delay, translated
from kullm_tui.core.endpoints.sdk import belongs_to_openai, open_client
from kullm_tui.core.errors import EndpointError, KeyMissing
from kullm_tui.core.language import say
from kullm_tui.core.records import Message

if TYPE_CHECKING:
    import openai

_RETRIES = 2
# Without a byte for so long, the other side is taken for dead. Beam search on a CPU is silent until it ends.
_QUIET_SECONDS_LOCAL = 3600.0
_QUIET_SECONDS_FOREIGN = 300.0
_REASONING = ("reasoning_content", "reasoning")  # what servers call a field of thinking; some send it under both names
# However it keeps the connection awake: without anything of the reply for so long, or not at its end after so long.
_LONGEST_SILENCE_SECONDS = 3600.0
_LONGEST_REPLY_SECONDS = 6 * 3600.0
_MOST_CHARACTERS = 1_000_000  # of one reply and its thinking; nobody's `max_tokens` allows more
_ASKING_SECONDS = 15.0  # for the list of models, which nothing has to be computed for
_NO_MORE = object()


def engine_endpoint(url: str, token: str) -> Endpoint:
    base_url = url.rstrip("/")
    return Endpoint("kullm", base_url if base_url.endswith("/v1") else f"{base_url}/v1", token, local=True)


def configured_endpoint(settings: EndpointSettings) -> Endpoint:
    """The endpoint with its key; KeyMissing if the configuration names a key that is not there."""
    key = get_key(settings.key) if settings.key else ""
    if key is None or not (key.isascii() and key.isprintable()):
        raise KeyMissing(
            say(
                f"엔드포인트 {settings.name}에 쓸 키 {settings.key}: 없거나 쓸 수 없는 글자가 있어요. "
                f"`kullm keys set {settings.key}`로 넣어 주세요.",
                f"the key {settings.key} of the endpoint {settings.name} is not there or not usable. "
                f"Store it with `kullm keys set {settings.key}`.",
            )
        )
    return Endpoint(settings.name, settings.base_url, key)


async def stream_chat(
    endpoint: Endpoint,
    *,
    model: str,
    messages: Sequence[Message],
    decoding: Mapping[str, Any],
    quiet_seconds: float | None = None,
    thinking: ThinkingWish = "fold",
) -> AsyncGenerator[Said | Progress | Finished, None]:
    """The reply in pieces, then one Finished. Closing the generator, or cancelling its task, closes the connection.

    `decoding` holds the request's fields under the protocol's names (temperature, max_tokens, adapter …), and only
    those that somebody set: everything else is left to the other side.
    """
    body = _chat_body(endpoint, model, messages, decoding)
    async with _client(endpoint, quiet_seconds) as client:
        for attempt in range(_RETRIES + 1):
            reply = _Reply(thinking)
            try:
                async with aclosing(_events(client, "/chat/completions", body)) as events:
                    async for event in events:
                        for piece in reply.take(event):
                            yield piece
                for piece in reply.rest():
                    yield piece
                yield reply.finished()
                return
            except _failures() as failure:
                delay = None if reply.begun else retry_delay(failure, attempt, local=endpoint.local)
                if delay is None or attempt == _RETRIES:
                    raise translated(failure, endpoint, model, begun=reply.begun) from failure
            await asyncio.sleep(delay)


async def load_model(
    endpoint: Endpoint, model: str, adapter: str | None = None, *, precision: Precision | None = None
) -> AsyncGenerator[LoadProgress, None]:
    """Have the engine load a model, if it has not; what it says on the way."""
    wishes = {"adapter": adapter, "precision": precision}
    body = {"model": model, **{name: wish for name, wish in wishes.items() if wish}}
    try:
        async with (
            _client(endpoint, None) as client,
            aclosing(_events(client, "/models/load", body)) as events,
        ):
            progress = LoadProgress("loading")
            async for event in events:
                progress = _load_progress(event)
                yield progress
            if progress.status != "ready":
                raise CutOff
    except _failures() as failure:
        raise translated(failure, endpoint, model, begun=False) from failure


async def unload_model(endpoint: Endpoint, model: str) -> None:
    """Have the engine give a model's memory back, or end the load of a model that nobody waits for any more."""
    try:
        async with _client(endpoint, None) as client:
            await client.post("/models/unload", body={"model": model}, cast_to=object)
    except _failures() as failure:
        raise translated(failure, endpoint, model, begun=False) from failure


async def list_models(endpoint: Endpoint, *, quiet_seconds: float = _ASKING_SECONDS) -> tuple[str, ...]:
    """The names of the models that the endpoint offers: the cheapest question that tells whether address and key are right."""
    names = [row.get("id") for row in await list_model_rows(endpoint, quiet_seconds=quiet_seconds)]
    return tuple(name for name in names if isinstance(name, str) and name)


async def list_model_rows(endpoint: Endpoint, *, quiet_seconds: float = _ASKING_SECONDS) -> list[dict[str, Any]]:
    """What the endpoint says of each model that it offers."""
    import openai

    try:
        async with _client(endpoint, quiet_seconds) as client:
            async with asyncio.timeout(quiet_seconds):
                answer = await client.get("/models", cast_to=object)
            if not isinstance(answer, dict) or not isinstance(answer.get("data"), list):
                raise Malformed
            return [row for row in answer["data"] if isinstance(row, dict)]
    except (openai.OpenAIError, CutOff, Malformed, TooMuch, TimeoutError, ValueError, RecursionError) as failure:
        if isinstance(failure, openai.APIStatusError) and failure.status_code in (404, 405):
            raise _without_list(endpoint, failure.status_code) from failure
        known = Malformed() if isinstance(failure, ValueError | RecursionError) else failure
        raise translated(known, endpoint, "", begun=False) from failure


def _without_list(endpoint: Endpoint, status: int) -> EndpointError:
    return EndpointError(
        say(
            f"{endpoint.base_url}에는 모델 목록이 없어요({status}). 주소가 /v1로 끝나는지 확인하세요.",
            f"{endpoint.base_url} has no list of models ({status}). Check that the address ends with /v1.",
        ),
        status=status,
    )


def _failures() -> tuple[type[Exception], ...]:
    import openai

    return (openai.OpenAIError, CutOff, Malformed, TooMuch)


def _client(endpoint: Endpoint, quiet_seconds: float | None) -> openai.AsyncOpenAI:
    quiet = quiet_seconds or (_QUIET_SECONDS_LOCAL if endpoint.local else _QUIET_SECONDS_FOREIGN)
    return open_client(endpoint, quiet_seconds=quiet)


async def _events(client: openai.AsyncOpenAI, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Any, None]:
    import openai

    end = asyncio.get_running_loop().time() + _LONGEST_REPLY_SECONDS
    try:
        async with _patience(end):
            stream = await client.post(
                path, body=dict(body), cast_to=object, stream=True, stream_cls=openai.AsyncStream[object]
            )
        async with stream:
            events = aiter(stream)
            while True:
                async with _patience(end):
                    event = await anext(events, _NO_MORE)
                if event is _NO_MORE:
                    return
                yield event
    except TimeoutError as silence:
        raise TooMuch(
            say("답이 언제까지고 끝나지 않아 그만 기다렸어요", "its reply never ends, so the wait was given up")
        ) from silence
    except (ValueError, RecursionError) as error:  # neither JSON nor UTF-8, or nested without an end
        raise Malformed from error


def _patience(end: float) -> asyncio.Timeout:
    return asyncio.timeout_at(min(end, asyncio.get_running_loop().time() + _LONGEST_SILENCE_SECONDS))


def _chat_body(
    endpoint: Endpoint, model: str, messages: Sequence[Message], decoding: Mapping[str, Any]
) -> dict[str, Any]:
    fields = dict(decoding)
    if "max_tokens" in fields and belongs_to_openai(endpoint):
        fields["max_completion_tokens"] = fields.pop("max_tokens")
    return {
        "model": model,
        "messages": [_wire_form(message, local=endpoint.local) for message in messages],
        "stream": True,
        "stream_options": {"include_usage": True},
        **fields,
    }


def _wire_form(message: Message, *, local: bool) -> dict[str, str]:
    """Only the engine knows a separate input; elsewhere it follows the instruction."""
    if not message.input:
        return {"role": message.role, "content": message.content}
    if local:
        return {"role": message.role, "content": message.content, "input": message.input}
    return {"role": message.role, "content": f"{message.content}\n\n{message.input}"}


class _Reply:
    """What has arrived of one reply."""

    def __init__(self, thinking: ThinkingWish) -> None:
        self._started = time.monotonic()
        self._sorting = sorting(thinking)
        self._first_ms: float | None = None  # of whatever there is to show
        self._first_text_ms: float | None = None
        self._thought_ms: float | None = None  # how long it thought
        self._reason: str | None = None
        self._usage = Usage()
        self._timings: dict[str, float] = {}
        self._dropped_turns = 0
        self._prompt_sha256 = ""
        self._characters = 0

    @property
    def begun(self) -> bool:
        return self._first_ms is not None

    def take(self, event: Any) -> list[Said] | list[Progress]:
        """What the event brought to show, often nothing; servers may leave out or null any part of it."""
        if not isinstance(event, dict):
            raise Malformed
        self._take_measures(event)
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            return []
        if isinstance(choice.get("finish_reason"), str):
            self._reason = choice["finish_reason"]
        delta = choice.get("delta")
        fields: Mapping[str, Any] = delta if isinstance(delta, dict) else {}
        said: list[Said] = []
        if reasoning := _text_of(fields, *_REASONING):
            self._count(reasoning)
            said += self._sorting.reasoning(reasoning)
        if text := _text_of(fields, "content"):
            self._count(text)
            said += self._sorting.content(text)
        if said:
            self._measure(said)
            return said
        progress = _progress(choice.get("progress"))
        return [progress] if progress else []

    def _count(self, text: str) -> None:
        self._characters += len(text)
        if self._characters > _MOST_CHARACTERS:
            raise TooMuch(
                say(
                    f"끝나지 않는 답이 와서 {_MOST_CHARACTERS:,}자에서 그만 받았어요",
                    f"its reply does not end; reading stopped at {_MOST_CHARACTERS:,} characters",
                )
            )

    def rest(self) -> list[Said]:
        """What could not be told apart before the end."""
        said = self._sorting.end()
        self._measure(said)
        return said

    def _measure(self, said: list[Said]) -> None:
        for one in said:
            now = self._elapsed_ms()
            if self._first_ms is None:
                self._first_ms = now
            if isinstance(one, Thought | Resorted):
                self._thought_ms = round(now - self._first_ms, 1)
            if isinstance(one, Delta) and self._first_text_ms is None:
                self._first_text_ms = now
            elif isinstance(one, Resorted):
                self._first_text_ms = now if one.text else None

    def finished(self) -> Finished:
        if self._reason is None:
            raise CutOff
        measured = {"client_total_ms": self._elapsed_ms()}
        if self._first_text_ms is not None:
            measured["client_first_text_ms"] = self._first_text_ms
        if self._thought_ms is not None:
            measured["thinking_ms"] = self._thought_ms
        return Finished(
            self._reason, self._usage, {**self._timings, **measured}, self._dropped_turns, self._prompt_sha256
        )

    def _take_measures(self, event: Mapping[str, Any]) -> None:
        usage, timings, sha256 = event.get("usage"), event.get("timings"), event.get("prompt_sha256")
        if isinstance(usage, dict):
            self._usage = Usage(_count(usage.get("prompt_tokens")), _count(usage.get("completion_tokens")))
        if isinstance(timings, dict):
            self._timings = {str(key): value for key, value in timings.items() if type(value) in (int, float)}
        if isinstance(sha256, str):
            self._prompt_sha256 = sha256
        self._dropped_turns = _count(event.get("dropped_turns")) or self._dropped_turns

    def _elapsed_ms(self) -> float:
        return round((time.monotonic() - self._started) * 1000, 1)


def _text_of(fields: Mapping[str, Any], *names: str) -> str:
    """The first of them that is text and not empty."""
    return next((text for name in names if isinstance(text := fields.get(name), str) and text), "")


def _count(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _progress(value: object) -> Progress | None:
    if not isinstance(value, dict):
        return None
    done, total = _count(value.get("done")), _count(value.get("total"))
    return Progress(done, total) if done is not None and total else None


def _load_progress(event: Any) -> LoadProgress:
    if not isinstance(event, dict) or not isinstance(event.get("status"), str):
        raise Malformed
    done, total = event.get("done"), event.get("total")
    return LoadProgress(
        event["status"],
        str(event.get("phase", "")),
        done if isinstance(done, int | float) else 0,
        total if isinstance(total, int | float) else 0,
    )
