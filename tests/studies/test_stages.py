"""The plan of a study: a tree of commands, each under a key that changes with what it depends on, and with nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.commands.main import _parser
from kullm_tui.core.config.edit import put_row
from kullm_tui.studies.stages import Plan, plan_of
from kullm_tui.studies.study import Study, load_study
from tests.studies.small import small_study


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return load_study(str(small_study(tmp_path)))


def changed(before: Plan, after: Plan) -> set[str]:
    keys = {one.id: one.key for one in before.stages}
    return {one.id for one in after.stages if keys.get(one.id) != one.key}


def test_a_stage_needs_only_what_comes_before_it(study: Study) -> None:
    seen: set[str] = set()
    for stage in plan_of(study).stages:
        assert set(stage.needs) <= seen
        seen.add(stage.id)


@pytest.mark.parametrize("name", ["demo", "paper"])
def test_every_stage_is_a_command_that_the_shell_takes(name: str) -> None:
    plan = plan_of(load_study(name), judges=["gpt-4.1"])

    for stage in plan.stages:
        parser, _ = _parser(stage.command[0])
        _, strange = parser.parse_known_args(list(stage.command))
        assert strange == [], stage.id


def test_the_paper_trains_seven_mixtures_and_asks_252_questions_of_every_model() -> None:
    plan = plan_of(load_study("paper"))

    assert [one.mixture for one in plan.of("training") if one.base == "5.8b"] == [
        "alpaca", "dolly", "sharegpt", "alpaca-dolly", "alpaca-sharegpt", "dolly-sharegpt", "all",
    ]  # fmt: skip
    assert len(plan.of("answers")) == len(plan.of("training")) + len(plan.study.models)
    assert all("--yes" in one.command for one in plan.of("mixtures", "scores", "anchors"))


def test_the_same_study_has_the_same_keys(study: Study) -> None:
    assert plan_of(study) == plan_of(study)


@pytest.mark.parametrize(
    ("change", "touched"),
    [
        (lambda one: replace(one, models=(*one.models, "demo-kullm")), {"answers/demo-kullm", "scores/known", "report"}),
        (lambda one: replace(one, limit=5), {"answers/demo-base", "answers/tiny/long", "answers/tiny/both", "scores/known", "report"}),
        (lambda one: replace(one, summary="other words"), set()),
        (lambda one: one.trained_on("lab"), set()),
        (
            lambda one: replace(one, bases=(replace(one.bases[0], set=(*one.bases[0].set, "train.seed=7")),)),
            {"training/tiny/long", "training/tiny/both", "answers/tiny/long", "answers/tiny/both", "scores/known", "report"},
        ),
    ],
    ids=["a model more", "fewer questions", "a summary", "a machine", "a seed"],
)  # fmt: skip
def test_a_change_makes_anew_what_stands_on_it_and_nothing_else(
    study: Study, change: Callable[[Study], Study], touched: set[str]
) -> None:
    assert changed(plan_of(study), plan_of(change(study))) == touched


def test_a_judge_more_leaves_the_other_graders_scores(study: Study) -> None:
    assert changed(plan_of(study), plan_of(study, judges=["gpt-4.1"])) == {
        "scores/gpt-4.1",
        "anchors/gpt-4.1",
        "report",
    }


def test_another_row_of_the_mixture_trains_everything_anew(study: Study, tmp_path: Path) -> None:
    before = plan_of(study)
    file = tmp_path / "parts.toml"
    file.write_text(file.read_text(encoding="utf-8").replace("rows = 24", "rows = 25", 1), encoding="utf-8")

    assert changed(before, plan_of(study)) == {one.id for one in before.stages} - {"answers/demo-base"}


def test_the_name_of_an_adapter_tells_its_study_and_its_key(study: Study) -> None:
    for stage in plan_of(study).of("training"):
        assert stage.makes == f"small-tiny-{stage.mixture}-{stage.key[:6]}"


def test_a_machine_that_costs_is_agreed_to_and_changes_nothing_else(study: Study, tmp_path: Path) -> None:
    machines: list[dict[str, Any]] = [
        {"name": "free", "ssh": "free"},
        {"name": "paid", "ssh": "paid", "price_per_hour": 3.0},
    ]
    (tmp_path / "home").mkdir(exist_ok=True)
    for one in machines:
        put_row("machines", one)

    here, free, paid = (plan_of(study.trained_on(name)) for name in ("", "free", "paid"))

    assert not any(one.spends for plan in (here, free) for one in plan.of("training"))
    assert all(one.spends and one.command[-2:] == ("--yes", "--json") for one in paid.of("training"))
    assert changed(here, paid) == set()
