"""What a recipe leaves open is settled once, on the machine, before the run: its arithmetic, and its steps within some minutes."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core import paths
from trainer.arithmetic import alternatives_here
from trainer.dataset.sources import DEMO
from trainer.estimate.estimate import plan_run
from trainer.estimate.machines import machine_named
from trainer.estimate.tokens import Lengths, recorded_lengths
from trainer.recipe import Recipe, load_recipe, recipe_dict, recipe_from
from trainer.schedule import learning_rate, total_steps, warmup_steps
from trainer.settle import NOW, settled

LENGTHS = Lengths(rows=10_000, mean=100.0, mean_square=10_000.0, longest=100, trained_share=0.5, basis="measured")
CPU = machine_named("cpu")


@pytest.fixture(autouse=True)
def _a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))


class Measuring:
    """A machine that trains a demo model at these speeds, by precision."""

    def __init__(self, **speeds: float) -> None:
        self.speeds, self.asked = speeds, list[list[str]]()

    def __call__(self, facts: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        self.asked.append(list(facts["precisions"]))
        return {kind: {"block": 0.0, "rest": 1.0, "tokens": self.speeds[kind]} for kind in facts["precisions"]}


def demo(**train: Any) -> Recipe:
    recipe = load_recipe("demo-kullm")
    return replace(recipe, train=replace(recipe.train, **train))


@pytest.mark.parametrize("speeds", [{"fp32": 400, "bf16": 60}, {"fp32": 1, "bf16": 2}], ids=str)
def test_auto_is_the_faster_arithmetic_of_this_processor_measured_once(speeds: dict[str, float]) -> None:
    measure, kinds = Measuring(**speeds), list(alternatives_here())
    for _ in range(2):
        assert settled(demo(), CPU, LENGTHS, measure=measure).model.precision == max(kinds, key=speeds.__getitem__)
    assert measure.asked == [kinds]


def test_a_processor_without_products_of_bf16_has_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_PROCESSOR", "plain")
    measure = Measuring(fp32=1, bf16=2)
    assert settled(demo(), CPU, LENGTHS, measure=measure).model.precision == "fp32"
    assert measure.asked == [["fp32"]]


def test_where_nothing_can_be_measured_auto_is_fp32() -> None:
    assert settled(demo(), CPU, LENGTHS, measure=lambda _: None).model.precision == "fp32"


@pytest.mark.parametrize(("card", "precision"), [("1xA100-80GB", "bf16"), ("1xT4", "fp32")])
def test_on_a_card_auto_is_bf16_where_it_has_that(card: str, precision: str) -> None:
    assert settled(demo(), machine_named(card), LENGTHS).model.precision == precision


def test_the_steps_fit_into_the_minutes_and_the_schedule_ends_with_them() -> None:
    recipe = settled(demo(minutes=3), CPU, LENGTHS, measure=Measuring(fp32=2000, bf16=100))
    total = total_steps(recipe.train, LENGTHS.rows)
    assert total == 180 * 2000 // (64 * 100)
    assert 0 < warmup_steps(recipe.train, total) < total / 5
    rates = [learning_rate(recipe.train, step, total) for step in range(total)]
    assert rates[-1] < 0.01 * max(rates) == pytest.approx(0.01 * recipe.train.learning_rate, rel=0.01)


@pytest.mark.parametrize(("speed", "steps"), [(1, 12), (10_000_000, 157)], ids=["never too few to learn", "one epoch"])
def test_a_slow_machine_takes_a_few_steps_and_a_fast_one_no_more_than_the_epochs(speed: float, steps: int) -> None:
    measure = Measuring(fp32=speed, bf16=0.01)
    assert settled(demo(), CPU, LENGTHS, measure=measure).train.max_steps == steps


def test_a_run_begins_at_the_speed_of_the_moment_and_a_plan_at_the_known_one() -> None:
    quiet, busy = Measuring(fp32=4000, bf16=100), Measuring(fp32=1000, bf16=100)
    place = paths.cache_dir() / "measured" / "processor.json"
    known = settled(demo(), CPU, LENGTHS, measure=quiet).train.max_steps
    assert settled(demo(), CPU, LENGTHS, within=NOW, measure=busy).train.max_steps == known, "a moment ago is now"
    entries = {key: {**entry, "time": entry["time"] - 3600} for key, entry in json.loads(place.read_text()).items()}
    place.write_text(json.dumps(entries))
    assert settled(demo(), CPU, LENGTHS, measure=busy).train.max_steps == known
    assert settled(demo(), CPU, LENGTHS, within=NOW, measure=busy).train.max_steps == pytest.approx(known / 4, abs=1)
    assert busy.asked == [["fp32"]], "only what was chosen is measured again"


def test_what_is_settled_stays_as_it_is() -> None:
    first = settled(demo(), CPU, LENGTHS, measure=Measuring(fp32=900, bf16=100))
    stored = recipe_from(json.loads(json.dumps(recipe_dict(first))))
    assert settled(stored, CPU, LENGTHS, within=NOW, measure=Measuring(fp32=1, bf16=9)) == first


def test_a_plan_tells_what_the_machine_made_of_the_recipe() -> None:
    plan = plan_run(demo(), machine_named("1xT4"))
    assert (plan.asked.model.precision, plan.recipe.model.precision) == ("auto", "fp32")
    assert plan.steps == plan.recipe.train.max_steps
    assert plan.duration.seconds.value <= 180


@pytest.mark.parametrize("name", ["kullm", "koalpaca", "kovicuna"])
def test_the_demos_rows_are_known_before_they_are_tokenised(name: str) -> None:
    from kullm_tui.core.models.resolve import resolve
    from trainer.dataset.tokens import tokenised

    recipe = load_recipe(f"demo-{name}")
    assert recipe.data.source == f"{DEMO}{name}"
    known = recorded_lengths(recipe)
    folder = resolve(recipe.model.base).folder
    assert folder
    found = tokenised(recipe, folder)
    assert known.basis == "recorded"
    assert known.rows == len(found.lengths)
    assert known.mean == pytest.approx(found.lengths.mean(), rel=0.02)
    assert known.trained_share == pytest.approx(found.facts.trained_tokens / found.facts.tokens, abs=0.02)
