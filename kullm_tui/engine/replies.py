"""Events written as OpenAI's JSON: chat completions and text completions, whole or in chunks."""

import json
from codecs import getincrementaldecoder
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kullm_tui.engine.generation import Event, Finished, Piece, Progress, PromptScored, TokenLogprob
from kullm_tui.engine.vocabulary import Vocabulary

Json = dict[str, Any]


@dataclass
class Choice:
    """One reply as far as it has come."""

    text: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    prompt_logprobs: Sequence[TokenLogprob | None] = ()
    finished: Finished | None = None

    def add(self, event: Event) -> None:
        if isinstance(event, Piece):
            self.text += event.text
            self.logprobs.extend(event.logprobs)
        elif isinstance(event, PromptScored):
            self.prompt_logprobs = event.logprobs
        elif isinstance(event, Finished):
            self.finished = event


def closing_fields(finished: Sequence[Finished], *, prompts: int) -> Json:
    """usage and timings; several replies to one prompt count its tokens once."""
    replies_a_prompt = max(1, len(finished) // max(prompts, 1))
    prompt_tokens = sum(one.prompt_tokens for one in finished[::replies_a_prompt])
    completion_tokens = sum(one.completion_tokens for one in finished)
    return {
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
        "timings": asdict(finished[0].timings),
    }


def written(fields: Json, choices: Iterable[Json]) -> bytes:
    """The whole answer. One choice after the other becomes JSON: the encoder holds the interpreter while it works."""
    beginning = _json({name: value for name, value in fields.items() if name != "choices"} | {"choices": []})
    return beginning.removesuffix(b"]}") + b",".join(map(_json, choices)) + b"]}"


def _json(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


# Chat completions.


def chat_opening(index: int) -> Json:
    return _chat_delta(index, {"role": "assistant", "content": ""})


def chat_chunk(index: int, event: Event, vocabulary: Vocabulary) -> Json | None:
    """The chunk for one event; None where there is nothing to show."""
    if isinstance(event, Piece):
        delta = _chat_delta(index, {"content": event.text})
        if event.logprobs:
            delta["logprobs"] = chat_logprobs(event.logprobs, vocabulary)
        return delta
    if isinstance(event, Progress):
        return _chat_delta(index, {}) | {"progress": asdict(event)}
    if isinstance(event, Finished):
        return _chat_delta(index, {}) | {"finish_reason": event.reason}
    return None


def chat_choice(index: int, choice: Choice, vocabulary: Vocabulary, *, with_logprobs: bool) -> Json:
    assert choice.finished is not None
    return {
        "index": index,
        "message": {"role": "assistant", "content": choice.text, "refusal": None},
        "logprobs": chat_logprobs(choice.logprobs, vocabulary) if with_logprobs else None,
        "finish_reason": choice.finished.reason,
    }


def chat_logprobs(logprobs: Sequence[TokenLogprob], vocabulary: Vocabulary) -> Json:
    def entry(token: int, logprob: float) -> Json:
        spelling = vocabulary.token_bytes(token)
        return {"token": spelling.decode(errors="replace"), "logprob": logprob, "bytes": list(spelling)}

    content = [
        entry(one.token, one.logprob) | {"top_logprobs": [entry(token, value) for token, value in one.top]}
        for one in logprobs
    ]
    return {"content": content, "refusal": None}


def _chat_delta(index: int, delta: Mapping[str, str]) -> Json:
    return {"index": index, "delta": dict(delta), "logprobs": None, "finish_reason": None}


# Text completions.


@dataclass(frozen=True)
class Echo:
    """A prompt that the answer repeats, and its tokens."""

    text: str
    tokens: tuple[int, ...]


def completion_choice(
    index: int, choice: Choice, vocabulary: Vocabulary, echo: Echo | None, *, with_logprobs: bool
) -> Json:
    assert choice.finished is not None
    logprobs: list[tuple[int, TokenLogprob | None]] = [(one.token, one) for one in choice.logprobs]
    if echo:
        prompt = choice.prompt_logprobs or [None] * len(echo.tokens)
        logprobs = list(zip(echo.tokens, prompt, strict=True)) + logprobs
    return {
        "index": index,
        "text": (echo.text if echo else "") + choice.text,
        "logprobs": completion_logprobs(logprobs, vocabulary) if with_logprobs else None,
        "finish_reason": choice.finished.reason,
    }


def completion_chunk(index: int, event: Event, vocabulary: Vocabulary, *, text_before: int) -> Json | None:
    if isinstance(event, Piece):
        logprobs: list[tuple[int, TokenLogprob | None]] = [(one.token, one) for one in event.logprobs]
        written = completion_logprobs(logprobs, vocabulary, text_before=text_before) if logprobs else None
        return _completion_delta(index, event.text, written)
    if isinstance(event, Finished):
        return _completion_delta(index, "") | {"finish_reason": event.reason}
    return None


def echo_chunk(index: int, event: PromptScored | None, echo: Echo, vocabulary: Vocabulary) -> Json:
    """The repeated prompt, with its log-probabilities where they were asked for."""
    scored = list(zip(echo.tokens, event.logprobs, strict=True)) if event else None
    return _completion_delta(index, echo.text, completion_logprobs(scored, vocabulary) if scored else None)


def completion_logprobs(
    logprobs: Sequence[tuple[int, TokenLogprob | None]], vocabulary: Vocabulary, *, text_before: int = 0
) -> Json:
    """`text_offset` points into the answer's text; `text_before` characters of it went out earlier."""
    characters = getincrementaldecoder("utf-8")(errors="replace")
    offsets, at = [], text_before
    for token, _ in logprobs:
        offsets.append(at)
        at += len(characters.decode(vocabulary.token_bytes(token)))
    return {
        "tokens": [_spelling(vocabulary, token) for token, _ in logprobs],
        "token_logprobs": [one.logprob if one else None for _, one in logprobs],
        "top_logprobs": [
            {_spelling(vocabulary, token): value for token, value in one.top} if one else None for _, one in logprobs
        ],
        "text_offset": offsets,
    }


def _spelling(vocabulary: Vocabulary, token: int) -> str:
    """A token as text; one that is only part of a character is written as its bytes, so that two of them stay two."""
    spelling = vocabulary.token_bytes(token)
    try:
        return spelling.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in spelling)


def _completion_delta(index: int, text: str, logprobs: Json | None = None) -> Json:
    return {"index": index, "text": text, "logprobs": logprobs, "finish_reason": None}
