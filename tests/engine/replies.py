"""Running requests through a batch in a test and waiting for what comes of them."""

import contextlib
import queue
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from kullm_tui.core.config.settings import Precision
from kullm_tui.engine.batch import Batch, Limits
from kullm_tui.engine.generation import Event, Failed, Finished, Generation, GenerationRequest, Piece, TokenLogprob
from kullm_tui.engine.sampling import Sampling
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.loading import load_model
from tests.tiny_models import korean_tokenizer

WAIT_SECONDS = 120
CPU = torch.device("cpu")


@dataclass
class Reply:
    text: str = ""
    logprobs: list[TokenLogprob] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    finished: Finished | None = None

    @property
    def tokens(self) -> list[int]:
        return [one.token for one in self.logprobs]


class Client:
    """One waiting client of a batch."""

    def __init__(self, request: GenerationRequest) -> None:
        self._events: queue.Queue[Event] = queue.Queue()
        self.generation = Generation(request, self._events.put)

    def next_event(self) -> Event:
        return self._events.get(timeout=WAIT_SECONDS)

    def arrived(self) -> Reply:
        """What has come so far, of a reply that may never finish."""
        reply = Reply()
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._events.get_nowait()
                if isinstance(event, Piece):
                    reply.text += event.text
                    reply.logprobs.extend(event.logprobs)
        return reply

    def reply(self) -> Reply:
        reply = Reply()
        while reply.finished is None:
            event = self.next_event()
            reply.events.append(event)
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Piece):
                reply.text += event.text
                reply.logprobs.extend(event.logprobs)
            if isinstance(event, Finished):
                reply.finished = event
        return reply


def batch_over(
    folder: Path,
    *,
    precision: Precision = "fp32",
    rows: int = 8,
    kv_tokens: int = 4096,
    prefix_bytes: int = 0,
    adapters: Mapping[str, Path] | None = None,
    device: torch.device = CPU,
) -> Batch:
    """Over a checkpoint folder; whoever opens it closes it."""
    loaded = load_model(folder, precision=precision, device=device, progress=lambda _: None, cancelled=lambda: False)
    rack = AdapterRack(loaded.model)
    for name, adapter in (adapters or {}).items():
        rack.attach(name, adapter)
    limits = Limits(rows=rows, context=512, kv_tokens=kv_tokens, kv_bytes_per_token=1024, prefix_bytes=prefix_bytes)
    return Batch(loaded.model, rack, limits, threading.Lock())


def decode(ids: Sequence[int]) -> str:
    return str(korean_tokenizer().decode(list(ids), skip_special_tokens=False))


def wants(prompt: Sequence[int], *, tokens: int = 24, **changes: Any) -> GenerationRequest:
    """A greedy request that shows its tokens; `changes` are fields of GenerationRequest."""
    usual: dict[str, Any] = {
        "prompt": tuple(prompt),
        "max_new_tokens": tokens,
        "sampling": Sampling(),
        "stop": (),
        "eos": frozenset(),
        "decode": decode,
        "trim": False,
        "top_logprobs": 0,
    }
    return GenerationRequest(**(usual | changes))


def replies_to(batch: Batch, requests: Sequence[GenerationRequest]) -> list[Reply]:
    """All at once; their replies in the same order."""
    clients = [Client(one) for one in requests]
    for client in clients:
        batch.submit(client.generation)
    return [client.reply() for client in clients]


def prompt_of(length: int, *, seed: int = 0) -> list[int]:
    """Some ids of the tiny vocabulary, never a special one."""
    return [3 + (seed * 97 + place * 31 + place * place * 7) % 380 for place in range(length)]
