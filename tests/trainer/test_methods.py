"""Every method and precision trains what it should, and nothing else; what cannot train is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch

from kullm_tui.core.errors import ConfigError
from tests.trainer.examples import a_recipe, a_run, largest_difference, made_up_rows, tiny_base, trained_weights
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.model.base import trainable_model
from trainer.recipe import Method

CPU = torch.device("cpu")
LORA, IA3, WHOLE = Method(kind="lora", rank=4, alpha=8.0), Method(kind="ia3"), Method(kind="full")
PROMPTS = Method(kind="llama-adapter", adapter_len=4, adapter_layers=2)


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("methods")
    return {family: tiny_base(folder / family, family) for family in ("gpt_neox", "llama")}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))


CASES = [
    ("gpt_neox", LORA, "fp32"),
    ("gpt_neox", LORA, "bf16"),
    ("gpt_neox", LORA, "8bit"),
    ("gpt_neox", LORA, "4bit"),
    ("gpt_neox", Method(kind="lora", rank=4, dropout=0.1), "bf16"),
    ("gpt_neox", IA3, "fp32"),
    ("gpt_neox", IA3, "bf16"),
    ("gpt_neox", IA3, "4bit"),
    ("llama", PROMPTS, "fp32"),
    ("llama", PROMPTS, "bf16"),
    ("gpt_neox", WHOLE, "fp32"),
    ("gpt_neox", WHOLE, "bf16"),
]


@pytest.mark.parametrize(("family", "method", "precision"), CASES)
def test_the_loss_falls_and_the_frozen_base_stays(
    bases: dict[str, Path], tmp_path: Path, family: str, method: Method, precision: Any
) -> None:
    rate = 3e-3 if method is WHOLE else 5e-2
    recipe = a_recipe(bases[family], method=method, precision=precision, epochs=6, learning_rate=rate)
    run = a_run(recipe, tmp_path / "run", rows=made_up_rows(8))
    trainable = run.forward.trainable
    frozen = {name: p.detach().clone() for name, p in trainable.model.named_parameters() if not p.requires_grad}
    before = trained_weights(trainable)
    assert run.forward.packs
    assert {parameter.dtype for parameter in trainable.parameters.values()} == {torch.float32}
    assert bool(frozen) == (method.kind != "full")
    assert train(run) == "done"
    losses = [row["loss"] for row in read_rows(run.folder.metrics)]
    assert losses[-1] < losses[0] - (0.04 if method is PROMPTS else 0.1)  # its gates begin at zero
    assert all(not torch.equal(before[name], after) for name, after in trained_weights(trainable).items())
    for name, parameter in trainable.model.named_parameters():
        if name in frozen:
            assert torch.equal(parameter, frozen[name]), name


def test_quantised_bases_train_what_the_plain_base_trains(bases: dict[str, Path], tmp_path: Path) -> None:
    """The same run in three precisions ends near the same loss: quantisation is noise, not another model."""
    last = {}
    for precision in ("fp32", "8bit", "4bit"):
        recipe = a_recipe(bases["gpt_neox"], precision=precision, epochs=6, learning_rate=2e-2)
        run = a_run(recipe, tmp_path / precision, rows=made_up_rows(8))
        train(run)
        last[precision] = [row["loss"] for row in read_rows(run.folder.metrics)][-1]
    assert last["8bit"] == pytest.approx(last["fp32"], rel=0.05)
    assert last["4bit"] == pytest.approx(last["fp32"], rel=0.2)


def test_llama_adapter_names_the_architectures_that_have_it(bases: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"gpt_neox.*llama, mistral, gpt2"):
        trainable_model(a_recipe(bases["gpt_neox"], method=PROMPTS), CPU)


def test_layers_that_are_not_there_are_named(bases: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="c_proj"):
        trainable_model(a_recipe(bases["gpt_neox"], method=Method(kind="lora", targets=("c_proj",))), CPU)


@pytest.mark.parametrize("precision", ["8bit", "4bit"])
def test_quantised_weights_are_not_trained_whole(bases: dict[str, Path], precision: Any) -> None:
    with pytest.raises(ConfigError, match=precision):
        trainable_model(a_recipe(bases["gpt_neox"], method=WHOLE, precision=precision), CPU)


def test_training_whole_leaves_the_bases_files_alone(bases: dict[str, Path], tmp_path: Path) -> None:
    file = bases["gpt_neox"] / "model.safetensors"
    before = file.read_bytes()
    train(a_run(a_recipe(bases["gpt_neox"], method=WHOLE), tmp_path / "run"))
    assert file.read_bytes() == before


def test_scratch_needs_no_weights_and_follows_the_seed(bases: dict[str, Path], tmp_path: Path) -> None:
    import shutil
    from dataclasses import replace

    shapes = tmp_path / "shapes"
    shutil.copytree(bases["gpt_neox"], shapes, ignore=shutil.ignore_patterns("*.safetensors"))
    recipe = a_recipe(shapes, method=WHOLE)
    scratch = replace(recipe, model=replace(recipe.model, init="scratch"))
    first, again = (trained_weights(trainable_model(scratch, CPU)) for _ in range(2))
    assert largest_difference(first, again) == 0
    other = replace(scratch, train=replace(scratch.train, seed=7))
    assert largest_difference(first, trained_weights(trainable_model(other, CPU))) > 1e-3
