"""Every example once, in batches that no number of ranks changes, in bins that hold what the budget says."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer.dataset.packing import Deal, EpochSteps, Step, cost, epoch_steps, shuffled, step_of

BUDGET = 512
lengths_of_sets = st.lists(st.integers(1, BUDGET), max_size=120)
worlds = st.integers(1, 9)
batches = st.integers(1, 50)


def steps_of(
    lengths: Sequence[int],
    *,
    batch: int = 16,
    world: int = 1,
    packing: bool = True,
    budget: int = BUDGET,
    seed: int = 42,
    epoch: int = 0,
    side_by_side: int = 1,
) -> EpochSteps:
    deal = Deal(world=world, micro_tokens=budget, packing=packing, side_by_side=side_by_side)
    return epoch_steps(lengths, seed=seed, epoch=epoch, batch=batch, deal=deal)


@given(st.lists(st.integers(1, 100), min_size=8, max_size=60), st.integers(2, 8))
def test_micro_batches_side_by_side_are_alike(lengths: list[int], side_by_side: int) -> None:
    """No core waits longer for another than one example takes, and none is left without work while there is some."""
    (step,) = steps_of(lengths, batch=len(lengths), budget=6000, side_by_side=side_by_side)
    costs = [load([micro], lengths) for micro in step.ranks[0]]
    assert len(costs) == side_by_side
    assert max(costs) - min(costs) <= cost(max(lengths))


def load(rank: Sequence[Sequence[int]], lengths: Sequence[int]) -> float:
    return sum(cost(lengths[index]) for micro in rank for index in micro)


@given(lengths_of_sets, batches, worlds, st.booleans(), st.integers(0, 5))
def test_every_example_of_an_epoch_comes_exactly_once(
    lengths: list[int], batch: int, world: int, packing: bool, epoch: int
) -> None:
    steps = steps_of(lengths, batch=batch, world=world, packing=packing, epoch=epoch)
    seen = Counter(index for step in steps for index in step.examples)
    assert seen == Counter(range(len(lengths)))


@given(lengths_of_sets, batches, worlds, st.booleans(), st.integers(BUDGET, 4 * BUDGET))
def test_a_global_batch_is_the_same_whatever_computes_it(
    lengths: list[int], batch: int, world: int, packing: bool, budget: int
) -> None:
    alone = [step.examples for step in steps_of(lengths, batch=batch)]
    shared = steps_of(lengths, batch=batch, world=world, packing=packing, budget=budget)
    assert [step.examples for step in shared] == alone
    assert [len(examples) for examples in alone[:-1]] == [batch] * (len(alone) - 1)


@given(lengths_of_sets, batches, worlds, st.integers(1, 8))
def test_packed_micro_batches_keep_within_the_budget(
    lengths: list[int], batch: int, world: int, side_by_side: int
) -> None:
    for step in steps_of(lengths, batch=batch, world=world, side_by_side=side_by_side):
        assert len(step.ranks) == world
        for rank in step.ranks:
            bins = [sum(lengths[index] for index in micro) for micro in rank]
            assert all(0 < tokens <= BUDGET for tokens in bins)
            # best fit leaves no two bins that would go into one; side by side they are as many as are computed at once
            fitting = (
                sum(sorted(bins)[:2]) > BUDGET
                if side_by_side == 1
                else len(bins) >= min(side_by_side, sum(map(len, rank)))
            )
            assert len(bins) < 2 or fitting


@given(lengths_of_sets, batches, worlds)
def test_padded_micro_batches_keep_within_the_budget(lengths: list[int], batch: int, world: int) -> None:
    for step in steps_of(lengths, batch=batch, world=world, packing=False):
        for rank in step.ranks:
            for micro in rank:
                assert len(micro) * max(lengths[index] for index in micro) <= BUDGET


@given(lengths_of_sets, batches, worlds)
def test_ranks_differ_by_no_more_than_one_example(lengths: list[int], batch: int, world: int) -> None:
    for step in steps_of(lengths, batch=batch, world=world):
        loads = [load(rank, lengths) for rank in step.ranks]
        dearest = max(cost(lengths[index]) for index in step.examples)
        assert max(loads) - min(loads) <= dearest + 1e-6


def test_ranks_of_a_usual_batch_are_nearly_even() -> None:
    lengths = [64 + (index * 37) % 448 for index in range(256)]
    for step in steps_of(lengths, batch=256, world=4, budget=8192):
        loads = [load(rank, lengths) for rank in step.ranks]
        assert max(loads) < 1.01 * min(loads)
        assert len({len(rank) for rank in step.ranks}) == 1


def test_packing_wastes_little() -> None:
    lengths = [64 + (index * 37) % 448 for index in range(256)]
    (step,) = steps_of(lengths, batch=256, budget=4096)
    assert len(step.ranks[0]) <= -(-sum(lengths) // 4096) + 1


def test_epochs_and_seeds_are_shuffled_apart() -> None:
    orders = {tuple(shuffled(50, seed=seed, epoch=epoch)) for seed in (1, 2, 12) for epoch in (0, 1, 2)}
    assert len(orders) == 9
    assert tuple(range(50)) not in orders


def test_the_order_never_changes_between_versions() -> None:
    assert shuffled(8, seed=42, epoch=0) == [2, 0, 5, 7, 1, 6, 3, 4]


def test_an_example_longer_than_the_budget_stands_alone() -> None:
    for packing in (True, False):
        step = step_of((0, 1, 2), (2000, 10, 20), Deal(world=1, micro_tokens=100, packing=packing))
        assert step == Step((((0,), (2, 1)),))


def test_a_rank_may_be_left_without_work() -> None:
    (step,) = steps_of([5, 6], world=4)
    assert sorted(map(len, step.ranks)) == [0, 0, 1, 1]


def test_no_examples_make_no_steps() -> None:
    assert len(steps_of([])) == 0
    assert list(steps_of([])) == []


def test_a_step_can_be_asked_for_alone() -> None:
    steps = steps_of(list(range(1, 101)), batch=7, world=2)
    assert steps[-1] == list(steps)[-1] == steps[len(steps) - 1]
    assert steps[3:5] == [steps[3], steps[4]]
    with pytest.raises(IndexError):
        steps[len(steps)]


@settings(deadline=None, max_examples=5)
@given(st.integers(1, 3))
def test_a_batch_of_a_hundred_thousand_is_dealt_and_packed(world: int) -> None:
    lengths = [16 + (index * 7919) % 496 for index in range(100_000)]
    (step,) = steps_of(lengths, batch=100_000, world=world, budget=4096)
    assert len(step.examples) == 100_000
