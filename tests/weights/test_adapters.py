import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from kullm_tui.core.config.settings import Precision
from kullm_tui.core.errors import AdapterError
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.packed import runs_packed
from tests import tiny_models
from tests.tiny_models import in_four_bits
from tests.weights.conftest import CPU, IDS, Load, assert_as_exact, logits_of

pytestmark = pytest.mark.filterwarnings(
    "ignore:.*is_gradient_checkpointing.*:FutureWarning", "ignore:fan_in_fan_out is set:UserWarning"
)

ROWS = ["A", "I", None, "B", "A"]


class Workshop:
    """A base with two LoRA adapters and an IA3 one."""

    def __init__(self, folder: Path, family: str) -> None:
        self.base = tiny_models.save_model(folder / "polyglot-tiny", family)
        self.folders = {
            "A": tiny_models.save_lora(folder / "A", self.base, seed=1),
            "B": tiny_models.save_lora(folder / "B", self.base, seed=2, rank=2),
            "I": tiny_models.save_ia3(folder / "I", self.base),
        }

    def plain(self, name: str | None, **settings: Any) -> torch.Tensor:
        """The logits by peft on a model of its own."""
        if name is None:
            return logits_of(AutoModelForCausalLM.from_pretrained(self.base, **settings).eval())
        return logits_of(AutoPeftModelForCausalLM.from_pretrained(self.folders[name], **settings).eval())

    def rack(self, model: Any, *names: str) -> AdapterRack:
        rack = AdapterRack(model)
        for name in names:
            rack.attach(name, self.folders[name])
        return rack


@pytest.fixture(scope="module", params=["gpt_neox", "llama", "gpt2"])
def workshop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    with pytest.warns() if request.param == "gpt2" else _quiet():
        return Workshop(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def neox_workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    with _quiet():
        return Workshop(tmp_path_factory.mktemp("neox"), "gpt_neox")


def _quiet() -> Any:
    import warnings

    return warnings.catch_warnings(action="ignore")


def _with(rack: AdapterRack, names: Any, model: Any, ids: torch.Tensor = IDS) -> torch.Tensor:
    with rack.rows(names):
        return logits_of(model, ids)


def test_adapters_in_turn_and_side_by_side_equal_plain_peft(workshop: Workshop, load: Load) -> None:
    expected = {name: workshop.plain(name, dtype=torch.float32) for name in ("A", "B", "I", None)}
    assert (expected["A"] - expected["B"]).abs().max() > 0.1
    model = load(workshop.base, "fp32").model
    rack = workshop.rack(model, "A", "B", "I")
    for name in ("A", "B", "A", None, "I", "A"):
        torch.testing.assert_close(_with(rack, name, model), expected[name], atol=1e-5, rtol=0)
    together = _with(rack, ROWS, model, IDS.repeat(len(ROWS), 1))
    for row, name in zip(together, ROWS, strict=True):
        torch.testing.assert_close(row, expected[name][0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("family", ["falcon", "mpt", "opt", "gpt_neo", "codegen", "stablelm"])
def test_lora_equals_plain_peft_whatever_the_layers_are_called(family: str, tmp_path: Path, load: Load) -> None:
    base = tiny_models.save_model(tmp_path / family, family)
    folder = tiny_models.save_lora(tmp_path / "A", base)
    adapted = logits_of(AutoPeftModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval())
    model = load(base, "fp32").model
    plain = logits_of(model)
    rack = AdapterRack(model)
    rack.attach("A", folder)
    assert (adapted - plain).abs().max() > 0.1
    together = _with(rack, ["A", None], model, IDS.repeat(2, 1))
    torch.testing.assert_close(together, torch.cat([adapted, plain]), atol=1e-5, rtol=0)


def test_on_four_bits_lora_equals_plain_peft(neox_workshop: Workshop, load: Load) -> None:
    model = load(neox_workshop.base, "4bit").model
    rack = neox_workshop.rack(model, "A", "B", "I")
    theirs, exact = (
        {name: neox_workshop.plain(name, **in_four_bits(dtype))[0] for name in ("A", "B", None)}
        for dtype in (torch.bfloat16, torch.float32)
    )
    together = _with(rack, ROWS, model, IDS.repeat(len(ROWS), 1))
    for row, name in zip(together, ROWS, strict=True):
        if name == "I":  # plain peft cannot run IA3 on 4 bits with bf16 norms: that row is compared with itself alone
            torch.testing.assert_close(row, _with(rack, "I", model)[0], atol=0.05, rtol=0)
        else:
            assert_as_exact(row, theirs[name], exact[name], atol=0.05)


@pytest.mark.parametrize("precision", ["bf16", "8bit"])
def test_rows_side_by_side_stay_near_each_alone(precision: Precision, neox_workshop: Workshop, load: Load) -> None:
    model = load(neox_workshop.base, precision).model
    rack = neox_workshop.rack(model, "A", "B", "I")
    together = _with(rack, ROWS, model, IDS.repeat(len(ROWS), 1))
    for row, name in zip(together, ROWS, strict=True):
        torch.testing.assert_close(row, _with(rack, name, model)[0], atol=0.2, rtol=0)


def test_greedy_text_with_an_adapter_equals_plain_peft(neox_workshop: Workshop, load: Load) -> None:
    plain = AutoPeftModelForCausalLM.from_pretrained(neox_workshop.folders["A"], dtype=torch.float32).eval()
    model = load(neox_workshop.base, "fp32").model
    rack = neox_workshop.rack(model, "A", "B")
    settings = {"max_new_tokens": 24, "do_sample": False, "pad_token_id": 0, "attention_mask": torch.ones_like(IDS)}
    with rack.rows("A"):
        ours = model.generate(IDS, **settings)
    assert torch.equal(ours, plain.generate(input_ids=IDS, **settings))


def test_a_single_name_serves_any_number_of_rows(neox_workshop: Workshop, load: Load) -> None:
    model = load(neox_workshop.base, "fp32").model
    rack = neox_workshop.rack(model, "A")
    one = _with(rack, "A", model)
    torch.testing.assert_close(_with(rack, "A", model, IDS.repeat(3, 1))[2], one[0], atol=1e-5, rtol=0)


def test_outside_rows_and_in_other_threads_the_base_answers(neox_workshop: Workshop, load: Load) -> None:
    model = load(neox_workshop.base, "fp32").model
    base = logits_of(model)
    rack = neox_workshop.rack(model, "A")
    elsewhere: list[torch.Tensor] = []
    with rack.rows("A"):
        thread = threading.Thread(target=lambda: elsewhere.append(logits_of(model)))
        thread.start()
        thread.join()
        with rack.rows(None):
            assert torch.equal(logits_of(model), base)
        assert not torch.equal(logits_of(model), base)
    assert torch.equal(elsewhere[0], base)
    assert torch.equal(logits_of(model), base)


@pytest.mark.parametrize("precision", ["fp32", "4bit"])
def test_detaching_frees_the_adapter_and_the_last_one_leaves_the_model_as_it_was(
    precision: Precision, neox_workshop: Workshop, load: Load
) -> None:
    model = load(neox_workshop.base, precision).model
    before, base = _anatomy(model), logits_of(model)
    rack = neox_workshop.rack(model, "A", "B", "I")
    rack.detach("A")
    assert rack.names == ("B", "I")
    assert not any("adapter_1" in name for name, _ in model.named_modules())
    with pytest.raises(AdapterError, match="not attached any more"), rack.rows("A"):
        pass
    rack.detach("B")
    rack.detach("I")
    assert _anatomy(model) == before
    assert torch.equal(logits_of(model), base)


def _anatomy(model: torch.nn.Module) -> list[tuple[str, int, int]]:
    return [
        (name, id(module), len(module._forward_hooks) + len(module._forward_pre_hooks))
        for name, module in model.named_modules()
    ]


def test_attaching_keeps_four_bit_layers_in_their_form(neox_workshop: Workshop, load: Load) -> None:
    model = load(neox_workshop.base, "4bit").model
    weight = model.gpt_neox.layers[0].attention.query_key_value.weight
    place = weight.data_ptr()
    neox_workshop.rack(model, "A", "I")
    assert weight.data_ptr() == place
    assert getattr(weight.quant_state, "packing_format_for_cpu", False) == runs_packed(CPU)


def test_an_adapter_of_a_wider_base_is_refused_and_changes_nothing(
    neox_workshop: Workshop, tmp_path: Path, load: Load
) -> None:
    wide = tiny_models.save_model(tmp_path / "polyglot-wide", "gpt_neox", shape=tiny_models.Shape(hidden=128))
    foreign = tiny_models.save_lora(tmp_path / "job-20", wide)
    model = load(neox_workshop.base, "fp32").model
    before = _anatomy(model)
    rack = AdapterRack(model)
    with pytest.raises(
        AdapterError, match=r"job-20 was trained on polyglot-wide \(hidden 128\).*polyglot-tiny \(hidden 64"
    ):
        rack.attach("1f2e3d", foreign)
    assert _anatomy(model) == before
    assert rack.names == ()


@pytest.mark.parametrize("family", ["llama", "gpt_neox"])
def test_an_adapter_of_another_kind_or_depth_is_refused(
    family: str, neox_workshop: Workshop, tmp_path: Path, load: Load
) -> None:
    base = tiny_models.save_model(tmp_path / "other", family, shape=tiny_models.Shape(layers=4))
    rack = AdapterRack(load(neox_workshop.base, "fp32").model)
    with pytest.raises(AdapterError, match="trained on other"):
        rack.attach("x", tiny_models.save_lora(tmp_path / "x", base))


def test_old_adapters_that_name_embed_out_fit_todays_model(neox_workshop: Workshop, tmp_path: Path, load: Load) -> None:
    plain = get_peft_model(
        AutoModelForCausalLM.from_pretrained(neox_workshop.base),
        LoraConfig(r=2, target_modules=["lm_head"], task_type="CAUSAL_LM", init_lora_weights=False),
    ).eval()
    plain.save_pretrained(tmp_path / "old", save_embedding_layers=False)
    _rewrite(tmp_path / "old", lambda key: key.replace("lm_head", "embed_out"), target_modules=["embed_out"])
    model = load(neox_workshop.base, "fp32").model
    rack = AdapterRack(model)
    rack.attach("old", tmp_path / "old")
    torch.testing.assert_close(_with(rack, "old", model), logits_of(plain), atol=1e-5, rtol=0)


def test_a_pickled_adapter_is_read(neox_workshop: Workshop, tmp_path: Path, load: Load) -> None:
    folder = _copied(neox_workshop.folders["A"], tmp_path / "bin")
    torch.save(load_file(folder / "adapter_model.safetensors"), folder / "adapter_model.bin")
    (folder / "adapter_model.safetensors").unlink()
    model = load(neox_workshop.base, "fp32").model
    rack = neox_workshop.rack(model, "A")
    rack.attach("bin", folder)
    assert torch.equal(_with(rack, "bin", model), _with(rack, "A", model))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"peft_type": "PROMPT_TUNING"}, "kind PROMPT_TUNING"),
        ({"peft_type": None}, "kind None"),
        ({"use_dora": True}, "use_dora.*merge_and_unload"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias=all"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ({"r": 3}, "trained on"),
        ({"r": "much"}, "trained on"),
    ],
)
def test_options_that_rows_cannot_mix_are_named(
    options: dict[str, object], message: str, neox_workshop: Workshop, tmp_path: Path, load: Load
) -> None:
    folder = _copied(neox_workshop.folders["A"], tmp_path / "x")
    _rewrite(folder, lambda key: key, **options)
    model = load(neox_workshop.base, "fp32").model
    before = _anatomy(model)
    with pytest.raises(AdapterError, match=message):
        AdapterRack(model).attach("x", folder)
    assert _anatomy(model) == before


@pytest.mark.parametrize(
    "damage", ["truncated", "no tensors", "strange tensor", "hostile", "config", "absent", "alpha"]
)
def test_damaged_and_hostile_adapters_are_refused_and_change_nothing(
    damage: str, neox_workshop: Workshop, tmp_path: Path, load: Load
) -> None:
    folder = _copied(neox_workshop.folders["A"], tmp_path / "x")
    weights = folder / "adapter_model.safetensors"
    if damage == "truncated":
        weights.write_bytes(weights.read_bytes()[:500])
    elif damage == "no tensors":
        save_file({}, weights)
    elif damage == "strange tensor":
        save_file(load_file(weights) | {"base_model.model.gpt_neox.embed_in.weight": torch.ones(2)}, weights)
    elif damage == "hostile":
        weights.unlink()
        torch.save({"a": threading.Event}, folder / "adapter_model.bin")
    elif damage == "config":
        (folder / "adapter_config.json").write_text("[1")
    elif damage == "alpha":
        _rewrite(folder, lambda key: key, lora_alpha="loud")
    else:
        weights.unlink()
    model = load(neox_workshop.base, "fp32").model
    rack = neox_workshop.rack(model, "B")
    before, expected = _anatomy(model), _with(rack, "B", model)
    with pytest.raises(AdapterError):
        rack.attach("x", folder)
    assert rack.names == ("B",)
    assert _anatomy(model) == before
    assert torch.equal(_with(rack, "B", model), expected)


def test_a_name_is_attached_once(neox_workshop: Workshop, load: Load) -> None:
    rack = neox_workshop.rack(load(neox_workshop.base, "fp32").model, "A")
    with pytest.raises(AdapterError, match="Adapter B is attached already"):
        rack.attach("A", neox_workshop.folders["B"])


@pytest.mark.parametrize("problem", ["truncated", "no config", "use_dora", "alpha", "kind"])
def test_a_refusal_names_the_folder_and_never_the_racks_own_name(
    problem: str, neox_workshop: Workshop, tmp_path: Path, load: Load
) -> None:
    folder = _copied(neox_workshop.folders["A"], tmp_path / "말투")
    options: dict[str, dict[str, object]] = {
        "use_dora": {"use_dora": True},
        "alpha": {"lora_alpha": "loud"},
        "kind": {"peft_type": "LOHA"},
    }
    if problem in options:
        _rewrite(folder, lambda key: key, **options[problem])
    elif problem == "truncated":
        (folder / "adapter_model.safetensors").write_bytes(b"12345678")
    else:
        (folder / "adapter_config.json").unlink()
    with pytest.raises(AdapterError) as caught:
        AdapterRack(load(neox_workshop.base, "fp32").model).attach("1f2e3d", folder)
    assert "Adapter 말투" in str(caught.value)
    assert "1f2e3d" not in str(caught.value)
    assert "kullm adapters" not in str(caught.value)


def test_in_korean_the_two_models_are_told_apart_without_odd_particles(
    neox_workshop: Workshop, tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = tiny_models.save_model(tmp_path / "m2", "llama")
    rack = AdapterRack(load(neox_workshop.base, "fp32").model)
    monkeypatch.setenv("KULLM_LANG", "ko")
    with pytest.raises(AdapterError) as caught:
        rack.attach("x", tiny_models.save_lora(tmp_path / "x", base))
    expected = "m2 (hidden 64) 모델에서 학습되었지만 엔진에는 polyglot-tiny (hidden 64) 모델이 올라와 있어요"
    assert expected in str(caught.value)


def test_the_rack_counts_the_bytes_of_what_is_attached(neox_workshop: Workshop, load: Load) -> None:
    rack = AdapterRack(load(neox_workshop.base, "4bit").model)
    sizes = {}
    for name, folder in neox_workshop.folders.items():
        tensors = load_file(folder / "adapter_model.safetensors").values()
        sizes[name] = 4 * sum(tensor.numel() for tensor in tensors)
        rack.attach(name, folder)
    assert rack.bytes == sum(sizes.values())
    rack.detach("B")
    assert rack.bytes == sizes["A"] + sizes["I"]


def test_preparing_changes_nothing_and_what_is_prepared_needs_its_files_no_more(
    neox_workshop: Workshop, tmp_path: Path, load: Load
) -> None:
    model = load(neox_workshop.base, "fp32").model
    rack = neox_workshop.rack(model, "A")
    before = _anatomy(model)
    for name in ("B", "I"):
        folder = _copied(neox_workshop.folders[name], tmp_path / name)
        prepared = rack.prepare(name, folder)
        assert _anatomy(model) == before
        shutil.rmtree(folder)
        rack.add(prepared)
        before = _anatomy(model)
    direct = load(neox_workshop.base, "fp32").model
    straight = neox_workshop.rack(direct, "A", "B", "I")
    for name in ("A", "B", "I"):
        assert torch.equal(_with(rack, name, model), _with(straight, name, direct))


def test_any_name_will_do(neox_workshop: Workshop, load: Load) -> None:
    model = load(neox_workshop.base, "fp32").model
    rack = AdapterRack(model)
    for name in ("구름 v2.1", "weight", "keys", "a/b"):
        rack.attach(name, neox_workshop.folders["A"])
    assert torch.equal(_with(rack, "구름 v2.1", model), _with(rack, "a/b", model))


def _copied(source: Path, target: Path) -> Path:
    target.mkdir()
    for file in source.iterdir():
        if file.is_file():
            (target / file.name).write_bytes(file.read_bytes())
    return target


def _rewrite(folder: Path, rename: Any, **options: object) -> None:
    path = folder / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | options))
    weights = folder / "adapter_model.safetensors"
    save_file({rename(key): tensor for key, tensor in load_file(weights).items()}, weights)
