"""A bf16 base on a processor without products of bf16: two bytes a weight, fp32 arithmetic, and the gradients of its fp32 copy."""

from pathlib import Path

import pytest
import torch

from kullm_tui.core.processor import machine_level
from tests.trainer.examples import a_recipe, a_run, tiny_base
from trainer.arithmetic import arithmetic_here
from trainer.estimate.machines import machine_named
from trainer.estimate.memory import memory_of
from trainer.estimate.shape import shape_of_folder
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.model.base import trainable_model
from trainer.recipe import Method

CPU = torch.device("cpu")
FAMILIES = ["gpt_neox", "llama"]


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("wide")
    return {family: tiny_base(folder / family, family, dtype=torch.bfloat16) for family in FAMILIES}


@pytest.fixture(autouse=True)
def _without_bf16_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_PROCESSOR", "plain")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", [Method(rank=4), Method(kind="ia3"), Method(kind="full")], ids=lambda m: m.kind)
def test_it_trains_as_its_fp32_copy(bases: dict[str, Path], tmp_path: Path, family: str, method: Method) -> None:
    told = []
    for precision in ("bf16", "fp32"):
        recipe = a_recipe(bases[family], precision=precision, method=method, max_steps=3, learning_rate=1e-3)
        run = a_run(recipe, tmp_path / precision)
        assert train(run) == "done"
        told.append([(row["loss"], row["grad_norm"]) for row in read_rows(run.folder.metrics)])
    ours, theirs = told
    assert len(ours) == 3
    for row, other in zip(ours, theirs, strict=True):
        assert row == pytest.approx(other, rel=1e-3)  # LoRA's first weights are drawn in the base's type


@pytest.mark.parametrize("family", FAMILIES)
def test_its_matrices_stay_two_bytes_a_number(bases: dict[str, Path], family: str) -> None:
    trainable = trainable_model(a_recipe(bases[family], precision="bf16"), CPU)
    matrices = [p for p in trainable.model.parameters() if p.dim() > 1 and not p.requires_grad]
    assert matrices
    assert {p.dtype for p in matrices} == {torch.bfloat16}
    ids = torch.arange(8)[None]
    with torch.no_grad(), trainable.computing():
        assert trainable.body(input_ids=ids, use_cache=False).last_hidden_state.dtype == torch.float32


def test_a_processor_with_bf16_arithmetic_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [arithmetic_here(precision) for precision in ("fp32", "bf16", "4bit")] == ["fp32", "fp32", "bf16"]
    monkeypatch.delenv("KULLM_PROCESSOR")
    has_it = machine_level() == "avx512-bf16"
    assert arithmetic_here("bf16") == ("bf16" if has_it else "fp32")


def test_the_plans_memory_is_that_of_a_narrow_base_and_wide_arithmetic(bases: dict[str, Path]) -> None:
    shape, cpu = shape_of_folder(bases["gpt_neox"]), machine_named("cpu")
    narrow, wide = (a_recipe(bases["gpt_neox"], precision=precision) for precision in ("bf16", "fp32"))
    ours, theirs = (memory_of(recipe, shape, cpu, tokens=256, labelled=100).parts for recipe in (narrow, wide))
    assert ours["base"].value == theirs["base"].value / 2
    assert ours["activations"] == theirs["activations"]
    assert ours["passing"].value >= theirs["passing"].value
