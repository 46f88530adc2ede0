"""The running batch of one base model: replies join and leave it between tokens, whatever their adapters.

One thread at a time owns the model. Each turn of its loop drops what nobody waits for any more, prefills a piece of the oldest waiting
prompt, and decodes one token for every running row:

    waiting   [ d e f ]                                   the client with fewest rows first, then in order of arrival
    slots      a b c | d                                  a, b, c decode together; d is being prefilled behind them

A row's last bits depend on the rows beside it and on how its prompt was cut; one that is asked to be alone has neither. While a row has
nobody beside it, tokens that stand in its conversation already are guessed (`lookup`) and computed with the next one.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import torch

from kullm_tui.engine.attention import attend_in_slots, one_token_a_row, some_tokens_of_a_row
from kullm_tui.engine.choices import choices
from kullm_tui.engine.failures import as_kullm_error
from kullm_tui.engine.families import family_of
from kullm_tui.engine.generation import Failed, Generation
from kullm_tui.engine.kv import SlotCache
from kullm_tui.engine.masks import decode_mask
from kullm_tui.engine.pace import Pace
from kullm_tui.engine.prefixes import WORTH_COPYING, Prefix, PrefixStore, shared_beginning
from kullm_tui.engine.row import Row
from kullm_tui.engine.sampling import no_token
from kullm_tui.engine.tasks import Tasks, refused
from kullm_tui.engine.turns import Line
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.kernels import rows_alike
from kullm_tui.weights.packed import speed_up_linears

logger = logging.getLogger(__name__)

_SWEEP_TURNS = 32  # so often those who left are taken out of a waiting line, which may be long


@dataclass(frozen=True)
class Limits:
    rows: int  # that one client may hold
    context: int
    kv_tokens: int  # tokens that all running rows may hold together, prompts and replies
    kv_bytes_per_token: int
    prefix_bytes: int

    @property
    def places(self) -> int:
        """Rows in all: some beyond `rows` are only for clients that have none, who would else wait for a whole reply."""
        return self.rows + max(1, self.rows // 4)

    @property
    def kv_for_newcomers(self) -> int:
        """Tokens that clients who hold rows leave to those who have none."""
        return min(self.context, self.kv_tokens // 4)


class Batch:
    def __init__(self, model: Any, rack: AdapterRack, limits: Limits, structure: threading.Lock) -> None:
        """Whoever holds `structure` may rely on the model's layers staying as they are, or change them."""
        attend_in_slots(model)
        if model.config.model_type == "gpt_neo":
            from kullm_tui.engine.gpt_neo import attend_alone

            attend_alone(model)
        speed_up_linears(model)
        self._model = model
        self._rack = rack
        self._limits = limits
        self._device: torch.device = self._model.device
        # One slot more than places, for the row that is joining. On a GPU memory is real: there the slots grow with the rows.
        on_cpu = self._device.type == "cpu"
        self._cache = SlotCache(rows=limits.places + 1, positions=limits.context) if on_cpu else SlotCache()
        self._pace = Pace()
        self._prefixes = PrefixStore(limits.prefix_bytes)
        self._running: list[Row] = []  # slots 0…
        self._entering: Generation | None = None  # no row yet
        self._joining: Row | None = None  # the slot after them
        self._waiting: Line[Generation] = Line()
        self._turns = 0
        self._tasks = Tasks(structure)
        self._work = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="batch", daemon=True)
        self._thread.start()

    # For other threads.
    def submit(self, generation: Generation) -> None:
        """The reply joins as soon as there is room for it."""
        with self._work:
            if not self._closed:
                self._waiting.join(generation.owner, generation)
                self._work.notify()
                return
        generation.emit(Failed(as_kullm_error(None)))

    def between_tokens(self, run: Callable[[], object]) -> "Future[object]":
        """Runs something that must not meet a forward, such as attaching an adapter; a beam search is waited for."""
        with self._work:
            if not self._closed:
                self._work.notify()
                return self._tasks.add(run)
        return refused()

    @property
    def bytes_held(self) -> int:
        """What running rows and kept prefixes take now."""
        rows = [*self._running, *filter(None, [self._joining])]
        return sum(row.cached for row in rows) * self._limits.kv_bytes_per_token + self._prefixes.bytes

    def close(self) -> None:
        """Whoever still waits is told."""
        with self._work:
            self._closed = True
            self._work.notify()
        self._thread.join()

    # The loop.
    def _loop(self) -> None:
        """A model that rests has no thread that computed: another one's steps would pay for it."""
        while self._wait_for_work():
            busy = threading.Thread(target=self._work_until_idle, name="batch at work", daemon=True)
            try:
                busy.start()
            except RuntimeError:  # the system has no more threads: slower is better than never
                self._work_until_idle()
            else:
                busy.join()
        self._fail_all(None)
        self._tasks.refuse()

    def _work_until_idle(self) -> None:
        torch.set_grad_enabled(False)
        while self._has_work() and not self._closed:
            try:
                self._turn()
            except Exception as error:  # the engine's request edge: whatever a forward does, the engine lives on
                logger.exception("a turn of the batch failed")
                self._fail_all(error)

    def _wait_for_work(self) -> bool:
        with self._work:
            while not (self._has_work() or self._closed):
                self._cache.release()
                self._work.wait()
            return not self._closed

    def _has_work(self) -> bool:
        return bool(self._running or self._joining or self._waiting or self._tasks)

    def _turn(self) -> None:
        self._tasks.do(nothing_else=not (self._running or self._joining or self._waiting))
        with torch.inference_mode():
            self._drop_cancelled()
            self._admit()
            if self._joining:
                self._prefill_piece(self._joining)
            if self._running:
                self._decode()

    def _drop_cancelled(self) -> None:
        for row in [row for row in self._running if row.generation.cancelled.is_set()]:
            self._leave(row)
        if self._joining and self._joining.generation.cancelled.is_set():
            self._joining = None
            self._cache.forget(len(self._running))
        self._turns += 1
        if self._turns % _SWEEP_TURNS == 0:
            with self._work:
                self._waiting.keep(lambda waiting: not waiting.cancelled.is_set())

    def _admit(self) -> None:
        if self._joining or not self._waiting or len(self._running) >= self._limits.places:
            return
        with self._work:
            generation = self._next()
        if generation is None:
            return
        generation.clock.start()
        self._entering = generation
        self._joining = row = Row(generation, device=self._device)
        self._entering = None
        if not (row.request.score_prompt or row.request.alone):
            self._reuse(row, len(self._running))

    def _next(self) -> Generation | None:
        """Whoever's turn it is, if there is room: nobody overtakes one who waits for the room that a long reply needs."""
        held = Counter(row.generation.owner for row in self._running)
        while first := self._waiting.first(held):
            owner, generation = first
            if not generation.cancelled.is_set() and not self._has_room_for(generation, held[owner]):
                return None
            self._waiting.take(owner)
            if not generation.cancelled.is_set():
                return generation
        return None

    def _has_room_for(self, newcomer: Generation, held: int) -> bool:
        if not self._running:
            return True
        if newcomer.request.alone or self._running[0].request.alone:
            return False
        left = self._limits.kv_tokens - self._room_taken_with(newcomer)
        return (
            left >= 0 if not held else len(self._running) < self._limits.rows and left >= self._limits.kv_for_newcomers
        )

    def _room_taken_with(self, newcomer: Generation) -> int:
        """Tokens that the slots hold at most. On a GPU every slot is as long as the longest."""
        rooms = [_room_for(row.generation) for row in self._running] + [_room_for(newcomer)]
        return sum(rooms) if self._device.type == "cpu" else len(rooms) * max(rooms)

    def _reuse(self, row: Row, slot: int) -> None:
        """Copies the longest beginning of the prompt that a running row or a finished turn already computed."""
        adapter, wanted = row.request.adapter, row.tokens[:-1]  # the last token is computed: its logits are needed
        best, source = 0, -1
        for other_slot, other in enumerate(self._running):
            if other.request.adapter == adapter:
                shared = min(shared_beginning(other.tokens, wanted), other.cached)
                if shared > best:
                    best, source = shared, other_slot
        kept = self._prefixes.longest(adapter, wanted)
        if kept and kept[1] > best and kept[1] >= WORTH_COPYING:
            self._cache.put_in(slot, kept[0].saved, kept[1])
            row.cached = row.reused = kept[1]
        elif best >= WORTH_COPYING:
            self._cache.reserve(slot + 1, best)
            self._cache.copy(source, slot, best)
            row.cached = row.reused = best

    def _prefill_piece(self, row: Row) -> None:
        start, slot, started = row.cached, len(self._running), time.monotonic()
        piece = row.tokens[start : start + self._pace.piece(streams_wait=bool(self._running))]
        self._cache.look_at_one(slot, start=start, count=len(piece))
        positions = torch.arange(start, start + len(piece), device=self._device)[None]
        keep = 0 if row.request.score_prompt else 1
        tokens = torch.tensor([piece], device=self._device)
        logits = self._forward(tokens, positions, None, [row.request.adapter], logits_to_keep=keep)[0]
        row.cached += len(piece)
        self._pace.prefilled(len(piece), time.monotonic() - started)
        if not bool(logits.amax().isfinite()):
            self._joining = None
            self._cache.forget(slot)
            row.fail(no_token())
            return
        if row.request.score_prompt:
            row.score_prompt(logits, start)
        if row.cached < len(row.tokens):
            return
        self._joining = None
        self._running.append(row)
        row.begin()
        row.take(logits[-1].float())
        if row.is_over:
            self._leave(row)

    def _decode(self) -> None:
        started, guess = time.monotonic(), self._guess()
        if guess:
            self._guessed_step(self._running[0], guess)
            self._pace.guessed(time.monotonic() - started)
        else:
            self._decode_step()
            self._pace.stepped(time.monotonic() - started)

    def _guess(self) -> Sequence[int]:
        """What a row that has nobody beside it may say next, where that is likely enough."""
        row = self._running[0]
        if len(self._running) > 1 or self._joining or row.request.alone:
            return ()
        return row.lookup.guess(row.left - 1, self._pace.guess_cost)

    def _guessed_step(self, row: Row, guess: Sequence[int]) -> None:
        """What lies in the slot behind the last right guess is written over by the next step."""
        tokens, start = [row.tokens[-1], *guess], row.cached
        self._cache.look_at_one(0, start=start, count=len(tokens))
        positions = torch.arange(start, start + len(tokens), device=self._device)[None]
        with some_tokens_of_a_row(start, len(tokens)), rows_alike():
            inputs = torch.tensor([tokens], device=self._device)
            logits = self._forward(inputs, positions, None, [row.request.adapter], logits_to_keep=0)[0]
        kept = 0
        for choice in choices(logits):
            row.cached += 1
            choice.made_by(row)
            if row.is_over or kept == len(guess) or row.tokens[-1] != guess[kept]:
                break
            kept += 1
        row.lookup.came(len(guess), kept)
        if row.is_over:
            self._leave(row)

    def _decode_step(self) -> None:
        rows = list(self._running)
        lengths = [row.cached for row in rows]
        self._cache.look_at_many(lengths, self._device)
        adapters = [row.request.adapter for row in rows]
        tokens = torch.tensor([[row.tokens[-1]] for row in rows], device=self._device)
        positions = torch.tensor(lengths, device=self._device)[:, None]
        mask = decode_mask(self._model.config, lengths, device=self._device, dtype=self._model.dtype)
        with one_token_a_row(lengths):
            logits = self._forward(tokens, positions, mask, adapters, logits_to_keep=1)[:, -1]
        for row, choice in zip(rows, choices(logits), strict=True):
            row.cached += 1
            choice.made_by(row)
        for row in rows:
            if row.is_over:
                self._leave(row)

    def _forward(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        mask: Any,
        adapters: Sequence[str | None],
        *,
        logits_to_keep: int,
    ) -> torch.Tensor:
        takes_positions = family_of(self._model.config).takes_positions
        with self._rack.rows(adapters):
            output = self._model(
                input_ids=tokens,
                attention_mask=mask,
                past_key_values=self._cache,
                use_cache=True,
                logits_to_keep=logits_to_keep,
                **({"position_ids": positions} if takes_positions else {}),
            )
        logits: torch.Tensor = output.logits
        return logits

    def _leave(self, row: Row) -> None:
        """The row's keys and values are kept for its next turn; the last row moves into its slot."""
        slot, last = self._running.index(row), len(self._running) - 1
        if row.cached >= WORTH_COPYING and not row.failed:
            self._prefixes.keep(
                Prefix(row.request.adapter, tuple(row.tokens[: row.cached]), self._cache.take_out(slot, row.cached))
            )
        if slot != last:
            self._cache.copy(last, slot, self._running[last].cached)
            self._running[slot] = self._running[last]
        self._running.pop()
        if self._joining:
            self._cache.copy(last + 1, last, self._joining.cached)
        self._cache.forget(last + 1 if self._joining else last)

    def _fail_all(self, cause: Exception | None) -> None:
        """Nobody is left waiting: the rows are told what happened and the slots start afresh."""
        error = as_kullm_error(cause)
        with self._work:
            generations = [row.generation for row in self._running]
            if self._joining:
                generations.append(self._joining.generation)
            if self._entering:
                generations.append(self._entering)
            if self._closed:
                generations += self._waiting
                self._waiting.clear()
            self._running, self._joining, self._entering = [], None, None
        self._cache.release()
        self._prefixes.clear()
        for generation in generations:
            generation.emit(Failed(error))


def _room_for(generation: Generation) -> int:
    return len(generation.request.prompt) + generation.request.max_new_tokens
