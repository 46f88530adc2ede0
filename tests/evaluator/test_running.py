"""A run from its plan to its report: what it would do and cost, what it does, and taking it up where it ended."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.agreement import read_ratings
from evaluator.answer_store import Answer, System
from evaluator.cost import Budget
from evaluator.evaluation import Evaluation, keep_run, load_run, results
from evaluator.export import write_report
from evaluator.judge import Judge
from evaluator.people import keep_rating, ratings_of
from evaluator.provenance import provenance
from evaluator.questions import load_questions
from evaluator.rubric import load_rubric
from evaluator.run_plan import RunPlan, answers_a_second, plan_run, questions_for_planning, verdicts_a_second
from evaluator.running import Progress, run_evaluation
from evaluator.runs import Counts, Run, counts_of, forget_run, list_runs, plan_of
from evaluator.systems import answering_again, answering_system
from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import Target
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import ConfigError
from tests.evaluator.judge_server import FORM_SCORES, JudgeServer
from tests.openai_server import OpenAIServer, Received, Reply, refuses, says

RUBRIC = load_rubric("kullm-2023-ko")


@pytest.fixture(autouse=True)
def _questions(home: Path) -> None:
    rows = [{"id": f"q{number}", "instruction": f"지시 {number}"} for number in range(4)]
    (home / "q.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        yield running


@pytest.fixture
def model() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def config(model: OpenAIServer) -> Config:
    return Config(endpoints=(EndpointSettings("home", model.base_url),))


@pytest.fixture
def begun(home: Path, judge: JudgeServer, config: Config) -> tuple[Evaluation, dict[str, Target]]:
    """Two systems of one endpoint, and a judge."""
    pairs = [answering_system(f"home/{name}", config, {}) for name in ("a", "b")]
    questions = load_questions(str(home / "q.jsonl"))
    asked = Judge(Endpoint("openai", judge.base_url, "sk-1"), "gpt-4.1", "paper", {"temperature": 0})
    systems = tuple(system for _, system in pairs)
    targets = {system.name: target for target, system in pairs}
    return Evaluation(str(home / "q.jsonl"), questions, systems, asked, RUBRIC, RUBRIC.name), targets


def ran(store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], dollars: float | None = None) -> Progress:
    evaluation, targets = begun
    progress = Progress()

    def no_engine(_: Callable[[str], None]) -> Endpoint:
        raise AssertionError("nothing here runs on the engine")

    asyncio.run(
        run_evaluation(
            evaluation,
            targets,
            number=keep_run(evaluation, store),
            store=store,
            budget=Budget(dollars),
            progress=progress,
            start_engine=no_engine,
        )
    )
    return progress


def test_a_run_answers_and_judges_everything_and_the_plan_knew_it(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], judge: JudgeServer, model: OpenAIServer
) -> None:
    evaluation, _ = begun
    before = plan_run(evaluation, store)
    assert (before.missing_answers, before.answers) == (8, {"home/a": 4, "home/b": 4})
    assert before.estimate is not None
    assert before.estimate.calls == 8
    assert before.estimate.dollars is not None
    assert before.estimate.dollars > 0
    assert before.answer_seconds is None  # nothing was measured here yet
    progress = ran(store, begun)
    assert progress.complete
    assert (progress.answers, progress.verdicts) == ({"home/a": 4, "home/b": 4}, {"home/a": 4, "home/b": 4})
    assert len(model.requests) == 8
    # The same words to one question are one response, bought once.
    assert sum(judge.bought.values()) == 4
    after = plan_run(evaluation, store)
    assert after.missing_answers == 0
    assert after.estimate is not None
    assert after.estimate.calls == 0


def test_answers_that_are_judged_several_times_are_planned_bought_and_counted_so(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], judge: JudgeServer
) -> None:
    evaluation, targets = replace(begun[0], repeats=3), begun[1]
    estimate = plan_run(evaluation, store).estimate
    assert (estimate and estimate.calls) == 3 * 8
    progress = ran(store, (evaluation, targets))
    assert progress.complete
    assert progress.verdicts == {"home/a": 4, "home/b": 4}
    assert set(judge.bought.values()) == {3}
    estimate = plan_run(evaluation, store).estimate
    assert (estimate and estimate.calls) == 0
    number = keep_run(evaluation, store)
    assert (load_run(store, number).repeats, load_run(store, keep_run(begun[0], store)).repeats) == (3, 1)


def test_a_system_that_fails_does_not_stop_the_others_and_is_had_later(
    store: VerdictStore,
    begun: tuple[Evaluation, dict[str, Target]],
    model: OpenAIServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def not_a(request: Received) -> Reply:
        return refuses(400, "안 돼요") if request.body["model"] == "a" else says("안녕")

    with monkeypatch.context() as patch:
        patch.setattr(model, "answer", not_a)
        progress = ran(store, begun)
    assert not progress.complete
    assert list(progress.failures) == ["home/a"]
    assert progress.verdicts["home/b"] == 4
    assert plan_run(begun[0], store).answers["home/a"] > 0
    assert ran(store, begun).complete


def test_a_budget_stops_it_and_what_was_bought_is_kept(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], judge: JudgeServer
) -> None:
    progress = ran(store, begun, dollars=0.0)
    assert progress.stopped is not None
    assert not judge.bought
    assert sum(progress.answers.values()) == 8
    assert ran(store, begun, dollars=5.0).complete


def test_runs_are_listed_counted_and_forgotten_without_losing_what_was_paid(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], home: Path
) -> None:
    evaluation, _ = begun
    number = keep_run(evaluation, store)
    listed = list_runs(store)
    assert [(run.number, run.systems, run.judge, run.set_title) for run in listed] == [
        (number, ("home/a", "home/b"), "gpt-4.1", "q")
    ]
    assert counts_of(evaluation, store) == {"home/a": Counts(0, 0), "home/b": Counts(0, 0)}
    ran(store, begun)
    assert counts_of(load_run(store, number), store) == {"home/a": Counts(4, 4), "home/b": Counts(4, 4)}
    assert plan_of(store, number)["judge"] == "gpt-4.1"
    (home / "q.jsonl").unlink()
    assert isinstance(list_runs(store)[0], Run)  # a list is shown whatever is missing since
    forget_run(store, number)
    assert list_runs(store) == []
    assert plan_of(store, number) == {}
    assert store.spent() > 0


def test_a_run_that_is_taken_up_asks_the_same_system_or_nobody(config: Config) -> None:
    target, system = answering_system("home/a", config, {"temperature": 0})
    assert answering_again(system, config) == target
    assert answering_again(System("남", {"file": "x", "sha256": "0"}), config) is None
    moved = Config(endpoints=(EndpointSettings("home", "http://127.0.0.1:9/v1"),))
    with pytest.raises(ConfigError, match="home/a"):
        answering_again(system, moved)


def test_a_demo_adapter_over_its_base_is_a_system_that_can_be_taken_up() -> None:
    config = Config()
    for model in ("demo-kullm", "demo-koalpaca"):
        target, system = answering_system(model, config, {})
        assert answering_again(system, config) == target


def test_what_time_it_takes_is_told_from_what_was_measured_here(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]]
) -> None:
    evaluation, _ = begun
    assert answers_a_second(store, evaluation.systems[0]) is None
    ran(store, begun)
    assert (answers_a_second(store, evaluation.systems[0]) or 0) > 1
    assert (verdicts_a_second(store, evaluation.judge) or 0) > 1


def test_a_public_set_that_was_not_fetched_is_planned_by_its_size(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]]
) -> None:
    questions = questions_for_planning("human-eval-ko")
    evaluation = replace(begun[0], questions=questions, systems=begun[0].systems[:1])
    plan = plan_run(evaluation, store, at_hand=False)
    assert (plan.questions, plan.missing_answers) == (252, 252)
    assert plan.estimate is not None
    assert plan.estimate.calls == 252


def test_answers_that_are_brought_in_cost_only_their_judging(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]]
) -> None:
    imported = System("남", {"file": "x", "sha256": "0"})
    evaluation = replace(begun[0], systems=(imported,))
    plan: RunPlan = plan_run(evaluation, store, {"남": {"q0": Answer("하나"), "q1": Answer("둘")}})
    assert plan.missing_answers == 0
    assert plan.estimate is not None
    assert plan.estimate.calls == 2


def test_without_a_judge_a_run_ends_with_the_answers(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], judge: JudgeServer
) -> None:
    nobody = replace(begun[0], judge=Judge(Endpoint("", ""), "", "paper"))
    assert plan_run(nobody, store).estimate is None
    assert ran(store, (nobody, begun[1])).complete
    assert not judge.requests
    assert load_run(store, keep_run(nobody, store)).judge.model == ""


def test_a_report_is_files_that_the_command_line_reads_again(
    store: VerdictStore, begun: tuple[Evaluation, dict[str, Target]], tmp_path: Path
) -> None:
    evaluation, _ = begun
    ran(store, begun)
    found = results(evaluation, store)
    texts = ("지시 0", "", found[0].answers["q0"].response)
    keep_rating(store, RUBRIC, texts, "지은", FORM_SCORES)
    report = write_report(
        tmp_path / "보고서", evaluation, found, ratings_of(evaluation, found, store), provenance(evaluation, store, 1)
    )
    assert [file.name for file in report.files] == [
        "table.md", "provenance.json", "table.csv", "figure.svg", "items.jsonl", "ratings.jsonl",
    ]  # fmt: skip
    items = [json.loads(line) for line in (tmp_path / "보고서" / "items.jsonl").read_text().splitlines()]
    assert len(items) == 8
    assert items[0]["scores"] == FORM_SCORES
    read = read_ratings((tmp_path / "보고서" / "ratings.jsonl").read_text().splitlines(), RUBRIC)
    assert read["home/a", "q0"] == {"지은": FORM_SCORES}
