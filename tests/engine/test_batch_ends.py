"""What fails, ends or cannot begin in a batch is told to whoever waits for it, and the batch lives on."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kullm_tui.core.errors import KullmError
from kullm_tui.engine.generation import Failed
from kullm_tui.engine.row import Row
from tests.engine.conftest import OpenBatch
from tests.engine.replies import Client, prompt_of, replies_to, wants


def test_a_failing_turn_tells_its_clients_and_the_batch_lives_on(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint("gpt_neox"))
    broken = Client(wants([10_000_000], tokens=3))  # no such row in the embeddings
    batch.submit(broken.generation)
    assert isinstance(broken.next_event(), Failed)
    (reply,) = replies_to(batch, [wants(prompt_of(5), tokens=3)])
    assert len(reply.tokens) == 3


def test_a_reply_that_cannot_begin_is_told_so(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch, ask = open_batch(checkpoint("gpt_neox")), wants(prompt_of(9))

    def refuses(*_: object, **__: object) -> Row:
        raise RuntimeError("no generator of random numbers")

    with monkeypatch.context() as broken:
        broken.setattr("kullm_tui.engine.batch.Row", refuses)
        client = Client(ask)
        batch.submit(client.generation)
        assert isinstance(client.next_event(), Failed)
    assert len(replies_to(batch, [ask])[0].tokens) == 24


def test_closing_the_batch_leaves_nobody_waiting(checkpoint: Callable[[str], Path], open_batch: OpenBatch) -> None:
    batch = open_batch(checkpoint("gpt_neox"), rows=1)
    clients = [Client(wants(prompt_of(5), tokens=400)) for _ in range(3)]
    for client in clients:
        batch.submit(client.generation)
    clients[0].next_event()
    batch.close()
    for client in clients:
        with pytest.raises(Exception, match="내리고"):
            client.reply()


def test_a_reply_asked_for_after_the_end_is_told_at_once(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint("gpt_neox"))
    batch.close()
    late = Client(wants(prompt_of(5)))
    batch.submit(late.generation)
    assert isinstance(late.next_event(), Failed)
    with pytest.raises(KullmError, match="내리고"):
        batch.between_tokens(lambda: None).result(5)


def test_a_task_that_fails_or_is_given_up_harms_no_reply(
    checkpoint: Callable[[str], Path], open_batch: OpenBatch
) -> None:
    batch = open_batch(checkpoint("gpt_neox"))
    client = Client(wants(prompt_of(5), tokens=200))
    batch.submit(client.generation)
    client.next_event()
    given_up = batch.between_tokens(lambda: None)
    given_up.cancel()
    failed = batch.between_tokens(lambda: [][0])
    with pytest.raises(KullmError, match="오류"):
        failed.result(5)
    assert len(client.reply().tokens) >= 190
