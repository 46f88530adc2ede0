"""What a run leaves behind, opened by those who will use it."""

import json
import tomllib
from pathlib import Path

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.records import Message
from kullm_tui.core.templates.registry import template_named
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.loading import load_model
from tests.trainer.examples import a_recipe, a_run, made_up_rows, tiny_base
from trainer.export import export
from trainer.loop import train
from trainer.recipe import Method
from trainer.run import TrainingRun

CPU = torch.device("cpu")
IDS = torch.tensor([[5, 80, 17, 200, 9, 31]])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("export") / "base")


def trained(base: Path, folder: Path, method: Method) -> tuple[TrainingRun, Path]:
    recipe = a_recipe(base, method=method, learning_rate=5e-2 if method.kind != "full" else 3e-3)
    run = a_run(recipe, folder, rows=made_up_rows(8))
    train(run)
    return run, export(run.folder, recipe, run.forward.trainable, step=2, template="kullm-v2")


@torch.no_grad()
def logits(run: TrainingRun) -> torch.Tensor:
    trainable = run.forward.trainable
    with trainable.evaluating():
        found: torch.Tensor = trainable.model(input_ids=IDS).logits
    return found


METHODS = [Method(kind="lora", rank=4, alpha=8.0), Method(kind="ia3")]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.kind)
def test_plain_peft_and_the_engine_load_the_adapter_and_answer_alike(
    base: Path, tmp_path: Path, method: Method
) -> None:
    run, folder = trained(base, tmp_path / "run", method)
    expected = logits(run)
    loaded = peft.AutoPeftModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(input_ids=IDS).logits, expected, atol=1e-5, rtol=1e-5)
    model = load_model(base, precision="fp32", device=CPU, progress=lambda _: None, cancelled=lambda: False).model
    with torch.no_grad():
        plain = model(input_ids=IDS).logits
    rack = AdapterRack(model)
    rack.attach("mine", folder)
    with torch.no_grad(), rack.rows("mine"):
        torch.testing.assert_close(model(input_ids=IDS).logits, expected, atol=1e-5, rtol=1e-5)
    assert (plain - expected).abs().max() > 0.1


def test_the_adapter_folder_holds_all_that_is_needed_to_speak_to_it(base: Path, tmp_path: Path) -> None:
    _, folder = trained(base, tmp_path / "run", METHODS[0])
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == str(base)
    assert tomllib.loads((folder / "kullm.toml").read_text()) == {"template": "kullm-v2", "base": str(base)}
    assert (folder / "adapter_model.safetensors").is_file()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["step"] == 2
    assert set(manifest["files"]) == {path.name for path in folder.iterdir()} - {"manifest.json"}
    profile = resolve(str(folder)).profile
    assert (profile.kind, profile.template, profile.base) == ("adapter", "kullm-v2", str(base))


def test_the_chat_template_that_goes_along_writes_the_prompt_that_was_trained(base: Path, tmp_path: Path) -> None:
    _, folder = trained(base, tmp_path / "run", METHODS[0])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = [{"role": "user", "content": "수도는 어디인가요?"}]
    written = tokenizer.apply_chat_template(asked, tokenize=False, add_generation_prompt=True)
    messages = (Message("user", "수도는 어디인가요?"),)
    assert written == template_named("kullm-v2").render(messages, eos_token=tokenizer.eos_token).text
    assert "### 명령어:" in written


def test_llama_adapter_is_saved_as_peft_reads_it(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base", "llama")
    run, folder = trained(base, tmp_path / "run", Method(kind="llama-adapter", adapter_len=4))
    loaded = peft.AutoPeftModelForCausalLM.from_pretrained(folder).eval()
    with torch.no_grad():
        torch.testing.assert_close(loaded(input_ids=IDS).logits, logits(run), atol=1e-5, rtol=1e-5)


def test_a_model_trained_whole_loads_in_transformers_and_in_the_engine(base: Path, tmp_path: Path) -> None:
    run, folder = trained(base, tmp_path / "run", Method(kind="full"))
    expected = logits(run)
    engine = load_model(folder, precision="fp32", device=CPU, progress=lambda _: None, cancelled=lambda: False).model
    for model in (AutoModelForCausalLM.from_pretrained(folder), engine):
        with torch.no_grad():
            torch.testing.assert_close(model(input_ids=IDS).logits, expected, atol=1e-5, rtol=1e-5)
    assert tomllib.loads((folder / "kullm.toml").read_text()) == {"template": "kullm-v2"}
    profile = resolve(str(folder)).profile
    assert (profile.kind, profile.template) == ("weights", "kullm-v2")


def test_an_export_replaces_the_one_before_whole(base: Path, tmp_path: Path) -> None:
    run, folder = trained(base, tmp_path / "run", METHODS[0])
    (folder / "left over").write_text("from before")
    export(run.folder, run.recipe, run.forward.trainable, step=9, template="plain")
    assert not (folder / "left over").exists()
    assert json.loads((folder / "manifest.json").read_text())["step"] == 9
    assert not run.folder.artifacts.with_name("artifacts.partial").exists()
