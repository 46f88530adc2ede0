"""Judging in batches against a server that takes them: what comes back, what fails, expires or vanishes, and what it costs."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from evaluator.batches import batch_judging
from evaluator.batches.hand_in import find_again
from evaluator.batches.ledger import Batch, Call, Ledger
from evaluator.batches.probe import refuse_without_batches
from evaluator.batches.results import read_results, request_line
from evaluator.batches.rounds import judge_rounds_in_batches
from evaluator.batches.service import BatchService
from evaluator.cost import Budget, CallCost, estimated
from evaluator.judge import Judge, request_body
from evaluator.judge_table import judge_parameters
from evaluator.judging import Outcome, judge_items, kept_verdicts, missing_items
from evaluator.rubric import load_rubric
from evaluator.verdict import Item
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.sdk import open_client
from kullm_tui.core.errors import EndpointError
from tests.evaluator.batch_server import BatchServer
from tests.evaluator.judge_server import ASKED, FORM_SCORES
from tests.evaluator.judging_program import items
from tests.openai_server import CUT, Received, Reply, refuses

PAPER = load_rubric("kullm-2023-ko")
ONE_CALL = (ASKED * 2 + 80 * 8) / 1e6 / 2  # dollars, as the server counts, at half the price
NO_SCHEMA = {"error": {"message": "'response_format' of type 'json_schema' is not supported with this model."}}
NO_CAP = {
    "error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use another instead."}
}


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_judging, "_FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(batch_judging, "_GROWTH", 1.0)
    monkeypatch.setattr(batch_judging, "_LONGEST_HOLD_SECONDS", 0.01)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as running:
        yield running


def judge_at(server: BatchServer, mode: Any = "paper", **more: Any) -> Judge:
    return Judge(Endpoint("채점", server.base_url, "sk-secret"), "gpt-4.1", mode, judge_parameters("gpt-4.1"), **more)


def run(
    server: BatchServer,
    store: VerdictStore,
    rows: list[Item],
    *,
    repeats: int = 1,
    budget: Budget | None = None,
    **more: Any,
) -> Outcome:
    judge, rubric = more.pop("judge", judge_at(server)), more.pop("rubric", PAPER)
    work = judge_rounds_in_batches(
        dict.fromkeys(range(repeats), rows),
        judge=judge,
        rubric=rubric,
        store=store,
        budget=budget or Budget(),
        calls=JudgingSettings(timeout_seconds=20.0),
        **more,
    )
    return asyncio.run(work)


def statuses(outcome: Outcome) -> list[str]:
    return [outcome.verdicts[name].status for name in sorted(outcome.verdicts)]


def reasons(outcome: Outcome) -> set[str]:
    return {verdict.reason for verdict in outcome.verdicts.values() if verdict.status == "error"}


def nothing_is_left(store: VerdictStore) -> bool:
    return not Ledger(store).batches()


def test_verdicts_come_back_in_any_order_and_are_bought_once_at_half_the_price(
    server: BatchServer, store: VerdictStore
) -> None:
    words: list[str] = []
    first = run(server, store, items(7), narrate=words.append)
    assert [verdict.scores for verdict in first.verdicts.values()] == [FORM_SCORES] * 7
    assert first.spent == pytest.approx(7 * ONE_CALL)
    assert all(one.cost == pytest.approx(ONE_CALL) for one in first.verdicts.values())
    assert {one.answered_by for one in first.verdicts.values()} == {"gpt-4.1-2025-04-14"}
    assert any("0/7" in one for one in words)
    assert words[-1] == ""
    again = run(server, store, items(8))
    assert sorted(verdict.kept for verdict in again.verdicts.values()) == [False, *[True] * 7]
    assert set(server.billed.values()) == {1}
    assert len(server.billed) == 8
    assert server.paid == 0, "nothing was asked call by call"
    assert nothing_is_left(store)


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


def test_what_expired_is_handed_in_again_and_what_was_done_is_kept(server: BatchServer, store: VerdictStore) -> None:
    server.expires = lambda _batch: 4 if len(server.batches) == 1 else None
    outcome = run(server, store, items(10))
    assert statuses(outcome) == ["ok"] * 10
    assert [len(one.lines) for one in server.batches.values()] == [10, 6]
    assert set(server.billed.values()) == {1}


def test_what_expires_ever_again_has_its_reason_in_the_end(server: BatchServer, store: VerdictStore) -> None:
    server.expires = lambda _batch: 0
    outcome = run(server, store, items(2))
    assert len(server.batches) == 4
    assert reasons(outcome) == {"배치가 4번 기한 안에 끝나지 않았어요."}
    assert outcome.spent == 0
    assert nothing_is_left(store)


def test_single_calls_that_fail_keep_their_reason_or_are_tried_again_as_often_as_alone(
    server: BatchServer, store: VerdictStore
) -> None:
    judge = judge_at(server)
    keys = {judge.key(PAPER, item): item.id for item in items(5)}
    tries: dict[str, int] = {}

    def fault(line: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        name = keys[line["custom_id"]]
        tries[name] = tries.get(name, 0) + 1
        if name == "q1":
            return 400, {"error": {"message": "content is wrong", "code": "invalid_prompt"}}
        if name == "q2" and tries[name] < 3:
            return 429, {"error": {"message": "Rate limit reached", "code": "rate_limit_exceeded"}}
        return (500, {"error": {"message": "server had an error"}}) if name == "q3" else None

    server.fault = fault
    outcome = run(server, store, items(5))
    assert statuses(outcome) == ["ok", "error", "ok", "error", "ok"]
    assert "content is wrong" in outcome.verdicts["q1"].reason
    assert "500: server had an error" in outcome.verdicts["q3"].reason
    assert tries == {"q0": 1, "q1": 1, "q2": 3, "q3": 4, "q4": 1}
    kept = kept_verdicts(items(5), judge=judge, rubric=PAPER, store=store)
    assert kept["q1"].reason == outcome.verdicts["q1"].reason, "the table tells it too"
    server.fault = lambda _line: None
    assert statuses(run(server, store, items(5))) == ["ok"] * 5
    assert set(server.billed.values()) == {1}


def test_a_refused_key_or_a_missing_model_in_a_call_stops_the_run(server: BatchServer, store: VerdictStore) -> None:
    server.fault = lambda _line: (404, {"error": {"message": "The model does not exist", "code": "model_not_found"}})
    outcome = run(server, store, items(3))
    assert "그곳에 없어요" in str(outcome.stopped)
    assert statuses(outcome) == ["error"] * 3
    assert len(server.batches) == 1


@pytest.mark.parametrize("garbage", [b"{broken", b'{"custom_id": 7}', b"[[[[", b"\xff\xfe"])
def test_a_line_of_garbage_costs_its_verdict_and_no_other(
    server: BatchServer, store: VerdictStore, garbage: bytes
) -> None:
    spoilt = judge_at(server).key(PAPER, items(3)[1])
    server.spoils = lambda name, line: garbage if name == spoilt else line
    outcome = run(server, store, items(3))
    assert statuses(outcome) == ["ok", "error", "ok"]
    assert "읽을 수 있는 결과가 없어요" in outcome.verdicts["q1"].reason
    assert outcome.assumed > 0
    assert len(server.batches) == 1, "it may have been paid for, so nobody buys it unasked"


def test_a_reply_in_another_form_is_an_error_that_may_have_been_paid_for(
    server: BatchServer, store: VerdictStore
) -> None:
    spoilt = judge_at(server).key(PAPER, items(2)[1])
    row = json.dumps({"custom_id": spoilt, "response": {"status_code": 200, "body": {"choices": []}}, "error": None})
    server.spoils = lambda name, line: row.encode() if name == spoilt else line
    outcome = run(server, store, items(2))
    assert statuses(outcome) == ["ok", "error"]
    assert "OpenAI 형식이 아닌" in outcome.verdicts["q1"].reason
    assert outcome.assumed > 0


def test_results_may_be_longer_than_any_reply(server: BatchServer, store: VerdictStore) -> None:
    server.spoils = lambda _name, line: line[:-1] + b', "padding": "' + b"x" * 3_000_000 + b'"}'
    assert statuses(run(server, store, items(4))) == ["ok"] * 4


def test_results_that_vanished_are_told_and_not_bought_again_unasked(server: BatchServer, store: VerdictStore) -> None:
    def vanished(request: Received) -> Reply | None:
        return refuses(404, "No such File object") if request.path.endswith("/content") else None

    server.refuses = vanished
    outcome = run(server, store, items(3))
    assert statuses(outcome) == ["error"] * 3
    assert all("결과 파일이 없어졌어요" in one for one in reasons(outcome))
    assert len(server.batches) == 1
    assert outcome.assumed == outcome.spent > 0
    server.refuses = lambda _request: None
    assert statuses(run(server, store, items(3))) == ["ok"] * 3


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


def test_a_server_that_is_down_stops_the_run_and_what_is_there_is_taken_later(
    server: BatchServer, store: VerdictStore
) -> None:
    server.refuses = lambda request: refuses(500, "down") if len(server.batches) and request.method == "GET" else None
    outcome = run(server, store, items(3))
    assert "잠시 뒤에 다시" in str(outcome.stopped)
    assert all("배치로 맡겨 두었어요" in one for one in reasons(outcome))
    assert [one.calls for one in Ledger(store).batches()] == [3]
    server.refuses = lambda _request: None
    assert statuses(run(server, store, items(3))) == ["ok"] * 3
    assert len(server.batches) == 1


def test_a_judge_without_schemas_is_asked_in_free_text_unless_somebody_insists(
    server: BatchServer, store: VerdictStore
) -> None:
    server.fault = lambda line: (400, NO_SCHEMA) if "response_format" in line["body"] else None
    outcome = run(server, store, items(2), judge=judge_at(server, "strict"))
    assert statuses(outcome) == ["ok"] * 2
    assert outcome.judge.mode == "paper"
    insisted = run(server, store, items(2), judge=judge_at(server, "strict", insists=True))
    assert "--mode paper" in str(insisted.stopped)


def test_a_cap_that_is_refused_is_sent_under_its_other_name(server: BatchServer, store: VerdictStore) -> None:
    server.fault = lambda line: (400, NO_CAP) if "max_tokens" in line["body"] else None
    assert statuses(run(server, store, items(3))) == ["ok"] * 3
    last = list(server.batches.values())[-1].lines[0]["body"]
    assert last["max_completion_tokens"] == 2048
    assert "max_tokens" not in last


def test_a_batch_that_was_cancelled_elsewhere_leaves_what_was_done_and_stops(
    server: BatchServer, store: VerdictStore
) -> None:
    server.refuses = lambda request: _cancels(server, request)
    outcome = run(server, store, items(4))
    assert "취소되었어요" in str(outcome.stopped)
    assert sorted(statuses(outcome)) == ["error", "error", "ok", "ok"]
    assert nothing_is_left(store)
    server.refuses = lambda _request: None
    assert statuses(run(server, store, items(4))) == ["ok"] * 4
    assert set(server.billed.values()) == {1}


def _cancels(server: BatchServer, request: Received) -> Reply | None:
    """Somebody does, before the batch is looked at."""
    if request.method == "GET" and len(server.batches) == 1:
        for batch in server.batches.values():
            if batch.status == "validating":
                batch.status = "cancelling"
    return None


def test_a_batch_that_this_key_does_not_see_is_not_bought_again(server: BatchServer, store: VerdictStore) -> None:
    server.refuses = lambda request: refuses(500, "down") if len(server.batches) and request.method == "GET" else None
    run(server, store, items(2))
    hidden, server.batches = server.batches, {}
    server.refuses = lambda _request: None
    outcome = run(server, store, items(2))
    assert "그 키로 다시" in str(outcome.stopped)
    assert not server.batches
    server.batches = hidden
    assert statuses(run(server, store, items(2))) == ["ok"] * 2
    assert len(server.batches) == 1


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


# -- a hand-in that broke off ------------------------------------------------------------------------------------------


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


def test_of_two_lines_with_one_name_a_reply_counts() -> None:
    body = {"choices": [{"message": {"content": "말"}}]}
    lines = [
        json.dumps({"custom_id": "k", "response": None, "error": {"code": "batch_expired", "message": ""}}),
        json.dumps({"custom_id": "k", "response": {"status_code": 200, "body": body}, "error": None}),
        json.dumps({"custom_id": "k", "response": {"status_code": 500, "body": "?"}, "error": None}),
        json.dumps({"custom_id": "x", "response": None, "error": None}),
    ]
    found = read_results(line.encode() for line in lines)
    assert found.replies["k"].text == "말"
    assert set(found.failures) == {"x"}
