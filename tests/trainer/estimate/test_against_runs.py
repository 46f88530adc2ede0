"""What a plan says of a run on this computer's processor, against what the run then took."""

import json
import random
import statistics
from pathlib import Path
from typing import Any

import pytest
import torch

from kullm_tui.core.models.resolve import resolve
from tests.kullm_command import kullm
from tests.tiny_models import Shape, save_model
from trainer.estimate.estimate import fit_of
from trainer.estimate.machines import machine_named
from trainer.estimate.memory import Memory
from trainer.jobs.tokenising import cached_lengths
from trainer.recipe import load_recipe

RECIPE = """
summary = "시험"
summary_en = "a test"
[model]
base = "{base}"
template = "kullm-v2"
precision = "{precision}"
[data]
source = "{data}"
cutoff = 384
[method]
kind = "{method}"
rank = 8
[train]
epochs = 1
batch = 16
micro_tokens = 2048
max_steps = {steps}
"""
_NEAR = 0.15  # what a small process takes varies with its allocator
_SECONDS = 1200  # of a run or a plan that measures: what hangs ends, and no busy machine decides
pytestmark = pytest.mark.timeout(3 * _SECONDS)
SHAPES = {
    "lora-fp32": ("gpt_neox", Shape(hidden=384, layers=8, heads=6), "fp32", "lora"),
    "lora-bf16": ("gpt_neox", Shape(hidden=768, layers=6, heads=12), "bf16", "lora"),
    "lora-gated": ("llama", Shape(hidden=384, layers=8, heads=6), "bf16", "lora"),
    "lora-bf16-deep": ("gpt_neox", Shape(hidden=512, layers=10, heads=8), "bf16", "lora"),
    "lora-gated-fp32": ("llama", Shape(hidden=512, layers=6, heads=8), "fp32", "lora"),
    "full-fp32": ("gpt_neox", Shape(hidden=384, layers=6, heads=6), "fp32", "full"),
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    chance = random.Random(0)
    rows = [
        {"instruction": "글을 이어 쓰세요.", "input": "", "output": "가나다라마바사" * chance.randint(1, 6)}
        for _ in range(160)
    ]
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (home / "data.jsonl").write_text("".join(lines), encoding="utf-8")
    return home


def run(home: Path, name: str, *, steps: int) -> list[dict[str, Any]]:
    family, shape, precision, method = SHAPES[name]
    base = home / f"base-{name}"
    if not base.exists():
        save_model(base, family, shape=shape, dtype=torch.bfloat16)
    data = home / "data.jsonl"
    text = RECIPE.format(base=base, data=data, precision=precision, method=method, steps=steps)
    (home / f"{name}.toml").write_text(text, encoding="utf-8")
    before = set(home.glob("jobs/*/metrics.jsonl"))
    done = kullm(home, "train", f"{name}.toml", "--on", "cpu", seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
    (metrics,) = set(home.glob("jobs/*/metrics.jsonl")) - before
    return [json.loads(line) for line in metrics.read_text().splitlines()]


def planned_memory(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Memory:
    """What `--plan` tells of it, without the speed, which would be measured first."""
    monkeypatch.setenv("KULLM_HOME", str(home))
    recipe = load_recipe(str(home / f"{name}.toml"))
    lengths = cached_lengths(recipe, resolve(recipe.model.base).folder)
    assert lengths is not None, "the run has made its set of tokens"
    return fit_of(recipe, machine_named("cpu"), lengths).memory


def plan(home: Path, name: str) -> dict[str, Any]:
    done = kullm(home, "train", f"{name}.toml", "--plan", "--on", "cpu", "--json", seconds=_SECONDS)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.soak] if name in ("lora-bf16-deep", "lora-gated-fp32") else [])
        for name in SHAPES
    ],
)
def test_the_peak_of_a_run_is_near_the_plans(home: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = run(home, name, steps=6)
    peak = max(row["memory_bytes"] for row in rows)
    memory = planned_memory(home, name, monkeypatch)
    parts = ", ".join(f"{part} {figure.value / 1e6:.0f}" for part, figure in memory.parts.items())
    print(f"\n{name}: {peak / 1e6:.0f} MB, planned {memory.total / peak - 1:+.1%} ({parts})")
    assert memory.total == pytest.approx(peak, rel=_NEAR)


@pytest.mark.soak
@pytest.mark.parametrize("name", list(SHAPES))
def test_the_time_of_a_run_is_near_the_plans(home: Path, name: str) -> None:
    facts = plan(home, name) if (home / f"{name}.toml").exists() else None
    rows = run(home, name, steps=10)
    facts = facts or plan(home, name)
    assert facts["tokens_per_second"]["basis"] == "measured"
    speed = statistics.median(row["tokens_per_s"] for row in rows[2:])
    print(f"\n{name}: {speed:.0f} tokens/s, planned {facts['tokens_per_second']['value'] / speed - 1:+.1%}")
    assert facts["tokens_per_second"]["value"] == pytest.approx(speed, rel=0.3)
