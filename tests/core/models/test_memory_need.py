"""One estimate of memory: what the list of models says of one is what the plan of a comparison and the engine go by."""

import json
from pathlib import Path
from typing import get_args

import pytest
import torch

from kullm_tui.core.compare.schedule import plan_contest
from kullm_tui.core.config.settings import Config, EngineSettings, Precision
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.catalogue import Entry, catalogue
from kullm_tui.core.models.memory_need import budget_of, memory_need
from kullm_tui.core.models.profiles import save_profile
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.engine.memory import least_need
from kullm_tui.weights.footprint import footprint
from tests.tiny_models import Shape, save_model

GB = 1_000_000_000
AMPLE = Memory("cpu", 64 * GB, 64 * GB)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    return tmp_path


def model_of(folder: Path, size: int) -> str:
    """A checkpoint as far as the disk shows: in bf16, with embeddings that hardly count."""
    folder.mkdir(parents=True)
    facts = {"model_type": "gpt_neox", "dtype": "bfloat16", "vocab_size": 500, "hidden_size": 64, "eos_token_id": 0}
    shape = {"num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 256}
    (folder / "config.json").write_text(json.dumps(facts | shape))
    with (folder / "model.safetensors").open("wb") as weights:
        weights.truncate(size)
    return str(folder)


def listed(name: str, memory: Memory = AMPLE, **engine: object) -> Entry:
    config = Config(engine=EngineSettings(device="cpu", **engine))  # type: ignore[arg-type]
    return next(entry for entry in catalogue(memory, config) if entry.name == name)


def together(*names: str, **engine: object) -> bool:
    config = Config(engine=EngineSettings(device="cpu", **engine))  # type: ignore[arg-type]
    return plan_contest(list(map(Contestant, names)), config).together


def test_a_model_of_ones_own_that_the_plan_knows_the_list_knows_too(home: Path) -> None:
    """The list once knew what a profile states alone, and said nothing of a folder."""
    save_profile("mine", {"folder": model_of(home / "mine", 4 * GB), "template": "plain"})
    entry = listed("mine")
    assert entry.need is not None
    assert entry.need == memory_need(resolve("mine").profile, "4bit", [])
    assert (entry.fit, listed("mine", Memory("cpu", GB, GB)).fit) == ("fits", "too-large")


@pytest.mark.parametrize(("precision", "fit"), [("4bit", "fits"), ("bf16", "too-large")])
def test_the_list_counts_in_the_precision_that_the_engine_loads(precision: str, fit: str) -> None:
    """It once said of every model what it needs in 4-bit, though the plan and the engine go by the settings."""
    eight = Memory("cpu", 8 * GB, 8 * GB)
    assert listed("kullm-5.8b", eight, precision=precision).fit == fit


@pytest.mark.parametrize(("allowed", "fit"), [(6.0, "fits"), (3.5, "too-large")])
def test_the_list_keeps_to_the_memory_that_the_settings_allow(allowed: float, fit: str) -> None:
    """It once called fitting what the engine then refuses, since `engine.memory_gb` allows it less than the machine has."""
    entry = listed("kullm-5.8b", memory_gb=allowed)
    assert (entry.fit, entry.most) == (fit, int(allowed * GB))


def test_the_plan_counts_the_context_of_what_is_not_downloaded_as_the_list_does() -> None:
    """It once counted the weights alone, and asked for two at once that the list would not have let in."""
    needs = [listed(name).need or 0 for name in ("kullm-5.8b", "koalpaca-5.8b")]
    assert together("kullm-5.8b", "koalpaca-5.8b", memory_gb=sum(needs) / GB + 0.1)
    assert not together("kullm-5.8b", "koalpaca-5.8b", memory_gb=sum(needs) / GB - 0.1)


def test_an_adapter_needs_its_base(home: Path) -> None:
    base = model_of(home / "base", 4 * GB)
    save_profile("over", {"folder": str(home / "adapter"), "kind": "adapter", "base": base})
    assert listed("over").need == memory_need(resolve(base).profile, "4bit", [])


@pytest.mark.parametrize("precision", get_args(Precision))
@pytest.mark.parametrize("family", ["gpt_neox", "llama", "falcon", "mpt"])
def test_the_estimate_is_near_what_the_engine_counts(home: Path, family: str, precision: Precision) -> None:
    folder = save_model(home / "model", family, shape=Shape(hidden=256, layers=4), dtype=torch.bfloat16)
    profile = resolve(str(folder)).profile
    counted = least_need(footprint(folder, precision, torch.device("cpu")), profile.context)
    assert memory_need(profile, precision, []) == pytest.approx(counted, rel=0.15)


def test_what_models_may_take_is_said_once() -> None:
    """Where the settings say nothing: of what is free, after the engine itself has its part."""
    assert budget_of(EngineSettings(), Memory("cpu", 20 * GB, 10 * GB)) == int(9.5 * GB * 0.9)
    assert budget_of(EngineSettings(), Memory("cpu", 20 * GB, 10 * GB), idle=True) == int(19.5 * GB * 0.9)
    assert budget_of(EngineSettings(), Memory("cpu", 20 * GB, None)) == int(19.5 * GB * 0.9)
    assert budget_of(EngineSettings(), Memory("cpu", 1000, 1000)) == 0
