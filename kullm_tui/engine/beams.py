"""Beam search: runs alone, beside the batch, and shows its text when it is done."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from transformers import StoppingCriteria, StoppingCriteriaList

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.engine.apart import done_apart
from kullm_tui.engine.failures import model_is_leaving
from kullm_tui.engine.generation import (
    Failed,
    Finished,
    Generation,
    GenerationRequest,
    Piece,
    Progress,
)
from kullm_tui.engine.reply_text import ReplyText
from kullm_tui.engine.turns import Line
from kullm_tui.weights.adapters import AdapterRack

logger = logging.getLogger(__name__)


class BeamSearch:
    """One search at a time, clients in turn; the model's batch goes on between them, in its own thread."""

    def __init__(self, model: Any, rack: AdapterRack, structure: threading.Lock) -> None:
        """`structure` is held while a search runs, so that no adapter is attached under it."""
        self._model = model
        self._rack = rack
        self._structure = structure
        self._waiting: Line[list[Generation]] = Line()
        self._lining_up = threading.Lock()
        self._running: list[Generation] = []
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="beams")

    def submit(self, generations: list[Generation]) -> None:
        """All of them want replies to the same request: the best beams of one search."""
        with self._lining_up:
            self._waiting.join(generations[0].owner, generations)
        try:
            self._worker.submit(self._answer_next)
        except RuntimeError:  # closed
            self._refuse_waiting()

    def close(self) -> None:
        """The running search ends at its next token; whoever still waits is told."""
        for generation in self._running:
            generation.cancelled.set()
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._refuse_waiting()

    def _refuse_waiting(self) -> None:
        with self._lining_up:
            refused = [generation for group in self._waiting for generation in group]
            self._waiting.clear()
        for generation in refused:
            generation.emit(Failed(model_is_leaving()))

    def _answer_next(self) -> None:
        with self._lining_up:
            first = self._waiting.first({})
            if first is None:  # they were refused
                return
            generations = self._waiting.take(first[0])
        if all(generation.cancelled.is_set() for generation in generations):
            return
        self._running = generations
        with self._structure:
            done_apart(self._answer_alone, generations)
        self._running = []

    def _answer_alone(self, generations: list[Generation]) -> None:
        request = generations[0].request
        for generation in generations:
            generation.clock.start()
        try:
            replies = self._search(request, generations)
        except Exception:  # the engine's request edge: whatever the library raises, the engine lives on
            logger.exception("a beam search failed")
            for generation in generations:
                generation.emit(Failed(KullmError(say("빔 탐색 중에 오류가 났어요.", "The beam search failed."))))
            return
        for generation, tokens in zip(generations, replies, strict=True):
            _hand_over(generation, tokens)

    def _search(self, request: GenerationRequest, generations: list[Generation]) -> list[list[int]]:
        sampling = request.sampling
        ids = torch.tensor([request.prompt], device=self._model.device)
        extra: dict[str, Any] = {}
        if sampling.temperature > 0:
            extra = {"temperature": sampling.temperature, "top_k": sampling.top_k or None, "top_p": sampling.top_p}
            if sampling.seed is not None:
                torch.manual_seed(sampling.seed)
        with torch.inference_mode(), self._rack.rows(request.adapter):
            output = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=sampling.temperature > 0,
                num_beams=request.num_beams,
                num_return_sequences=len(generations),
                max_new_tokens=request.max_new_tokens,
                repetition_penalty=sampling.repetition_penalty,
                no_repeat_ngram_size=sampling.no_repeat_ngram_size,
                eos_token_id=sorted(request.eos) or None,
                pad_token_id=min(request.eos, default=0),
                stopping_criteria=StoppingCriteriaList([_Watch(request, generations)]),
                **extra,
            )
        return [sequence[len(request.prompt) :] for sequence in output.tolist()]


class _Watch(StoppingCriteria):  # type: ignore[misc]
    """Ends the search when nobody waits any more, and tells how far it is."""

    def __init__(self, request: GenerationRequest, generations: list[Generation]) -> None:
        self._request = request
        self._generations = generations

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_kwargs: Any) -> torch.Tensor:
        del scores
        done = input_ids.shape[1] - len(self._request.prompt)
        for generation in self._generations:
            generation.emit(Progress(done, self._request.max_new_tokens))
        nobody_waits = all(generation.cancelled.is_set() for generation in self._generations)
        return torch.full((input_ids.shape[0],), nobody_waits, dtype=torch.bool, device=input_ids.device)


def _hand_over(generation: Generation, tokens: list[int]) -> None:
    request = generation.request
    text = ReplyText(request.decode, stop=request.stop, trim=request.trim)
    shown, reason, count = [], "length", 0
    for token in tokens:
        count += 1
        if token in request.eos:
            reason = "stop"
            break
        shown.append(text.feed(token))
        if text.stopped_by is not None:
            reason = "stop"
            break
    shown.append(text.close())
    generation.emit(Piece("".join(shown)))
    timings = generation.clock.timings(tokens=count, cached_tokens=0)  # all of them came at once
    generation.emit(Finished(reason, len(request.prompt), count, timings))
