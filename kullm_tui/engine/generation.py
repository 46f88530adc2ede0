"""What one reply is asked to be, and the events it is answered with."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kullm_tui.core.errors import KullmError
from kullm_tui.engine.sampling import Sampling


@dataclass(frozen=True)
class TokenLogprob:
    token: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()


@dataclass(frozen=True)
class Piece:
    """Text that may be shown, and the tokens sampled since the last piece (none of them when logprobs were not asked for)."""

    text: str
    logprobs: tuple[TokenLogprob, ...] = ()


@dataclass(frozen=True)
class PromptScored:
    """The prompt's own log-probabilities; the first token has none."""

    logprobs: tuple[TokenLogprob | None, ...]


@dataclass(frozen=True)
class Progress:
    """Beam search cannot stream: it tells how far it is instead."""

    done: int
    total: int


@dataclass(frozen=True)
class Timings:
    queue_ms: float
    prefill_ms: float
    first_token_ms: float
    decode_ms: float
    tokens_per_second: float
    cached_tokens: int
    guessed_tokens: int = 0  # by looking them up in the conversation
    kept_tokens: int = 0  # of those, how many the model said too


@dataclass(frozen=True)
class Finished:
    reason: str  # "stop" or "length"
    prompt_tokens: int
    completion_tokens: int
    timings: Timings


@dataclass(frozen=True)
class Failed:
    error: KullmError


Event = Piece | PromptScored | Progress | Finished | Failed


@dataclass(frozen=True)
class GenerationRequest:
    """One reply as it is wanted; nothing in it changes while it runs."""

    prompt: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    stop: tuple[str, ...]
    eos: frozenset[int]
    decode: Callable[[Sequence[int]], str]
    adapter: str | None = None
    trim: bool = True
    top_logprobs: int | None = None  # None: no log-probabilities are wanted
    echo: bool = False  # the answer repeats the prompt
    score_prompt: bool = False
    num_beams: int = 1
    alone: bool = False  # no row beside it and nothing reused: the same to the bit whenever it is asked


@dataclass
class Generation:
    """A request on its way: where its events go, and whether anybody still waits for them."""

    request: GenerationRequest
    emit: Callable[[Event], None]
    owner: str = ""  # whose turn it takes
    cancelled: threading.Event = field(default_factory=threading.Event)
    clock: "Clock" = field(default_factory=lambda: Clock())


class Clock:
    """The moments of one reply, on the monotonic clock."""

    def __init__(self) -> None:
        self.asked = time.monotonic()
        self.begun: float | None = None
        self.first_token: float | None = None

    def start(self) -> None:
        self.begun = time.monotonic()

    def start_decoding(self) -> None:
        self.first_token = time.monotonic()

    def timings(self, *, tokens: int, cached_tokens: int, guessed_tokens: int = 0, kept_tokens: int = 0) -> Timings:
        now = time.monotonic()
        begun = self.begun or now
        first = self.first_token or now
        decoding, decoded = now - first, tokens - 1
        if self.first_token is None:  # nothing was shown on the way: a beam search
            decoding, decoded = now - begun, tokens
        return Timings(
            queue_ms=_ms(begun - self.asked),
            prefill_ms=_ms(first - begun),
            first_token_ms=_ms(first - self.asked),
            decode_ms=_ms(decoding),
            tokens_per_second=round(decoded / decoding, 2) if decoded > 0 and decoding > 0 else 0.0,
            cached_tokens=cached_tokens,
            guessed_tokens=guessed_tokens,
            kept_tokens=kept_tokens,
        )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
