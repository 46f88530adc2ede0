"""Which examples make a step, and how each rank computes them: shuffled global batches, dealt to ranks, packed into micro-batches.

    epoch ──shuffle by (seed, epoch)──► global batch ──dealt by cost──► rank ──packed within the budget──► micro-batch

A global batch is the same examples whatever the number of ranks, the budget or the packing: the recipe's batch keeps its meaning.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import overload

# The length at which attention, which grows with the square, costs as much as all that grows with the tokens.
_EVEN_LENGTH = 32_768

MicroBatch = tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One optimizer step. A rank may have nothing to do where there are fewer examples than ranks."""

    ranks: tuple[tuple[MicroBatch, ...], ...]

    @property
    def examples(self) -> tuple[int, ...]:
        return tuple(sorted(index for rank in self.ranks for micro in rank for index in micro))


@dataclass(frozen=True, kw_only=True)
class Deal:
    """How a global batch is computed."""

    world: int
    micro_tokens: int
    packing: bool
    side_by_side: int = 1  # micro-batches that a rank computes at once


class EpochSteps(Sequence[Step]):
    """The steps of one epoch, each packed when it is asked for, so that a resumed run pays nothing for those behind it."""

    def __init__(self, lengths: Sequence[int], order: Sequence[int], *, batch: int, deal: Deal) -> None:
        self._lengths, self._order, self._batch, self._deal = lengths, order, batch, deal

    def __len__(self) -> int:
        return -(-len(self._order) // self._batch)

    def batch(self, step: int) -> tuple[int, ...]:
        """The examples of a step, in the epoch's order."""
        begin = range(len(self))[step] * self._batch
        return tuple(self._order[begin : begin + self._batch])

    @overload
    def __getitem__(self, step: int) -> Step: ...
    @overload
    def __getitem__(self, step: slice) -> list[Step]: ...
    def __getitem__(self, step: int | slice) -> Step | list[Step]:
        if isinstance(step, slice):
            return [self[one] for one in range(len(self))[step]]
        return step_of(self.batch(step), self._lengths, self._deal)


def epoch_steps(lengths: Sequence[int], *, seed: int, epoch: int, batch: int, deal: Deal) -> EpochSteps:
    """Every example once; the last batch may be smaller."""
    return EpochSteps(lengths, shuffled(len(lengths), seed=seed, epoch=epoch), batch=batch, deal=deal)


def step_of(batch: Sequence[int], lengths: Sequence[int], deal: Deal) -> Step:
    """A global batch dealt and packed; with a smaller budget, the same batch after a GPU ran out of memory."""
    sizes = {index: int(lengths[index]) for index in batch}
    return Step(
        tuple(tuple(micro_batches(dealt, sizes, deal)) for dealt in _dealt(batch, sizes, deal.world)),
    )


def micro_batches(examples: Iterable[int], sizes: dict[int, int], deal: Deal) -> Iterator[MicroBatch]:
    """One rank's examples within the budget. An example longer than the budget stands alone."""
    if deal.packing and deal.side_by_side > 1:
        return _even(list(examples), sizes, deal)
    longest_first = sorted(examples, key=lambda index: (-sizes[index], index))
    return (_packed if deal.packing else _padded)(longest_first, sizes, deal.micro_tokens)


def shuffled(count: int, *, seed: int, epoch: int) -> list[int]:
    """An order that depends on its numbers alone, on every machine and with every version of every library."""
    key = f"{seed}/{epoch}/".encode()

    def draw(index: int) -> bytes:
        return blake2b(key + str(index).encode(), digest_size=8).digest()

    return sorted(range(count), key=lambda index: (draw(index), index))


def _dealt(batch: Sequence[int], sizes: dict[int, int], world: int) -> list[list[int]]:
    """The costliest first, each to the rank with the least so far: ranks differ by no more than one example's cost."""
    ranks: list[list[int]] = [[] for _ in range(world)]
    load = [(0.0, rank) for rank in range(world)]
    for index in sorted(batch, key=lambda index: (-sizes[index], index)):
        carried, rank = load[0]
        ranks[rank].append(index)
        heapq.heapreplace(load, (carried + cost(sizes[index]), rank))
    return ranks


def cost(length: int) -> float:
    """What an example costs to compute, in tokens."""
    return length + length * length / _EVEN_LENGTH


def _packed(longest_first: Sequence[int], sizes: dict[int, int], budget: int) -> Iterator[MicroBatch]:
    """Best fit, decreasing: each example into the bin that it leaves the least room in."""
    bins: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens left, bin), ascending
    for index in longest_first:
        place = bisect_left(room, (sizes[index], -1))
        if place == len(room):
            left, number = budget, len(bins)
            bins.append([])
        else:
            left, number = room.pop(place)
        bins[number].append(index)
        insort(room, (left - sizes[index], number))
    return map(tuple, bins)


def _even(examples: Sequence[int], sizes: dict[int, int], deal: Deal) -> Iterator[MicroBatch]:
    """As many micro-batches as are computed at once, or a multiple, of like cost: none waits for another."""
    count = 0
    while True:
        count += deal.side_by_side
        dealt = [tuple(one) for one in _dealt(examples, sizes, count) if one]
        if all(len(one) == 1 or sum(map(sizes.__getitem__, one)) <= deal.micro_tokens for one in dealt):
            return iter(dealt)


def _padded(longest_first: Sequence[int], sizes: dict[int, int], budget: int) -> Iterator[MicroBatch]:
    """Neighbours in length, so that little is padded: rows times the longest stays within the budget."""
    rows: list[int] = []
    for index in longest_first:
        if rows and (len(rows) + 1) * sizes[rows[0]] > budget:
            yield tuple(rows)
            rows = []
        rows.append(index)
    if rows:
        yield tuple(rows)
