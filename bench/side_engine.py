"""Our side: the engine's batch, without HTTP."""

import sys
import threading
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from side import serve  # noqa: E402


class Side:
    """What computes beside the batch does so in a thread that ends: its helpers would slow every step down (`engine.apart`)."""

    def load(self, folder: str, precision: str = "4bit", rows: int = 9, device: str = "cpu") -> dict[str, float]:
        import torch

        from kullm_tui.engine.apart import done_apart
        from kullm_tui.engine.batch import Batch, Limits
        from kullm_tui.weights.adapters import AdapterRack
        from kullm_tui.weights.loading import load_model

        started = time.perf_counter()
        loaded = done_apart(
            partial(
                load_model,
                Path(folder),
                precision=precision,  # type: ignore[arg-type]
                device=torch.device(device),
                progress=lambda _: None,
                cancelled=lambda: False,
            )
        )
        config = loaded.config
        per_token = 2 * 2 * config.num_hidden_layers * config.hidden_size
        limits = Limits(rows, 2048, rows * 2048, per_token, prefix_bytes=2 << 30)
        self.rack = AdapterRack(loaded.model)
        self.batch = Batch(loaded.model, self.rack, limits, threading.Lock())
        self.model = loaded.model
        self._prompts = 0
        self._tokens = min(20000, config.vocab_size - 10)
        return {"seconds": time.perf_counter() - started, "bytes": loaded.bytes_used}

    def attach(self, folder: str, name: str) -> None:
        self.rack.attach(name, Path(folder))

    def close(self) -> None:
        self.batch.close()

    def bandwidth(self) -> float:
        """Bytes a second of the fastest of five reads of 1 GiB."""
        import torch

        from kullm_tui.engine.apart import done_apart

        def fastest() -> float:
            array = torch.ones(1 << 27, dtype=torch.int64)
            array.sum()
            return array.nbytes / min(_seconds(array.sum) for _ in range(5))

        return done_apart(fastest)

    def decode(self, context: int, tokens: int) -> dict[str, float]:
        """Alone: random weights go round in circles, which would be guessed whole."""
        reply = self._ask(self._fresh(context), tokens + 1, alone=True)
        return {"seconds": reply.last - reply.first}

    def decode_together(self, streams: int, context: int, tokens: int) -> dict[str, float]:
        """Seconds of one step while all of them run, each of them one token further."""
        some = [self._start(self._fresh(context), 1500, alone=streams == 1) for _ in range(streams)]
        while not all(reply.moments for reply in some):
            time.sleep(0.05)
        begun = len(some[0].moments)
        while len(some[0].moments) < begun + tokens + 1:
            time.sleep(0.05)
        for reply in some:
            reply.generation.cancelled.set()
        time.sleep(0.5)  # they leave between two tokens
        return {"seconds": median(_gaps(some[0].moments[begun : begun + tokens + 1]))}

    def prefill_together(self, streams: int, tokens: int) -> dict[str, float]:
        """Until each of them has its first token."""
        some = [self._start(self._fresh(tokens), 1) for _ in range(streams)]
        for reply in some:
            reply.wait()
        return {"seconds": max(reply.first for reply in some) - some[0].asked}

    def prefill(self, tokens: int) -> dict[str, float]:
        reply = self._ask(self._fresh(tokens), 1)
        return {"seconds": reply.first - reply.asked}

    def second_turn(self, history: int, question: int) -> dict[str, float]:
        """The first token's wait behind `history` tokens: all computed, and then only the new question."""
        prompt = self._fresh(history + question)
        whole = self._ask(prompt, 1)
        again = self._ask(prompt[:history] + self._fresh(question), 1)
        return {"whole": whole.first - whole.asked, "again": again.first - again.asked}

    def adapters(self, names: list[str], context: int, tokens: int) -> dict[str, float]:
        """One question to every adapter: together, and one after another."""
        prompt = self._fresh(context)
        started = time.perf_counter()
        for reply in [self._start(prompt, tokens, name) for name in names]:
            reply.wait()
        together = time.perf_counter() - started
        prompt = self._fresh(context)
        started = time.perf_counter()
        for name in names:
            self._start(prompt, tokens, name, alone=True).wait()
        return {"together": together, "apart": time.perf_counter() - started}

    def arrival(self, streams: int, context: int, newcomer: int) -> dict[str, Any]:
        """Streams run; a long prompt arrives. The waits between tokens of a stream before and after."""
        running = [self._start(self._fresh(context), 400) for _ in range(streams)]
        while any(len(reply.moments) < 24 for reply in running):
            time.sleep(0.05)
        arrived = time.perf_counter()
        late = self._start(self._fresh(newcomer), 1)
        late.wait()
        joined = time.perf_counter()
        for reply in running:
            reply.generation.cancelled.set()
        before = [gap for reply in running for gap in _gaps(reply.moments[4:24])]
        during = [gap for reply in running for gap in _gaps([m for m in reply.moments if arrived - 1 <= m <= joined])]
        return {"normal": sorted(before)[len(before) // 2], "longest": max(during), "first_token": joined - arrived}

    def _ask(self, prompt: list[int], tokens: int, *, alone: bool = False) -> "Reply":
        reply = self._start(prompt, tokens, alone=alone)
        reply.wait()
        return reply

    def _start(self, prompt: list[int], tokens: int, adapter: str | None = None, *, alone: bool = False) -> "Reply":
        return Reply(self.batch, prompt, tokens, adapter, alone=alone)

    def _fresh(self, tokens: int) -> list[int]:
        """A prompt that shares no beginning with an earlier one."""
        self._prompts += 1
        return [10 + (self._prompts * 7919 + number * 31) % self._tokens for number in range(tokens)]


class Reply:
    """A reply and the moments at which its pieces came."""

    def __init__(self, batch: Any, prompt: list[int], tokens: int, adapter: str | None, *, alone: bool) -> None:
        from kullm_tui.engine.generation import Generation, GenerationRequest
        from kullm_tui.engine.sampling import Sampling

        self.asked = time.perf_counter()
        self.moments: list[float] = []
        self._done = threading.Event()
        self._fault: Exception | None = None
        request = GenerationRequest(
            prompt=tuple(prompt),
            max_new_tokens=tokens,
            sampling=Sampling(),
            stop=(),
            eos=frozenset(),
            decode=lambda ids: "가" * len(ids),
            adapter=adapter,
            alone=alone,
        )
        self.generation = Generation(request, self._take)
        batch.submit(self.generation)

    def wait(self) -> None:
        """Until it is whole. Where it failed nothing may be measured on it."""
        self._done.wait()
        if self._fault:
            raise self._fault

    @property
    def first(self) -> float:
        return self.moments[0]

    @property
    def last(self) -> float:
        return self.moments[-1]

    def _take(self, event: Any) -> None:
        from kullm_tui.engine.generation import Failed, Piece

        if isinstance(event, Piece):
            self.moments.append(time.perf_counter())
            return
        if isinstance(event, Failed):
            self._fault = event.error
        self._done.set()


def _gaps(moments: list[float]) -> list[float]:
    return [later - earlier for earlier, later in zip(moments, moments[1:], strict=False)]


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    serve(Side())
