"""A hand-in that broke off: the batch is found again, or its file taken away, and nothing is bought twice."""

import asyncio
from typing import Any

import pytest

from evaluator.batches.hand_in import find_again
from evaluator.batches.ledger import Batch, Call, Ledger
from evaluator.batches.results import request_line
from evaluator.batches.service import BatchService
from evaluator.cost import CallCost
from evaluator.judge import request_body
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.sdk import open_client
from tests.evaluator.batch_server import BatchServer
from tests.evaluator.batches.judged import PAPER, judge_at, run, statuses
from tests.evaluator.judging_program import items
from tests.openai_server import Received, Reply


def broken_off(server: BatchServer, store: VerdictStore) -> Batch:
    """As a program leaves it that is killed before it sent anything."""
    judge = judge_at(server)
    calls = [Call(judge.key(PAPER, item), item, 0, CallCost(0.001, 0.002)) for item in items(2)]
    batch, taken = Ledger(store).open(calls, judge=judge, rubric=PAPER)
    assert batch
    assert len(taken) == 2
    with store.database.transaction() as connection:
        connection.execute("UPDATE batches SET writer = ''")
    return next(iter(Ledger(store).batches()))


def content(server: BatchServer) -> bytes:
    judge = judge_at(server)
    return b"".join(request_line(judge.key(PAPER, one), request_body(judge, PAPER, one)) for one in items(2))


def test_a_batch_that_is_there_is_found_by_its_name_on_whatever_page(server: BatchServer, store: VerdictStore) -> None:
    batch = broken_off(server, store)
    server.page = 2
    stored = server._store(batch.name, content(server))
    server.create(_create(stored.id, batch.name))
    for number in range(7):
        server.create(_create(server._store("theirs.jsonl", b"").id, f"somebody else's {number}"))
    assert statuses(run(server, store, items(2))) == ["ok"] * 2
    assert len(server.batches) == 8
    assert set(server.billed.values()) == {1}


def _create(file: str, name: str) -> dict[str, Any]:
    body = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    return body | {"metadata": {"kullm": name}}


def test_a_file_that_no_batch_uses_is_taken_away(server: BatchServer, store: VerdictStore) -> None:
    batch = broken_off(server, store)
    orphan = server._store(batch.name, content(server))
    assert statuses(run(server, store, items(2))) == ["ok"] * 2
    assert orphan.id not in server.files
    assert len(server.batches) == 1


@pytest.mark.parametrize("moment", ["after the first look", "after the file was taken away"])
def test_a_request_that_was_still_on_its_way_makes_no_second_batch(
    server: BatchServer, store: VerdictStore, moment: str
) -> None:
    """The program was killed, and what it had sent arrives while the next one looks for it."""
    batch = broken_off(server, store)
    stored = server._store(batch.name, content(server))
    late = [_create(stored.id, batch.name)]
    trigger = "GET" if moment == "after the first look" else "DELETE"

    def arrives(request: Received, reply: Reply) -> Reply:
        looks = request.path == "/v1/batches" if trigger == "GET" else request.path.startswith("/v1/files/")
        if request.method == trigger and looks and late:
            server.create(late.pop())
        return reply

    server.garbles = arrives
    assert statuses(run(server, store, items(2))) == ["ok"] * 2
    assert not late
    assert set(server.billed.values()) == {1}


def test_a_batch_that_another_program_hands_in_just_now_is_left_alone(server: BatchServer, store: VerdictStore) -> None:
    batch = broken_off(server, store)
    with store.database.transaction() as connection:
        connection.execute("UPDATE batches SET writer = 'elsewhere:1@2'")
    assert not Ledger(store).take_over(batch)
    assert not next(iter(Ledger(store).batches())).is_broken_off


def test_what_is_found_again_is_noted(server: BatchServer, store: VerdictStore) -> None:
    batch = broken_off(server, store)
    stored = server._store(batch.name, content(server))
    server.create(_create(stored.id, "no name"))

    async def found() -> None:
        async with open_client(judge_at(server).endpoint, quiet_seconds=20.0) as client:
            Ledger(store).note(batch.name, file=stored.id)
            assert await find_again(BatchService(client, seconds=20.0), Ledger(store), batch)

    asyncio.run(found())
    assert Ledger(store).batches()[0].batch == next(iter(server.batches))
