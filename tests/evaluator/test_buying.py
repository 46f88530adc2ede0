"""What is spent, what is told and when it ends, against a real server with every fault."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evaluator.buying import BudgetSpent, UnderWay
from evaluator.call_faults import SchemaRefused
from evaluator.cost import Budget, CallCost
from evaluator.judge import Judge
from evaluator.judge_table import judge_parameters
from evaluator.judging import Outcome, judge_items, kept_verdicts, missing_items, mode_note
from evaluator.rubric import load_rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.pace.overload import Overload
from kullm_tui.core.pace.pace import Pace
from tests.evaluator.judge_server import ASKED, Bucket, JudgeServer, no_parameter, no_schemas
from tests.openai_server import CUT, Reply, closed_port, refuses

PAPER = load_rubric("kullm-2023-ko")
ONE_CALL = (ASKED * 2 + 80 * 8) / 1e6  # dollars, of gpt-4.1
PATIENT = JudgingSettings(timeout_seconds=60)
IMPATIENT = JudgingSettings(timeout_seconds=0.5)


@pytest.fixture(autouse=True)
def _prices(home: Path) -> None:
    (home / "prices.toml").write_text('["my-judge"]\ninput = 2.0\noutput = 8.0\n')


def judge_at(base_url: str, model: str = "gpt-4.1", mode: Any = "paper", **more: Any) -> Judge:
    return Judge(Endpoint("채점", base_url, "sk-secret"), model, mode, judge_parameters(model), **more)


def items(count: int) -> list[Item]:
    return [Item(f"q{number}", f"지시 {number}", "", f"답 {number}") for number in range(count)]


def run(judge: Judge, store: VerdictStore, rows: list[Item], **more: Any) -> Outcome:
    calls = more.pop("calls", PATIENT)
    return asyncio.run(judge_items(rows, judge=judge, rubric=PAPER, store=store, calls=calls, **more))


def scored(outcome: Outcome) -> int:
    return sum(verdict.status == "ok" for verdict in outcome.verdicts.values())


# -- a budget ----------------------------------------------------------------------------------------------------------


def test_a_budget_buys_forty_verdicts_where_forty_fit(store: VerdictStore) -> None:
    with JudgeServer(latency=0.01) as server:
        budget = Budget(40 * ONE_CALL)
        outcome = run(judge_at(server.base_url), store, items(60), budget=budget)
    assert (server.paid, scored(outcome)) == (40, 40)
    assert budget.spent == pytest.approx(server.charged)
    assert isinstance(outcome.stopped, BudgetSpent)
    assert f"사용 금액 ${outcome.spent:.4f}" in str(outcome.stopped)


@pytest.mark.parametrize(
    ("tokens", "keeps_to_cap"), [(900, True), (20_000, True), (20_000, False)], ids=["long", "cut", "without end"]
)
def test_replies_that_are_long_and_dear_spend_no_more_than_the_budget_and_one_call(
    store: VerdictStore, tokens: int, keeps_to_cap: bool
) -> None:
    with JudgeServer(tokens=tokens, keeps_to_cap=keeps_to_cap, latency=0.01) as server:
        outcome = run(judge_at(server.base_url), store, items(400), budget=Budget(0.5))
        one_call = (ASKED * 2 + (min(tokens, 2048) if keeps_to_cap else tokens) * 8) / 1e6
    assert server.charged <= 0.5 + one_call
    assert server.charged > 0.5 - one_call, "what fits is used"
    assert outcome.spent == pytest.approx(server.charged)


def test_a_verdict_that_is_cut_at_the_cap_has_no_score_and_says_so(store: VerdictStore) -> None:
    with JudgeServer(tokens=5000) as server:
        verdict = run(judge_at(server.base_url), store, items(1)).verdicts["q0"]
    assert (verdict.status, verdict.scores, verdict.reason) == ("unparsed", {}, "채점이 길이 한도에서 잘렸어요")


def test_tries_that_may_have_been_charged_come_out_of_the_budget_too(store: VerdictStore) -> None:
    with JudgeServer() as server:
        server.script.extend([Reply(['{"choices": [', CUT], media_type="application/json")] * 1000)
        outcome = run(judge_at(server.base_url), store, items(300), budget=Budget(0.004))
        assert 0 < outcome.spent <= 0.004 + 2 * ONE_CALL
        assert outcome.assumed == outcome.spent
        assert len(server.requests) <= 5


def test_two_judgings_share_one_budget(store: VerdictStore) -> None:
    """As in the app, where every reply that is judged in a session is paid from one."""

    async def both(judge: Judge, budget: Budget) -> None:
        runs = [
            judge_items(rows, judge=judge, rubric=PAPER, store=store, budget=budget)
            for rows in (items(40)[:20], items(40)[20:])
        ]
        await asyncio.gather(*runs)

    with JudgeServer(latency=0.01) as server:
        asyncio.run(both(judge_at(server.base_url), Budget(10 * ONE_CALL)))
        assert server.paid == 10


def test_money_under_way_counts_by_what_it_can_cost_at_most_but_for_the_dearest_call() -> None:
    async def reserved() -> list[bool]:
        budget = Budget(1.0)
        calls = [asyncio.create_task(budget.reserve(CallCost(0.01, 0.4))) for _ in range(5)]
        await asyncio.sleep(0)
        went = [call.done() for call in calls]
        for call in calls:
            call.cancel()
        return went

    assert asyncio.run(reserved()) == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("model", "sent"),
    [
        ("gpt-4.1", {"max_tokens": 2048}),
        ("o3", {"max_completion_tokens": 16384}),
        ("my-judge", {"max_tokens": 4096}),
        ("free-judge", {}),
    ],
)
def test_how_long_a_reply_may_be_is_said_in_the_judges_own_word_where_it_costs_something(
    store: VerdictStore, model: str, sent: Mapping[str, int]
) -> None:
    with JudgeServer() as server:
        run(judge_at(server.base_url, model), store, items(1))
        body = server.requests[0].body
    assert {name: value for name, value in body.items() if name.startswith("max_")} == sent


def test_a_server_that_does_not_know_the_word_is_told_in_another_one(store: VerdictStore) -> None:
    with JudgeServer(rejects=no_parameter("max_tokens")) as server:
        outcome = run(judge_at(server.base_url), store, items(12))
        assert scored(outcome) == 12
        assert server.requests[-1].body["max_completion_tokens"] == 2048


def test_the_cap_is_no_part_of_what_decides_a_verdict(store: VerdictStore, home: Path) -> None:
    with JudgeServer() as server:
        run(judge_at(server.base_url), store, items(3))
        (home / "judges.toml").write_text('[[parameters]]\nmatch = ".*"\ntemperature = 0\nmost_tokens = 300\n')
        assert not missing_items(items(3), judge=judge_at(server.base_url), rubric=PAPER, store=store)
        run(judge_at(server.base_url), store, items(4))
        assert server.requests[-1].body["max_tokens"] == 300


# -- faults of the way -------------------------------------------------------------------------------------------------


def test_a_judge_that_cannot_be_reached_stops_the_run_and_every_item_keeps_the_reason(store: VerdictStore) -> None:
    judge = judge_at(f"http://127.0.0.1:{closed_port()}/v1")
    heard: list[Verdict] = []
    outcome = run(judge, store, items(500), told=heard.append)
    assert "연결하지 못했어요" in str(outcome.stopped)
    assert len(heard) <= 20, "it is found out by the first calls"
    assert (outcome.failed, outcome.spent) == (500, 0.0)
    kept = kept_verdicts(items(500), judge=judge, rubric=PAPER, store=store)
    assert {(one.status, one.reason) for one in kept.values()} == {("error", str(outcome.stopped))}


def test_calls_that_are_refused_keep_their_reason_until_they_are_bought(store: VerdictStore) -> None:
    def every_fifth(body: Mapping[str, Any]) -> Reply | None:
        question = body["messages"][-1]["content"]
        refused = any(f"지시 {number}\n" in question for number in range(0, 60, 5))
        return refuses(400, "지금은 이 문항을 받지 않아요") if refused else None

    with JudgeServer(rejects=every_fifth) as server:
        judge = judge_at(server.base_url)
        outcome = run(judge, store, items(60))
        assert outcome.stopped is None
        assert (scored(outcome), outcome.failed) == (48, 12)
    kept = kept_verdicts(items(60), judge=judge, rubric=PAPER, store=store)
    assert [one.status for one in kept.values()].count("error") == 12
    assert "지금은 이 문항을 받지 않아요" in kept["q5"].reason
    with JudgeServer() as server:
        moved = replace(judge, endpoint=Endpoint("채점", server.base_url, "sk-secret"))
        run(moved, store, items(60))
    assert not store.failures([moved.key(PAPER, item) for item in items(60)])


def test_items_that_always_fail_do_not_stand_before_those_that_were_never_tried(store: VerdictStore) -> None:
    def first_ones(body: Mapping[str, Any]) -> Reply | None:
        question = body["messages"][-1]["content"]
        return refuses(400, "not this one") if any(f"답 {number}\n" in question for number in range(7)) else None

    with JudgeServer(rejects=first_ones) as server:
        judge = judge_at(server.base_url)
        run(judge, store, items(20)[6:8])  # it has judged before
        assert run(judge, store, items(7)).failed == 7
        assert scored(run(judge, store, items(20))) == 13


def test_a_judge_that_refuses_every_call_is_asked_no_further(store: VerdictStore) -> None:
    with JudgeServer(rejects=lambda _body: refuses(400, "no")) as server:
        outcome = run(judge_at(server.base_url), store, items(300))
        assert outcome.stopped is not None
        assert len(server.requests) <= 24


def test_a_judge_that_never_answers_is_found_out_by_its_first_calls(store: VerdictStore) -> None:
    with JudgeServer(silent=lambda _question: True) as server:
        outcome = run(judge_at(server.base_url), store, items(300), calls=IMPATIENT)
        assert "기다려도 답이 오지 않았어요" in str(outcome.stopped)
        assert len(server.requests) <= 16


def test_a_server_that_sends_blanks_for_ever_is_left(store: VerdictStore) -> None:
    def blanks() -> Iterator[str | float]:
        while True:
            yield " "
            yield 0.05

    with JudgeServer() as server:
        server.script.extend([Reply(blanks(), media_type="application/json") for _ in range(2)])
        outcome = run(judge_at(server.base_url), store, items(1), calls=IMPATIENT)
        assert outcome.failed == 1
        assert len(server.requests) == 2


def test_what_is_waited_for_can_be_watched_from_outside(store: VerdictStore) -> None:
    async def watched(judge: Judge) -> str:
        under_way = UnderWay()
        work = asyncio.create_task(
            judge_items(items(3), judge=judge, rubric=PAPER, store=store, calls=PATIENT, under_way=under_way)
        )
        while under_way.calls < 3 or under_way.longest_seconds < 1:
            await asyncio.sleep(0.02)
        words = under_way.words
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert (under_way.calls, under_way.words) == (0, "")
        return words

    with JudgeServer(silent=lambda _question: True) as server:
        assert asyncio.run(watched(judge_at(server.base_url))).startswith("답을 기다리는 호출 3개(가장 오래 ")


def test_no_more_calls_are_under_way_than_was_asked_for(store: VerdictStore) -> None:
    most = 0

    def count(_verdict: Verdict) -> None:
        nonlocal most
        most = max(most, under_way.calls)

    under_way = UnderWay()
    with JudgeServer(latency=0.02) as server:
        calls = JudgingSettings(at_once=2)
        run(judge_at(server.base_url), store, items(30), calls=calls, under_way=under_way, told=count)
    assert most <= 2


def test_who_was_refused_goes_before_those_that_were_not_tried_yet() -> None:
    async def order() -> list[str]:
        pace, went = Pace(most_at_once=1), []
        first = await pace.turn(1)

        async def wait(name: str, *, again: bool) -> None:
            turn = await pace.turn(1, again=again)
            went.append(name)
            pace.ended(turn)

        waiting = [asyncio.create_task(wait(f"fresh {number}", again=False)) for number in range(3)]
        await asyncio.sleep(0)
        waiting.append(asyncio.create_task(wait("again", again=True)))
        await asyncio.sleep(0)
        pace.ended(first)
        await asyncio.gather(*waiting)
        return went

    assert asyncio.run(order()) == ["again", "fresh 0", "fresh 1", "fresh 2"]


# -- busy, or a rate ---------------------------------------------------------------------------------------------------


def tried(overload: Overload, refusals: list[bool]) -> None:
    """A refusal, and the trial after it."""
    overload.refused("first")
    overload.begin(0.01)
    for call in range(2):
        overload.leaves(call)
    for call, is_refused in enumerate(refusals):
        overload.refused(call) if is_refused else overload.got_in(call)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.2])
def test_refusals_that_come_by_chance_are_taken_for_a_rate_no_longer_than_for_moments(share: float) -> None:
    chance, overload, as_a_rate = random.Random(1), Overload(), 0
    for _ in range(1000):
        for _ in range(round(1 / share) - 1):
            overload.got_in("another")
        tried(overload, [chance.random() < share for _ in range(2)])
        as_a_rate += overload.is_a_rate
    assert as_a_rate <= 100
    assert overload.is_likely


def test_a_bucket_that_is_empty_is_taken_for_a_rate() -> None:
    overload = Overload()
    for _ in range(3):
        tried(overload, [False, True])  # what has run in since the refusal may let one call in, and no two
    assert overload.is_a_rate


def test_every_verdict_is_had_from_a_server_that_is_busy_by_chance(store: VerdictStore) -> None:
    with JudgeServer(busy=0.2, latency=0.01) as server:
        outcome = run(judge_at(server.base_url), store, items(150))
        assert scored(outcome) == 150
        assert server.refusals > 10
        assert set(server.bought.values()) == {1}


# -- a judge without schemas -------------------------------------------------------------------------------------------


def test_a_judge_without_schemas_is_asked_in_the_papers_mode_and_the_record_says_so(store: VerdictStore) -> None:
    heard: list[Verdict] = []
    with JudgeServer(rejects=no_schemas) as server:
        strict = judge_at(server.base_url, mode="strict")
        outcome = run(strict, store, items(20), told=heard.append)
        assert (scored(outcome), outcome.failed, outcome.stopped) == (20, 0, None)
        assert len(server.requests) <= 20 + 4
    assert outcome.judge == replace(strict, mode="paper")
    assert len(heard) == 20
    assert "--mode paper" in mode_note(strict, outcome)
    assert mode_note(outcome.judge, outcome) == ""
    assert {bought.settings["mode"] for item in items(20) for bought in store.about(item)} == {"paper"}
    assert not kept_verdicts(items(20), judge=strict, rubric=PAPER, store=store)


def test_who_insists_on_strict_mode_is_told_at_once_what_to_do(store: VerdictStore) -> None:
    with JudgeServer(rejects=no_schemas) as server:
        outcome = run(judge_at(server.base_url, mode="strict", insists=True), store, items(200))
        assert len(server.requests) <= 4
    assert isinstance(outcome.stopped, SchemaRefused)
    assert "--mode paper" in str(outcome.stopped)
    assert outcome.failed == 200


def test_a_rate_and_a_judge_that_keeps_to_it_are_no_fault(store: VerdictStore) -> None:
    with JudgeServer(latency=0.02, bucket=Bucket(30, 10, says_rate=False, says_when=False)) as server:
        outcome = run(judge_at(server.base_url), store, items(40))
    assert (scored(outcome), outcome.stopped) == (40, None)
