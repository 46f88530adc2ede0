"""What is handed in as batches: once, as each call is asked alone, within the budget and the other side's room."""

import asyncio
import json

import pytest

from evaluator.batches.probe import refuse_without_batches
from evaluator.cost import Budget, estimated
from evaluator.judge import request_body
from evaluator.judging import judge_items, kept_verdicts, missing_items
from evaluator.verdict import Item
from evaluator.verdicts import VerdictStore
from kullm_tui.core.errors import EndpointError
from tests.evaluator.batch_server import BatchServer
from tests.evaluator.batches.judged import ONE_CALL, PAPER, judge_at, nothing_is_left, reasons, run, statuses
from tests.evaluator.judging_program import items
from tests.openai_server import CUT, Received, Reply, refuses


def test_a_call_in_a_batch_is_asked_as_it_is_alone_and_has_the_verdicts_key(
    server: BatchServer, store: VerdictStore
) -> None:
    run(server, store, items(1))
    judge, item = judge_at(server), items(1)[0]
    sent = next(one.content for one in server.files.values() if one.purpose == "batch")
    line = json.loads(sent)
    assert (line["custom_id"], line["method"], line["url"]) == (judge.key(PAPER, item), "POST", "/v1/chat/completions")
    assert line["body"] == {**request_body(judge, PAPER, item), "max_tokens": 2048}
    with VerdictStore(store.database.path.with_name("live.db")) as live:
        asyncio.run(judge_items([item], judge=judge, rubric=PAPER, store=live))
        alone, together = (kept_verdicts([item], judge=judge, rubric=PAPER, store=one)["q0"] for one in (live, store))
    assert (alone.text, alone.scores, alone.origin) == (together.text, together.scores, together.origin)
    assert alone.cost == pytest.approx(2 * (together.cost or 0))


def test_all_rounds_are_handed_in_together(server: BatchServer, store: VerdictStore) -> None:
    outcome = run(server, store, items(3), repeats=3)
    assert statuses(outcome) == ["ok"] * 3
    assert len(server.batches) == 1
    assert len(server.billed) == 9


def test_what_has_one_content_is_bought_once(server: BatchServer, store: VerdictStore) -> None:
    same = [Item(name, "지시", "", "답") for name in ("a", "b", "c")]
    outcome = run(server, store, same)
    assert len(server.billed) == 1
    assert [outcome.verdicts[name].kept for name in "abc"] == [False, True, True]


def test_a_batch_that_is_not_valid_says_why_and_its_calls_are_free(server: BatchServer, store: VerdictStore) -> None:
    server.complaints = lambda _batch: [
        {"code": "invalid_json_line", "message": "This line is not parseable", "line": 3, "param": None}
    ]
    outcome = run(server, store, items(4))
    assert "3행: This line is not parseable" in str(outcome.stopped)
    assert "--batch 없이" in str(outcome.stopped)
    assert statuses(outcome) == ["error"] * 4
    assert nothing_is_left(store)
    server.complaints = lambda _batch: ()
    assert statuses(run(server, store, items(4))) == ["ok"] * 4


def test_a_queue_that_is_full_is_tried_with_smaller_batches(server: BatchServer, store: VerdictStore) -> None:
    server.room = 3
    outcome = run(server, store, items(10))
    assert statuses(outcome) == ["ok"] * 10
    taken = [len(one.lines) for one in server.batches.values() if one.status == "completed"]
    assert sum(taken) == 10
    assert max(taken) <= 3
    assert set(server.billed.values()) == {1}


def test_a_queue_that_stays_full_stops_and_says_what_to_do(server: BatchServer, store: VerdictStore) -> None:
    server.room = -1
    outcome = run(server, store, items(2))
    assert "대기열의 한도가 차" in str(outcome.stopped)
    assert "같은 명령을 다시" in str(outcome.stopped)
    assert nothing_is_left(store)


def test_a_429_when_a_batch_is_made_waits_as_the_server_asks(server: BatchServer, store: VerdictStore) -> None:
    left = 2

    def full(request: Received) -> Reply | None:
        nonlocal left
        if (request.method, request.path) != ("POST", "/v1/batches") or not left:
            return None
        left -= 1
        return refuses(429, "Enqueued token limit reached", code="rate_limit_exceeded", headers={"retry-after": "0"})

    server.refuses = full
    assert statuses(run(server, store, items(4))) == ["ok"] * 4
    assert [one.name for one in server.files.values() if one.purpose == "batch" and b"custom_id" in one.content] == [
        server.files[one.input_file].name for one in server.batches.values()
    ], "files without a batch are taken away again"


def test_an_endpoint_without_batches_is_told_before_anything_is_sent(server: BatchServer, store: VerdictStore) -> None:
    server.has_batches = False
    with pytest.raises(EndpointError, match="--batch 없이"):
        asyncio.run(refuse_without_batches(judge_at(server)))
    outcome = run(server, store, items(2))
    assert "--batch 없이" in str(outcome.stopped)
    assert not server.files
    assert nothing_is_left(store)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_faults_that_pass_are_waited_out(server: BatchServer, store: VerdictStore, method: str) -> None:
    seen: dict[str, int] = {}

    def shaky(request: Received) -> Reply | None:
        """Every request fails the first two times."""
        kind = f"{request.method} {request.path}"
        seen[kind] = seen.get(kind, 0) + 1
        if request.method != method or seen[kind] > 2:
            return None
        return Reply(['{"id": ', CUT], media_type="application/json") if seen[kind] == 1 else refuses(503, "busy")

    server.refuses = shaky
    assert statuses(run(server, store, items(5))) == ["ok"] * 5
    assert set(server.billed.values()) == {1}


def test_an_answer_that_broke_off_after_the_batch_was_made_makes_no_second_one(
    server: BatchServer, store: VerdictStore
) -> None:
    def lost(request: Received, reply: Reply) -> Reply:
        is_made = (request.method, request.path) == ("POST", "/v1/batches")
        return Reply(["{", CUT], media_type="application/json") if is_made else reply

    server.garbles = lost
    assert statuses(run(server, store, items(5))) == ["ok"] * 5
    assert len(server.batches) == 1
    assert set(server.billed.values()) == {1}


def test_whatever_calls_come_to_no_more_is_spent_than_the_budget_and_one_call(
    server: BatchServer, store: VerdictStore
) -> None:
    most = estimated(judge_at(server), PAPER, items(1)).dollars or 0
    budget = Budget(12 * ONE_CALL)
    outcome = run(server, store, items(40), budget=budget)
    assert "예산" in str(outcome.stopped)
    assert outcome.spent == pytest.approx(ONE_CALL * len(server.billed))
    assert outcome.spent <= budget.dollars + most  # type: ignore[operator]
    assert len(server.billed) >= 10, "what fits is used, batch after batch"
    assert len(server.batches) > 1, "what a call can cost at most was set aside first"
    rest = run(server, store, items(40))
    assert statuses(rest) == ["ok"] * 40
    assert set(server.billed.values()) == {1}


def test_what_is_handed_in_already_counts_against_the_budget(server: BatchServer, store: VerdictStore) -> None:
    server.refuses = lambda request: refuses(500, "down") if len(server.batches) and request.method == "GET" else None
    run(server, store, items(10))
    server.refuses = lambda _request: None
    outcome = run(server, store, items(40), budget=Budget(10.5 * ONE_CALL))
    assert "예산" in str(outcome.stopped)
    assert len(server.billed) <= 11


def test_what_a_batch_will_bring_is_in_no_estimate_and_nobody_asks_for_it_call_by_call(
    server: BatchServer, store: VerdictStore
) -> None:
    server.refuses = lambda request: refuses(500, "down") if len(server.batches) and request.method == "GET" else None
    run(server, store, items(2))
    judge = judge_at(server)
    assert [one.id for one in missing_items(items(3), judge=judge, rubric=PAPER, store=store)] == ["q2"]
    live = asyncio.run(judge_items(items(3), judge=judge, rubric=PAPER, store=store))
    assert statuses(live) == ["error", "error", "ok"]
    assert all("--batch" in one for one in reasons(live))
    assert server.paid == 1
    assert not store.claim(judge.key(PAPER, items(1)[0]))


def test_the_estimate_of_a_batch_is_half_and_the_users_own_share_comes_first(
    server: BatchServer, store: VerdictStore
) -> None:
    judge = judge_at(server)
    alone, together = (estimated(judge, PAPER, items(5), in_batch=one) for one in (False, True))
    assert together.dollars == pytest.approx((alone.dollars or 0) / 2)
    assert (alone.share, together.share) == (None, 0.5)
    prices = store.database.path.with_name("prices.toml")
    prices.write_text('["gpt-4.1"]\ninput = 2\noutput = 8\nbatch = 0.8\n')
    assert estimated(judge, PAPER, items(5), in_batch=True).dollars == pytest.approx((alone.dollars or 0) * 0.8)
