import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig
from transformers.models.falcon import modeling_falcon

from kullm_tui.core.config.edit import set_value
from kullm_tui.core.config.settings import Precision, load_config
from kullm_tui.core.errors import WeightsError
from kullm_tui.weights.loading import load_in_form
from kullm_tui.weights.packed import multiplies_bf16
from tests import tiny_models
from tests.tiny_models import in_four_bits
from tests.weights.conftest import CPU, Load, assert_as_exact, assert_as_near, logits_of

pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")


def _by_transformers(folder: Path, precision: Precision, arithmetic: torch.dtype = torch.bfloat16) -> torch.nn.Module:
    settings = {
        "fp32": {"dtype": torch.float32},
        "bf16": {"dtype": arithmetic},
        "8bit": {"dtype": arithmetic, "quantization_config": BitsAndBytesConfig(load_in_8bit=True)},
        "4bit": in_four_bits(arithmetic),
    }[precision]
    return _ready(folder, settings)


def _ready(folder: Path, settings: Mapping[str, Any]) -> torch.nn.Module:
    with pytest.MonkeyPatch.context() as patched:
        if "quantization_config" in settings:
            # transformers quantises only what is exactly a Linear, and so nothing of a Falcon.
            patched.setattr(modeling_falcon, "FalconLinear", torch.nn.Linear)
        model: torch.nn.Module = AutoModelForCausalLM.from_pretrained(folder, **settings)
    return model.eval()


@pytest.mark.parametrize("precision", ["fp32", "bf16", "8bit"])
@pytest.mark.parametrize("family", ["gpt_neox", "llama", "gpt2", "gptj", "falcon", "mpt"])
def test_logits_equal_those_of_transformers(family: str, precision: Precision, tmp_path: Path, load: Load) -> None:
    """To the bit, but where bf16 goes through fp32 because torch's own product would be slow."""
    folder = tiny_models.save_model(tmp_path / family, family)
    ours, theirs = logits_of(load(folder, precision).model), logits_of(_by_transformers(folder, precision))
    if precision == "fp32" or multiplies_bf16():
        assert torch.equal(ours, theirs)
    else:
        exact = logits_of(_by_transformers(folder, precision, arithmetic=torch.float32))
        assert_as_near(ours, theirs, exact)


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_every_family_in_four_bits_is_as_exact_as_in_transformers(family: str, tmp_path: Path, load: Load) -> None:
    folder = tiny_models.save_model(tmp_path / family, family)
    theirs, exact = (logits_of(_ready(folder, in_four_bits(dtype))) for dtype in (torch.bfloat16, torch.float32))
    assert_as_exact(logits_of(load(folder).model), theirs, exact)


def test_the_serialised_four_bit_form_gives_the_same_logits(neox: Path) -> None:
    loaded = load_in_form(neox, "4bit", "bnb", CPU, progress=lambda _: None, cancelled=lambda: False)
    ours, theirs = logits_of(loaded.model), logits_of(_by_transformers(neox, "4bit"))
    if multiplies_bf16():
        assert torch.equal(ours, theirs)
    else:
        assert_as_near(ours, theirs, logits_of(_ready(neox, in_four_bits(torch.float32))))


@pytest.mark.parametrize("precision", ["fp32", "bf16", "4bit"])
@pytest.mark.parametrize(("pickled", "shard_bytes"), [(False, 100_000), (True, None), (True, 100_000)])
def test_every_layout_of_files_gives_the_same_model(
    pickled: bool, shard_bytes: int | None, precision: Precision, neox: Path, tmp_path: Path, load: Load
) -> None:
    folder = tiny_models.save_model(tmp_path / "m", "gpt_neox", pickled=pickled, shard_bytes=shard_bytes)
    assert torch.equal(logits_of(load(folder, precision).model), logits_of(load(neox, precision).model))


def test_a_pickle_is_converted_once_and_mapped_after(tmp_path: Path, load: Load) -> None:
    folder = tiny_models.save_model(tmp_path / "m", "gpt_neox", pickled=True)
    first = logits_of(load(folder, "fp32").model)
    data = folder / "pytorch_model.bin"
    times = data.stat()
    data.write_bytes(data.read_bytes())
    os.utime(data, ns=(times.st_atime_ns, times.st_mtime_ns))
    again = load(folder, "fp32").model
    assert torch.equal(first, logits_of(again))
    assert _mapped_from(next(again.parameters())).endswith(".safetensors")


def test_names_of_old_checkpoints_find_their_place(neox: Path, tmp_path: Path, load: Load) -> None:
    folder = _copied(neox, tmp_path / "old")
    tensors = load_file(folder / "model.safetensors")
    tensors["embed_out.weight"] = tensors.pop(
        next(key for key in tensors if key in ("embed_out.weight", "lm_head.weight"))
    )
    tensors["gpt_neox.layers.0.attention.bias"] = torch.ones(1, 1, 8, 8, dtype=torch.bool)
    tensors["gpt_neox.layers.0.attention.rotary_emb.inv_freq"] = torch.ones(2)
    save_file(tensors, folder / "model.safetensors")
    assert torch.equal(logits_of(load(folder, "fp32").model), logits_of(load(neox, "fp32").model))


def test_tied_weights_stay_tied_in_every_precision(tmp_path: Path, load: Load) -> None:
    folder = tiny_models.save_model(tmp_path / "m", "gpt2")
    precisions: list[Precision] = ["fp32", "4bit"]
    for precision in precisions:
        model = load(folder, precision).model
        assert model.lm_head.weight is model.transformer.wte.weight


def test_nothing_is_trainable_and_nothing_is_in_training_mode(neox: Path, load: Load) -> None:
    model = load(neox).model
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert not any(module.training for module in model.modules())


def test_four_bit_layers_are_packed_before_the_first_forward_and_never_again(neox: Path, load: Load) -> None:
    model = load(neox).model
    weight = model.gpt_neox.layers[0].mlp.dense_h_to_4h.weight
    before = weight.data_ptr()
    logits_of(model)
    assert weight.data_ptr() == before
    assert _mapped_from(weight).endswith(".safetensors")


def test_weights_of_a_later_load_are_file_backed_and_clean(neox: Path, load: Load) -> None:
    load(neox)
    model = load(neox).model
    logits_of(model)
    assert all(_mapped_from(parameter).endswith(".safetensors") for parameter in model.parameters())
    assert _private_dirty("weights-00001.safetensors") == 0


def test_full_precision_weights_of_the_same_type_are_mapped(neox: Path, load: Load) -> None:
    assert _mapped_from(next(load(neox, "fp32").model.parameters())).endswith("model.safetensors")


def test_a_missing_tensor_is_named(neox: Path, tmp_path: Path, load: Load) -> None:
    folder = _copied(neox, tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    del tensors["gpt_neox.layers.1.mlp.dense_4h_to_h.bias"]
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(WeightsError, match="lack gpt_neox.layers.1.mlp.dense_4h_to_h.bias"):
        load(folder)


def test_a_tensor_of_another_shape_is_named_with_both_shapes(neox: Path, tmp_path: Path, load: Load) -> None:
    folder = _copied(neox, tmp_path / "m")
    tensors = load_file(folder / "model.safetensors")
    tensors["gpt_neox.embed_in.weight"] = tensors["gpt_neox.embed_in.weight"][:300].contiguous()
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=re.escape("embed_in.weight is [300, 64], not [384, 64]")):
        load(folder, "fp32")


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ({"model_type": "rwkv", "architectures": ["RwkvForCausalLM"]}, "RwkvForCausalLM"),
        ({"model_type": "mamba", "architectures": ["MambaForCausalLM"]}, "MambaForCausalLM"),
        ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"]}, "T5ForConditionalGeneration"),
        ({"model_type": "qwen3_next", "architectures": ["Qwen3NextForCausalLM"]}, "Qwen3NextForCausalLM"),
        ({"model_type": "openai-gpt", "architectures": ["OpenAIGPTLMHeadModel"]}, "OpenAIGPTLMHeadModel"),
        ({"model_type": "llama", "quantization_config": {"quant_method": "awq", "bits": 4}}, "awq"),
        ({"model_type": "a_new_kind", "architectures": ["NewModel"]}, "a_new_kind"),
        ({"model_type": "exaone", "auto_map": {"AutoConfig": "configuration_exaone.X"}}, "custom code"),
    ],
)
def test_what_the_engine_cannot_run_is_named_and_sent_to_an_endpoint(
    config: dict[str, object], named: str, tmp_path: Path, load: Load
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=f"(?s){named}.*endpoint"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        ("bert", "BertForMaskedLM"),
        ("bert", "BertModel"),
        ("electra", "ElectraForPreTraining"),
        ("xlm-roberta", "XLMRobertaForSequenceClassification"),
        ("llama", "LlamaForSequenceClassification"),
        ("vit", "ViTForImageClassification"),
    ],
)
def test_a_model_that_writes_no_text_is_called_so(kind: str, head: str, tmp_path: Path, load: Load) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind, "architectures": [head]}))
    with pytest.raises(WeightsError, match=f"{head}.*is not a text-generation model"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"model_type": "llama", "hidden_size": "wide"}', '{"model_type": "llama", "hidden_size": 0}'],
)
def test_a_config_that_makes_no_model_is_named(text: str, tmp_path: Path, load: Load) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(WeightsError, match="No model can be built from the config.json of .*Copy the folder"):
        load(tmp_path)


def test_a_model_with_code_of_its_own_says_how_to_allow_it(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models--LGAI--EXAONE" / "snapshots" / "abc"
    folder.mkdir(parents=True)
    config = {"model_type": "exaone", "auto_map": {"AutoConfig": "configuration_exaone.X"}}
    (folder / "config.json").write_text(json.dumps(config))
    for language in ("ko", "en"):
        monkeypatch.setenv("KULLM_LANG", language)
        with pytest.raises(WeightsError) as caught:
            load(folder)
        assert """`kullm config set engine.trust_remote_code '["LGAI/EXAONE"]'`""" in str(caught.value)
        assert "pull" not in str(caught.value)


def test_the_advised_command_is_one_that_the_configuration_takes() -> None:
    set_value("engine.trust_remote_code", '["LGAI/EXAONE"]')
    assert load_config().engine.trust_remote_code == ("LGAI/EXAONE",)


def test_an_attention_kernel_asked_for_by_the_config_is_not_used(neox: Path, tmp_path: Path, load: Load) -> None:
    folder = _copied(neox, tmp_path / "m")
    config = json.loads((folder / "config.json").read_text())
    for field in ("attn_implementation", "_attn_implementation"):
        (folder / "config.json").write_text(json.dumps(config | {field: "kernels-community/flash-attn"}))
        assert load(folder, "fp32").model.config._attn_implementation == "sdpa"


def _copied(source: Path, target: Path) -> Path:
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())
    return target


def _mapped_from(tensor: torch.Tensor) -> str:
    for line in Path("/proc/self/maps").read_text().splitlines():
        first, last = (int(number, 16) for number in line.split()[0].split("-"))
        if first <= tensor.data_ptr() < last:
            return line.split()[-1]
    return ""


def _private_dirty(name: str) -> int:
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
            inside = line.endswith(name)
        elif inside and line.startswith("Private_Dirty:"):
            total += int(line.split()[1])
    return total
