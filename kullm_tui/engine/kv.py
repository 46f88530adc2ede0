"""The keys and values of a batch whose rows come and go.

Each running row owns one slot; its tokens lie at positions 0…length-1 of that slot. A forward sees the slots through a `View`:

    prefill   one row, n tokens at positions start…start+n-1           reads  [0, start+n)
    decode    rows 0…B-1, one token each at its own position           reads  [0, longest+1), a mask hides what lies
                                                                       beyond each row's own end

Running rows fill slots 0…B-1 without gaps, so a decode step copies nothing but the new token. On a CPU the slots are
address space: a page of memory comes with the first token written to it, and goes when the row leaves (see `pages`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

from kullm_tui.engine.pages import give_back, untouched_zeros

_TOKENS_STEP = 256

KeysValues = dict[int, tuple[torch.Tensor, torch.Tensor]]  # by layer


@dataclass(frozen=True)
class View:
    rows: slice
    past: int  # the first position that the mask arithmetic of transformers may call new
    reads: int  # keys [0, reads) take part
    write_rows: torch.Tensor | None = None  # rows at different positions: [B] slot of each row …
    write_at: torch.Tensor | None = None  # … and [B] the position it writes


class SlotLayer(CacheLayerMixin):  # type: ignore[misc]
    """One model layer's keys and values, [slots, heads, positions, head size]."""

    is_sliding = False

    def __init__(self, slots: "SlotCache") -> None:
        super().__init__()
        self.keys: torch.Tensor | None = None
        self.values: torch.Tensor | None = None
        self._slots = slots

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_args: Any, **_kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        view = self._slots.view
        self.lazy_initialization(key_states, value_states)
        assert self.keys is not None
        assert self.values is not None
        if view.write_at is None:
            new = slice(view.past, view.reads)
            self.keys[view.rows, :, new] = key_states
            self.values[view.rows, :, new] = value_states
        else:
            self.keys[view.write_rows, :, view.write_at] = key_states[:, :, 0]
            self.values[view.write_rows, :, view.write_at] = value_states[:, :, 0]
        read = (view.rows, slice(None), slice(0, view.reads))
        return self.keys[read], self.values[read]

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        if self.keys is None:
            self.keys, self.values = self._room_like(key_states), self._room_like(value_states)
            self.is_initialized = True
        else:
            self.make_room()

    def make_room(self) -> None:
        """Grows to the slots and positions that the cache has reserved."""
        assert self.keys is not None
        assert self.values is not None
        if self.keys.shape[0] < self._slots.rows or self.keys.shape[2] < self._slots.positions:
            self.keys, self.values = self._grown(self.keys), self._grown(self.values)

    def _room_like(self, like: torch.Tensor) -> torch.Tensor:
        # Zeros, not garbage: a masked position still multiplies its value by 0, and 0 × NaN is NaN.
        shape = (self._slots.rows, like.shape[1], self._slots.positions, like.shape[3])
        return untouched_zeros(shape, like.dtype) if like.device.type == "cpu" else like.new_zeros(shape)

    def _grown(self, old: torch.Tensor) -> torch.Tensor:
        new = self._room_like(old)
        new[: old.shape[0], :, : old.shape[2]] = old
        return new

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._slots.get_mask_sizes(query_length)

    def get_seq_length(self) -> int:
        return self._slots.view.past

    def get_max_length(self) -> int:
        return -1


class SlotCache(Cache):  # type: ignore[misc]
    """The slots of one batch, over all layers."""

    def __init__(self, *, rows: int = 1, positions: int = _TOKENS_STEP) -> None:
        """Room for some slots and positions from the start; more is made when it is needed, by copying."""
        super().__init__(layer_class_to_replicate=lambda: SlotLayer(self))
        self._initial = rows, positions
        self.rows, self.positions = rows, positions
        self.view = View(rows=slice(0, 0), past=0, reads=0)

    # What transformers asks while it builds masks.
    def get_seq_length(self, layer_idx: int = 0) -> int:
        del layer_idx
        return self.view.past

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        del query_length, layer_idx
        return self.view.reads, 0

    # What the batch does between forwards.
    def look_at_one(self, slot: int, *, start: int, count: int) -> None:
        """The next forward prefills `count` tokens of one row."""
        self.reserve(slot + 1, start + count)
        self.view = View(rows=slice(slot, slot + 1), past=start, reads=start + count)

    def look_at_many(self, lengths: Sequence[int], device: torch.device) -> None:
        """The next forward decodes one token for each of the rows in slots 0…B-1, which hold `lengths` tokens."""
        count, longest = len(lengths), max(lengths)
        self.reserve(count, longest + 1)
        mixed = min(lengths) < longest
        self.view = View(
            rows=slice(0, count),
            past=longest,
            reads=longest + 1,
            write_rows=torch.arange(count, device=device) if mixed else None,
            write_at=torch.tensor(lengths, device=device) if mixed else None,
        )

    def reserve(self, rows: int, positions: int) -> None:
        self.rows = max(self.rows, rows)
        if positions > self.positions:
            self.positions = -(-positions // _TOKENS_STEP) * _TOKENS_STEP

    def copy(self, source: int, target: int, length: int) -> None:
        for layer in self._filled().values():
            layer.make_room()
            layer.keys[target, :, :length] = layer.keys[source, :, :length]
            layer.values[target, :, :length] = layer.values[source, :, :length]

    def take_out(self, slot: int, length: int) -> KeysValues:
        """A copy of a row's first tokens, to be put into a slot again later."""
        return {
            index: (layer.keys[slot, :, :length].clone(), layer.values[slot, :, :length].clone())
            for index, layer in self._filled().items()
        }

    def put_in(self, slot: int, saved: KeysValues, length: int) -> None:
        self.reserve(slot + 1, length)
        while len(self.layers) <= max(saved):
            self.layers.append(SlotLayer(self))
        for index, (keys, values) in saved.items():
            layer = self.layers[index]
            layer.lazy_initialization(keys[None], values[None])
            layer.keys[slot, :, :length] = keys[:, :length]
            layer.values[slot, :, :length] = values[:, :length]

    def forget(self, slot: int) -> None:
        """Gives the memory of one slot back."""
        for layer in self._filled().values():
            for tensor in (layer.keys, layer.values):
                if slot < tensor.shape[0]:
                    give_back(tensor[slot])

    def _filled(self) -> dict[int, Any]:
        """The layers that hold something: in some architectures a layer borrows another's keys and values."""
        return {index: layer for index, layer in enumerate(tuple(self.layers)) if layer.keys is not None}

    def release(self) -> None:
        """Gives the memory back; the slots are empty again."""
        self.layers.clear()
        self.rows, self.positions = self._initial
