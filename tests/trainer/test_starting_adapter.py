"""An adapter that training starts from: its values are where it starts, and one that does not belong there is refused, with why."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kullm_tui.core.errors import AdapterError, ConfigError, KullmError
from tests.tiny_models import Shape, save_ia3, save_lora, save_model
from tests.trainer.examples import a_recipe, a_run, tiny_base
from trainer.jobs.payload import payload_of
from trainer.jobs.prepare_here import require_base
from trainer.loop import train
from trainer.recipe import Recipe, recipe_with


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("start") / "base")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    return save_lora(tmp_path / "sft", base, rank=4)


def started(base: Path, adapter: Path | str, *more: str) -> Recipe:
    return recipe_with(a_recipe(base), [f"model.adapter={adapter}", "model.template=plain", *more])


def changed(adapter: Path, **options: Any) -> Path:
    file = adapter / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **options}))
    return adapter


def stored(adapter: Path) -> dict[str, torch.Tensor]:
    found = load_file(adapter / "adapter_model.safetensors")
    return {
        name.removeprefix("base_model.model.").replace(".weight", ".default.weight"): tensor
        for name, tensor in found.items()
    }


@pytest.mark.parametrize("save", [save_lora, save_ia3])
def test_training_starts_where_the_adapter_ended(base: Path, tmp_path: Path, save: Callable[..., Path]) -> None:
    adapter = save(tmp_path / "sft", base)
    run = a_run(started(base, adapter), tmp_path / "run")
    begun = {name: p.detach().clone() for name, p in run.forward.trainable.parameters.items()}
    expected = load_file(adapter / "adapter_model.safetensors")
    assert len(begun) == len(expected)
    assert sorted(float(p.sum()) for p in begun.values()) == sorted(float(p.sum()) for p in expected.values())
    if save is save_lora:
        assert all(torch.equal(begun[name], tensor) for name, tensor in stored(adapter).items())
    assert train(run) == "done"


def test_an_adapter_that_is_not_there_is_named(base: Path) -> None:
    with pytest.raises(AdapterError, match="gone-adapter"):
        require_base(started(base, "gone-adapter"))


def test_an_adapter_of_another_base_or_template_is_refused_with_what_to_set(
    base: Path, adapter: Path, tmp_path: Path
) -> None:
    require_base(started(base, adapter))
    other = tiny_base(tmp_path / "other")
    with pytest.raises(AdapterError, match=f"model.base={base}"):
        require_base(started(other, adapter))
    (adapter / "kullm.toml").write_text(f'template = "koalpaca-v1.1"\nbase = "{base}"\n')
    with pytest.raises(ConfigError, match=r"model\.template=koalpaca-v1\.1"):
        require_base(started(base, adapter))
    require_base(started(base, adapter, "model.template=profile"))  # the adapter's own


def test_an_adapter_of_another_shape_is_refused_before_anything_is_trained(adapter: Path, tmp_path: Path) -> None:
    wider = save_model(tmp_path / "wider", shape=Shape(hidden=128))
    with pytest.raises(AdapterError, match="cannot start from the adapter sft"):
        a_run(started(wider, adapter), tmp_path / "run")


@pytest.mark.parametrize(
    "options", [{"use_rslora": True}, {"rank_pattern": {"dense": 8}}, {"peft_type": "VERA"}, {"target_modules": "all"}]
)
def test_what_this_trainer_does_not_train_is_refused_by_name(
    base: Path, adapter: Path, options: dict[str, Any]
) -> None:
    with pytest.raises(KullmError, match=next(iter(options)) if "peft_type" not in options else "VERA"):
        require_base(started(base, changed(adapter, **options)))


def test_the_adapter_travels_with_its_job_and_the_demos_own_does_not(base: Path, adapter: Path) -> None:
    recipe = started(base, adapter)
    payload = payload_of(recipe)
    tree = payload.tree("adapter")
    assert tree is not None
    assert {file.path for file in tree.files} >= {"adapter_config.json", "adapter_model.safetensors"}
    assert payload.recipe_there("/there").model.adapter == tree.place("/there")
    shutil.rmtree(adapter)
    assert payload_of(started(base, "demo-kullm")).tree("adapter") is None
