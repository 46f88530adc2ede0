"""What comes back of batches: in any order, failed, expired, spoilt, vanished or cancelled; and what is asked for once more."""

import json
from typing import Any

import pytest

from evaluator.batches.ledger import Ledger
from evaluator.batches.results import read_results
from evaluator.judging import kept_verdicts
from evaluator.verdicts import VerdictStore
from tests.evaluator.batch_server import BatchServer
from tests.evaluator.batches.judged import ONE_CALL, PAPER, judge_at, nothing_is_left, reasons, run, statuses
from tests.evaluator.judge_server import FORM_SCORES
from tests.evaluator.judging_program import items
from tests.openai_server import Received, Reply, refuses

NO_SCHEMA = {"error": {"message": "'response_format' of type 'json_schema' is not supported with this model."}}
NO_CAP = {
    "error": {"message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use another instead."}
}


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
