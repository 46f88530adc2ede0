"""The reference of a preference tuning: what the weights at the start say, once, and found again by content alone."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny_models import save_lora
from tests.trainer.examples import a_preference, a_preference_run, a_recipe, a_run, made_up_pairs, tiny_base
from tests.trainer.pair_oracle import log_probabilities, tuned_base
from trainer.loop import train
from trainer.preference import Preference
from trainer.recipe import Recipe, recipe_with
from trainer.reference import ComparedSet, with_reference
from trainer.run import TrainingRun


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("reference") / "base")


@pytest.fixture(scope="module")
def adapters(base: Path) -> list[Path]:
    return [save_lora(base.parent / f"sft-{seed}", base, rank=4, seed=seed, strength=0.1) for seed in (1, 2)]


def started(base: Path, adapter: Path | None = None, **training: Any) -> Recipe:
    recipe = a_preference(a_recipe(base, **training))
    return recipe_with(recipe, [f"model.adapter={adapter}", "model.template=plain"]) if adapter else recipe


def values(run: TrainingRun) -> torch.Tensor:
    assert isinstance(run.examples, ComparedSet)
    return torch.from_numpy(run.examples.values)


def stored(home: Path) -> list[Path]:
    return sorted(home.rglob("reference/*.npy"))


@pytest.mark.parametrize("packing", [True, False])
@pytest.mark.parametrize("from_adapter", [False, True], ids=["fresh", "from an adapter"])
def test_it_is_what_the_weights_at_the_start_say_the_adapter_among_them(
    base: Path, adapters: list[Path], tmp_path: Path, from_adapter: bool, packing: bool
) -> None:
    """The trap of the reference: the base below an adapter that training starts from says something else."""
    recipe = started(base, adapters[0] if from_adapter else None, packing=packing)
    found = values(a_preference_run(recipe, tmp_path / "run"))
    with torch.no_grad():
        expected = log_probabilities(made_up_pairs(), tuned_base(recipe))
        of_base = log_probabilities(made_up_pairs(), tuned_base(started(base)))
    torch.testing.assert_close(found.float(), expected, atol=1e-3, rtol=1e-5)
    assert (float((found - of_base).abs().mean()) > 0.05) == from_adapter


def test_it_is_computed_once_and_found_by_content(base: Path, adapters: list[Path], tmp_path: Path, home: Path) -> None:
    first = values(a_preference_run(started(base, adapters[0]), tmp_path / "first"))
    (place,) = stored(home)
    forwards: list[int] = []
    again = a_run(started(base, adapters[0], learning_rate=1.0), tmp_path / "again", rows=made_up_pairs())
    again.forward.trainable.body.register_forward_hook(lambda *_: forwards.append(1))
    found = with_reference(again)
    assert found is not None
    assert torch.equal(values(found), first)
    assert not forwards
    for number, recipe in enumerate((started(base, adapters[1]), started(base)), start=2):
        assert not torch.equal(values(a_preference_run(recipe, tmp_path / str(number))), first)
        assert len(stored(home)) == number
    assert place in stored(home)


def test_a_run_that_has_moved_goes_on_from_the_reference_of_its_start(base: Path, tmp_path: Path, home: Path) -> None:
    recipe = started(base, epochs=1)
    run = a_preference_run(recipe, tmp_path / "run")
    train(run)
    (place,) = stored(home)
    place.unlink()
    resumed = a_preference_run(recipe, tmp_path / "run")
    assert torch.equal(values(resumed), values(run))


def test_other_content_of_the_adapter_is_other_data_to_a_checkpoint(
    base: Path, adapters: list[Path], tmp_path: Path
) -> None:
    runs = [a_preference_run(started(base, adapter), tmp_path / adapter.name) for adapter in adapters]
    assert runs[0].digests.data != runs[1].digests.data
    assert a_preference_run(started(base), tmp_path / "fresh").digests.data == made_up_pairs().digest


def test_a_run_that_is_to_stop_computes_no_further(base: Path, tmp_path: Path, home: Path) -> None:
    recipe = started(base, micro_tokens=16)
    asked: Iterator[int] = iter(range(100))
    run = a_run(recipe, tmp_path / "run", rows=made_up_pairs(), objective=Preference(recipe.preference))
    assert with_reference(replace(run, stopping=lambda: next(asked) >= 3)) is None
    assert next(asked) < 10
    assert not stored(home)
