"""MFU: operations needed over operations possible, and no figure where the device's rate is not known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kullm_tui.core.paths import cache_dir
from tests.tiny_models import save_model
from tests.trainer.examples import a_recipe, a_run, tiny_base
from trainer.estimate.machines import known_gpus, machine_named, processor_name
from trainer.estimate.shape import shape_of_folder
from trainer.estimate.time import duration_of, flops_per_token
from trainer.estimate.tokens import Lengths
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method
from trainer.utilisation import rate_of_cards, rate_of_processor, share_of_a_token

LENGTHS = Lengths(rows=100, mean=200.0, mean_square=0.0, longest=512, trained_share=0.5, basis="measured")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))


def test_lora_needs_four_operations_a_weight_and_six_a_trained_one(tmp_path: Path) -> None:
    base = save_model(tmp_path / "base")
    config = json.loads((base / "config.json").read_text())
    d, layers, vocabulary = config["hidden_size"], config["num_hidden_layers"], config["vocab_size"]
    inner = config["intermediate_size"]
    weights = layers * (4 * d * d + 2 * d * inner)
    trained = layers * 4 * (3 * d + d)  # rank 4 on query_key_value
    needed = 4 * (weights + 0.5 * vocabulary * d) + 6 * trained
    recipe = a_recipe(base, method=Method(kind="lora", rank=4))
    share = share_of_a_token(recipe, base, LENGTHS, 2e9)
    assert share == pytest.approx(needed / 2e9)
    recomputing = replace(recipe, train=replace(recipe.train, recompute=1.0))
    assert share_of_a_token(recomputing, base, LENGTHS, 2e9) == share  # work done twice is no more work done
    assert flops_per_token(recomputing, shape_of_folder(base), LENGTHS) > needed


def test_a_known_card_has_its_tabulated_rate_in_bf16_and_in_nothing_else(tmp_path: Path) -> None:
    bf16, fp32 = (a_recipe(tmp_path, precision=precision) for precision in ("bf16", "fp32"))
    assert rate_of_cards("NVIDIA A100-SXM4-80GB", 4, bf16) == 4 * known_gpus()["A100-80GB"].bf16_flops
    assert rate_of_cards("NVIDIA A100-SXM4-80GB", 4, fp32) is None
    assert rate_of_cards("a card that nobody knows", 1, bf16) is None


def test_a_processor_has_the_rate_that_was_measured_on_it(tmp_path: Path) -> None:
    four, fp32 = (a_recipe(tmp_path, precision=precision) for precision in ("4bit", "fp32"))
    assert rate_of_processor(four) is None
    place = cache_dir() / "measured" / "processor.json"
    place.parent.mkdir()
    measured = {
        f"{processor_name()}, 1": {"arithmetic": "bf16", "flops": 3e11, "block": 1, "rest": 1, "tokens": 8},
        f"{processor_name()}, 2": {"arithmetic": "bf16", "flops": 4e11, "block": 1, "rest": 1, "tokens": 8},
        f"{processor_name()}, 3": {"block": 1, "rest": 1, "tokens": 8},
        "another processor, 64, 1": {"arithmetic": "bf16", "flops": 9e12, "block": 1, "rest": 1, "tokens": 8},
    }
    place.write_text(json.dumps(measured))
    assert rate_of_processor(four) == 4e11
    assert rate_of_processor(fp32) is None
    place.write_text("[]")
    assert rate_of_processor(four) is None


def test_what_a_plan_measures_here_is_such_a_rate(tmp_path: Path) -> None:
    recipe = a_recipe(save_model(tmp_path / "base"), precision="fp32")
    shape = shape_of_folder(tmp_path / "base")
    duration = duration_of(recipe, shape, LENGTHS, machine_named("cpu"), tokens=1000)
    assert duration.tokens_per_second.basis == "measured"
    rate = rate_of_processor(recipe)
    assert rate is not None
    assert 1e8 < rate < 1e14


def test_a_row_has_it_where_the_rate_is_known_and_else_does_not(tmp_path: Path) -> None:
    recipe = a_recipe(tiny_base(tmp_path / "base"), max_steps=2)
    train(a_run(recipe, tmp_path / "known", mfu_of_a_token=1e-6))
    train(a_run(recipe, tmp_path / "unknown"))
    for row in read_rows(tmp_path / "known" / "metrics.jsonl"):
        assert row["mfu"] == pytest.approx(1e-6 * row["tokens_per_s"], abs=1e-4)
        assert row["mfu"] > 0
    assert all("mfu" not in row for row in read_rows(tmp_path / "unknown" / "metrics.jsonl"))
