import json
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig

from kullm_tui.core.config.settings import Precision
from kullm_tui.weights.footprint import footprint, form_for, kv_bytes_per_token, quantised_bytes, weights_bytes
from kullm_tui.weights.loading import load_in_form
from kullm_tui.weights.skeleton import build_skeleton
from tests import tiny_models
from tests.weights.conftest import CPU, Load

PRECISIONS: tuple[Precision, ...] = ("4bit", "8bit", "bf16", "fp32")


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_the_footprint_is_what_the_loaded_model_holds(
    family: str, precision: Precision, tmp_path: Path, load: Load
) -> None:
    folder = tiny_models.save_model(tmp_path / family, family)
    assert footprint(folder, precision, CPU).weights_bytes == load(folder, precision).bytes_used


def test_the_serialised_form_has_its_own_footprint(neox: Path) -> None:
    loaded = load_in_form(neox, "4bit", "bnb", CPU, progress=lambda _: None, cancelled=lambda: False)
    assert weights_bytes(build_skeleton(neox, "4bit"), "bnb") == loaded.bytes_used


def _polyglot(folder: Path, hidden: int, layers: int, heads: int) -> Path:
    config = AutoConfig.for_model(
        "gpt_neox",
        vocab_size=30080,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        tie_word_embeddings=False,
    )
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config.to_dict() | {"architectures": ["GPTNeoXForCausalLM"]}))
    return folder


@pytest.mark.parametrize(
    ("hidden", "layers", "heads", "kv_bytes", "four_bit_gb"),
    [(4096, 28, 16, 458_752, 3.41), (5120, 40, 40, 819_200, 7.31)],
)
def test_polyglot_is_measured_from_its_config_alone(
    hidden: int, layers: int, heads: int, kv_bytes: int, four_bit_gb: float, tmp_path: Path
) -> None:
    folder = _polyglot(tmp_path / "polyglot", hidden, layers, heads)
    found = footprint(folder, "4bit", CPU)
    linears = layers * 12 * hidden * hidden
    kept = 2 * (2 * 30080 * hidden + layers * 13 * hidden + 2 * hidden)
    expected = quantised_bytes(1, linears, "4bit", form_for("4bit", CPU)) + kept
    assert found.kv_bytes_per_token == kv_bytes
    assert found.weights_bytes == pytest.approx(expected, rel=1e-3)
    assert found.weights_bytes == pytest.approx(four_bit_gb * 1e9, rel=0.03)


def test_grouped_heads_shrink_the_cache() -> None:
    config = AutoConfig.for_model(
        "llama", num_hidden_layers=2, hidden_size=64, num_attention_heads=4, num_key_value_heads=2
    )
    assert kv_bytes_per_token(config, torch.float32) == 2 * 2 * 16 * 2 * 4


@pytest.mark.parametrize("family", tiny_models.FAMILIES)
def test_keys_and_values_are_counted_as_the_model_keeps_them(family: str) -> None:
    model = tiny_models.build_model(family)
    with torch.inference_mode():
        cache = model(torch.arange(8)[None], use_cache=True).past_key_values
    held = sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers)
    assert held == 8 * kv_bytes_per_token(model.config, torch.float32)
