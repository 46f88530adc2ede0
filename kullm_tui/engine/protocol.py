"""The bodies of the engine's requests: OpenAI's fields plus a few of its own. Unknown fields and wrong types are refused."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

_MAX_TEXT = 4_000_000
_MAX_TOKENS = 1_000_000
_MAX_PARTS = 1_000
MOST_REPLIES = 1_024  # prompts times n

Text = Annotated[str, Field(max_length=_MAX_TEXT)]
TokenId = Annotated[int, Field(ge=0, lt=2**31, strict=True)]
_Entry = TypeVar("_Entry")
# One fault is enough to refuse a list: a million of them would take gigabytes to tell.
SomeOf = Annotated[list[_Entry], Field(min_length=1, max_length=_MAX_TOKENS, fail_fast=True)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class ContentPart(Body):
    type: Literal["text"]
    text: Text


class ChatMessage(Body):
    role: Literal["system", "developer", "user", "assistant"]
    content: Text | Annotated[list[ContentPart], Field(max_length=_MAX_PARTS, fail_fast=True)] | None = None
    input: Text = ""  # KULLM's separate input field
    name: str | None = None
    refusal: str | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(Body):
    include_usage: bool = False
    include_obfuscation: bool | None = None


class SamplingFields(Body):
    """What both kinds of completion share. Fields left out take the model profile's defaults."""

    model: Annotated[str, Field(min_length=1, max_length=4096)]
    adapter: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    max_tokens: Annotated[int, Field(ge=0, le=_MAX_TOKENS)] | None = None
    temperature: Annotated[Finite, Field(ge=0, le=10)] | None = None
    top_p: Annotated[Finite, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=-1, le=_MAX_TOKENS)] | None = None
    repetition_penalty: Annotated[Finite, Field(ge=0.01, le=10)] | None = None
    no_repeat_ngram_size: Annotated[int, Field(ge=0, le=64)] | None = None
    presence_penalty: Annotated[Finite, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Finite, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, Annotated[Finite, Field(ge=-100, le=100)]] | None = Field(default=None, max_length=1024)
    num_beams: Annotated[int, Field(ge=1, le=16)] | None = None
    n: Annotated[int, Field(ge=1, le=16)] = 1
    alone: bool = False  # no other reply beside it, so that no rounding depends on one
    seed: Annotated[int, Field(ge=-(2**63), lt=2**63)] | None = None
    stop: Annotated[str, Field(max_length=1000)] | list[Annotated[str, Field(max_length=1000)]] | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    user: str | None = None
    metadata: dict[str, Any] | None = None
    store: bool | None = None
    service_tier: str | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        if isinstance(self.stop, str):
            return (self.stop,)
        return tuple(self.stop or ())

    @property
    def with_usage(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @model_validator(mode="after")
    def _one_way_of_choosing(self) -> "SamplingFields":
        if (self.num_beams or 1) > 1 and self.n > (self.num_beams or 1):
            raise ValueError("n must not exceed num_beams")
        if len(self.stops) > 16:
            raise ValueError("at most 16 stop strings")
        return self


class ChatRequest(SamplingFields):
    messages: Annotated[list[ChatMessage], Field(min_length=1, max_length=10_000, fail_fast=True)]
    max_completion_tokens: Annotated[int, Field(ge=0, le=_MAX_TOKENS)] | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None

    @property
    def wanted_logprobs(self) -> int | None:
        return (self.top_logprobs or 0) if self.logprobs else None


class CompletionRequest(SamplingFields):
    prompt: Text | SomeOf[Text] | SomeOf[TokenId] | SomeOf[list[TokenId]]
    echo: bool = False
    logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    best_of: Literal[1] | None = None
    suffix: None = None

    @model_validator(mode="after")
    def _not_too_many(self) -> "CompletionRequest":
        if len(self.prompts) * self.n > MOST_REPLIES:
            raise ValueError(f"prompts times n must not exceed {MOST_REPLIES}")
        if (self.num_beams or 1) > 1 and (len(self.prompts) > 1 or self.echo):
            raise ValueError("beam search answers one prompt, without echo")
        return self

    @property
    def prompts(self) -> list[str | list[int]]:
        """One entry a prompt, as text or as token ids."""
        prompt = self.prompt
        if isinstance(prompt, str):
            return [prompt]
        if prompt and isinstance(prompt[0], int):
            return [[token for token in prompt if isinstance(token, int)]]
        return [part for part in prompt if isinstance(part, str | list)]


class LoadRequest(Body):
    model: Annotated[str, Field(min_length=1, max_length=4096)]
    precision: Literal["4bit", "8bit", "bf16", "fp32"] | None = None
    adapter: Annotated[str, Field(min_length=1, max_length=4096)] | None = None


class UnloadRequest(Body):
    model: Annotated[str, Field(min_length=1, max_length=4096)]
