"""From wishes to an evaluation that can begin: the app's form and `kullm eval run` get the same answer."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.answer_store import Answer, keep_answer
from evaluator.evaluation import keep_run
from evaluator.preparation import Pick, Prepared, Preparing, Wishes, keep_imported, wishes_of
from evaluator.runs import plan_of
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.errors import UsageError
from tests.evaluator.judge_server import JudgeServer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    rows = [{"id": f"q{number}", "instruction": f"지시 {number}"} for number in range(4)]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return tmp_path


@pytest.fixture
def store(home: Path) -> Iterator[VerdictStore]:
    with VerdictStore(home / "evaluation.db") as opened:
        yield opened


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Iterator[JudgeServer]:
    with JudgeServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        yield running


@pytest.fixture
def preparing(store: VerdictStore) -> Preparing:
    return Preparing(Config(endpoints=(EndpointSettings("home", "http://127.0.0.1:9/v1"),)), store)


def wishes(home: Path, *picks: Pick) -> Wishes:
    return Wishes(str(home / "q.jsonl"), picks or (Pick("home/a"),), judge="gpt-4.1")


def calls_of(prepared: Prepared) -> int:
    return prepared.plan.estimate.calls if prepared.plan.estimate else 0


@pytest.mark.usefixtures("judge")
def test_a_run_that_is_copied_is_judged_as_often_as_the_first(
    home: Path, store: VerdictStore, preparing: Preparing
) -> None:
    first = preparing.prepared(replace(wishes(home), repeats=3))
    assert calls_of(first) == 3 * 4
    number = keep_run(first.evaluation, store)
    again = preparing.prepared(wishes_of(plan_of(store, number)))
    assert calls_of(again) == 3 * 4
    assert keep_run(again.evaluation, store) == number


@pytest.mark.usefixtures("judge")
def test_whoever_prepares_hears_of_questions_without_the_reference_that_the_rubric_shows(
    home: Path, preparing: Preparing
) -> None:
    assert preparing.prepared(wishes(home)).warnings == ()
    (warning,) = preparing.prepared(replace(wishes(home), rubric="reference-ko")).warnings
    assert "4개에는 reference가 없어요" in warning


@pytest.mark.usefixtures("judge")
def test_a_system_whose_answers_are_all_there_is_not_asked_so_no_engine_starts_for_it(
    home: Path, store: VerdictStore, preparing: Preparing
) -> None:
    before = preparing.prepared(wishes(home))
    assert list(before.targets) == ["home/a"]
    (system,) = before.evaluation.systems
    for question in before.evaluation.questions.questions:
        keep_answer(store, system, question, Answer("답"))
    assert not preparing.prepared(wishes(home)).targets


@pytest.mark.usefixtures("judge")
def test_a_mode_that_is_named_is_insisted_on_and_the_rubrics_own_is_not(home: Path, preparing: Preparing) -> None:
    usual = preparing.prepared(wishes(home)).evaluation.judge
    named = preparing.prepared(replace(wishes(home), mode="strict")).evaluation.judge
    assert (usual.mode, usual.insists, named.mode, named.insists) == ("paper", False, "strict", True)


@pytest.mark.usefixtures("judge")
def test_answers_from_a_file_are_written_down_only_when_the_run_begins(
    home: Path, store: VerdictStore, preparing: Preparing
) -> None:
    (home / "a.jsonl").write_text('{"id": "q0", "response": "답"}')
    prepared = preparing.prepared(wishes(home, Pick(file=str(home / "a.jsonl"), name="남")))
    assert calls_of(prepared) == 1
    assert kept_systems(store) == []
    keep_imported(prepared, store)
    assert kept_systems(store) == ["남"]


def kept_systems(store: VerdictStore) -> list[str]:
    with store.database.reading() as connection:
        return [row["system"] for row in connection.execute("SELECT system FROM answers")]


def test_a_budget_that_cannot_be_kept_is_refused_before_it_begins(
    home: Path, preparing: Preparing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "https://judge.example.com/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    wished = replace(wishes(home), judge="nobody-knows-its-price", limit=1.0)
    with pytest.raises(UsageError, match="가격을 몰라서"):
        preparing.prepared(wished)
    assert preparing.prepared(replace(wished, limit=None)).budget.dollars is None
