"""Guesses from the conversation: when they are made, and that no reply is another for them."""

import threading
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.engine.batch import Batch
from kullm_tui.engine.lookup import Lookup
from kullm_tui.engine.sampling import Sampling
from tests.engine.conftest import OpenBatch
from tests.engine.replies import Client, Reply, prompt_of, replies_to, wants
from tests.tiny_models import FAMILIES, save_lora, save_model

CHEAP = 1.0
OF_THREE = Sampling(
    temperature=1.0, logit_bias={5: 50.0, 6: 50.0, 7: 50.0}, seed=3
)  # so few tokens that they soon come again
ALWAYS_THE_SAME = Sampling(logit_bias={7: 1000.0})
SAID_BEFORE = [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3]


def test_what_followed_the_same_tokens_is_guessed() -> None:
    assert Lookup(SAID_BEFORE).guess(10, CHEAP) == [4, 5, 6]


def test_what_followed_them_last_counts() -> None:
    assert Lookup([*SAID_BEFORE, 7, 8, 1, 2, 3]).guess(10, CHEAP) == [7, 8, 1]


@pytest.mark.parametrize("tokens", [[], [1, 2], [1, 2, 3], [1, 2, 3, 1, 2]])
def test_nothing_is_guessed_where_nothing_was_said_twice(tokens: list[int]) -> None:
    assert not Lookup(tokens).guess(10, CHEAP)


def test_a_circle_is_guessed_to_go_on() -> None:
    assert Lookup([1, 2, 1, 2, 1, 2]).guess(10, CHEAP) == [1, 2, 1]


def test_no_more_is_guessed_than_may_be_said() -> None:
    assert Lookup(SAID_BEFORE).guess(1, CHEAP) == [4]
    assert not Lookup(SAID_BEFORE).guess(0, CHEAP)


def test_a_guess_that_came_is_followed_by_a_longer_one() -> None:
    tokens = list(range(20)) + [0, 1, 2]
    lookup = Lookup(tokens)
    first = list(lookup.guess(10, CHEAP))
    lookup.came(len(first), kept=len(first))
    tokens += [*first, 6]
    assert lookup.guess(10, CHEAP) == list(range(7, 14))


def test_guessing_rests_where_it_costs_more_than_it_brings_and_is_tried_again() -> None:
    tokens = list(SAID_BEFORE)
    lookup = Lookup(tokens)
    tried = []
    for _ in range(60):
        guess = lookup.guess(10, 1.5)
        tried.append(bool(guess))
        if guess:
            lookup.came(len(guess), kept=0)
    assert all(tried[:3])
    assert 1 <= sum(tried[20:]) <= 4


def test_a_try_comes_again_however_dear_it_looks_by_then() -> None:
    lookup = Lookup(list(SAID_BEFORE))
    costs = [100.0 + step for step in range(20)]
    assert [bool(lookup.guess(10, cost)) for cost in costs].count(True) >= 1


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sampling", [Sampling(), OF_THREE], ids=["greedy", "sampled"])
def test_a_reply_with_guesses_is_the_one_without(
    family: str, sampling: Sampling, tmp_path: Path, open_batch: OpenBatch
) -> None:
    batch = open_batch(save_model(tmp_path, family))
    prompt = [*prompt_of(30), *batch_reply(batch, prompt_of(30), sampling=sampling).tokens]
    guessing = batch_reply(batch, prompt, sampling=sampling, tokens=90)
    assert guessing.tokens == batch_reply(batch, prompt, sampling=sampling, tokens=90, alone=True).tokens
    assert _timings(guessing)[0] > 0, "nothing was guessed"


def test_guesses_that_come_are_told(tmp_path: Path, open_batch: OpenBatch) -> None:
    batch = open_batch(save_model(tmp_path, "gpt_neox"))
    guessed, kept = _timings(batch_reply(batch, prompt_of(30), tokens=100, sampling=ALWAYS_THE_SAME))
    assert 0 < kept == guessed < 100
    alone = batch_reply(batch, prompt_of(30), tokens=100, sampling=ALWAYS_THE_SAME, alone=True)
    assert _timings(alone) == (0, 0)


def test_a_guess_of_an_adapter_is_computed_with_it(tmp_path: Path, open_batch: OpenBatch) -> None:
    base = save_model(tmp_path / "base", "llama")
    batch = open_batch(base, adapters={"a": save_lora(tmp_path / "a", base, seed=1)})
    asked: dict[str, Any] = {"tokens": 150, "adapter": "a", "sampling": OF_THREE}
    guessing, alone = (batch_reply(batch, prompt_of(40), **asked, alone=alone) for alone in (False, True))
    assert guessing.tokens == alone.tokens != batch_reply(batch, prompt_of(40), **asked | {"adapter": None}).tokens
    assert _timings(guessing)[0] > 0


def test_nothing_is_guessed_beside_another_reply(tmp_path: Path, open_batch: OpenBatch) -> None:
    batch = open_batch(save_model(tmp_path, "gpt_neox"))
    asked = wants(prompt_of(30), tokens=100, sampling=ALWAYS_THE_SAME)
    both_are_there = threading.Event()
    batch.between_tokens(both_are_there.wait)
    clients = [Client(asked), Client(asked)]
    for client in clients:
        batch.submit(client.generation)
    both_are_there.set()
    assert sum(_timings(client.reply())[0] for client in clients) < 60, "but for the first's first and the last's last"


def test_a_reply_ends_where_it_would_have_without_a_guess(tmp_path: Path, open_batch: OpenBatch) -> None:
    """The end, or the room, in the middle of a right guess."""
    batch = open_batch(save_model(tmp_path, "gpt_neox"))
    for tokens in range(1, 24):
        reply = batch_reply(batch, [7] * 10, tokens=tokens, sampling=ALWAYS_THE_SAME)
        assert reply.tokens == [7] * tokens
    prompt = [*prompt_of(6), 9, *prompt_of(6)]
    repeated = Sampling(logit_bias={7: 1000.0, 9: 900.0})
    (over,) = replies_to(batch, [wants(prompt, sampling=repeated, eos=frozenset({7}))])
    assert over.tokens == []


def batch_reply(batch: Batch, prompt: list[int], *, tokens: int = 60, **changes: Any) -> Reply:
    (reply,) = replies_to(batch, [wants(prompt, tokens=tokens, **changes)])
    return reply


def _timings(reply: Reply) -> tuple[int, int]:
    assert reply.finished
    return reply.finished.timings.guessed_tokens, reply.finished.timings.kept_tokens
