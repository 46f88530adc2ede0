"""The shape of a model as the estimate needs it: its matrices, their sizes, and what a method trains of them.

From config.json where the files are here, else from the shipped table. Arithmetic only; no weights are looked at.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import resolve
from trainer.recipe import Method

_BUILT = ("gpt_neox", "llama", "gpt2", "bloom")  # what is measured; the others are built like one of them
_FUSED = ("gpt_neox", "bloom")
_TIED = ("gpt2", "bloom", "gemma", "gemma2", "gemma3_text")
# peft's own defaults; the key is the family, "" the one of LLaMA and all that are built like it.
_LORA_TARGETS = {
    "gpt_neox": ("query_key_value",),
    "bloom": ("query_key_value",),
    "gpt2": ("c_attn",),
    "": ("q_proj", "v_proj"),
}
_IA3_TARGETS = {
    "gpt_neox": ("query_key_value", "dense_4h_to_h"),
    "bloom": ("query_key_value", "dense_4h_to_h"),
    "gpt2": ("c_attn", "mlp.c_proj"),
    "": ("k_proj", "v_proj", "down_proj"),
}
FEEDFORWARD_OUT = ("dense_4h_to_h", "mlp.c_proj", "down_proj")


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    family: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    vocab: int
    kv_heads: int = 0  # 0: as many as heads
    head_dim: int = 0  # 0: hidden / heads
    tied: bool = False
    context: int = 2048

    @property
    def query_width(self) -> int:
        return self.heads * (self.head_dim or self.hidden // self.heads)

    @property
    def key_width(self) -> int:
        return self.query_width * (self.kv_heads or self.heads) // self.heads

    @property
    def config(self) -> Mapping[str, Any]:
        """As a model of this shape is made; its depth is left to whoever makes one."""
        family = self.family if self.family in _BUILT else ("llama" if self.gated else "gpt_neox")
        facts = {
            "model_type": family,
            "hidden_size": self.hidden,
            "num_attention_heads": self.heads,
            "vocab_size": self.vocab,
            "max_position_embeddings": self.context,
        }
        if family in ("gpt_neox", "llama"):
            facts["intermediate_size"] = self.intermediate
        if family == "llama":
            facts["num_key_value_heads"] = self.kv_heads or self.heads
        return facts

    @property
    def gated(self) -> bool:
        return self.family not in (*_FUSED, "gpt2")

    @property
    def matrices(self) -> Mapping[str, tuple[int, int]]:
        """The linear layers of one block: name → (outputs, inputs)."""
        d, m, q, kv = self.hidden, self.intermediate, self.query_width, self.key_width
        if self.family in _FUSED:
            names = ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h")
            return dict(zip(names, ((q + 2 * kv, d), (d, q), (m, d), (d, m)), strict=True))
        if self.family == "gpt2":
            names = ("c_attn", "attn.c_proj", "c_fc", "mlp.c_proj")
            return dict(zip(names, ((q + 2 * kv, d), (d, q), (m, d), (d, m)), strict=True))
        return {
            "q_proj": (q, d),
            "k_proj": (kv, d),
            "v_proj": (kv, d),
            "o_proj": (d, q),
            "gate_proj": (m, d),
            "up_proj": (m, d),
            "down_proj": (d, m),
        }

    @property
    def linear_parameters(self) -> int:
        """In the blocks' matrices: what 4-bit and 8-bit make smaller."""
        return self.layers * sum(rows * columns for rows, columns in self.matrices.values())

    @property
    def other_parameters(self) -> int:
        """Embeddings, head, norms and biases: kept in 16 bits whatever the base's precision."""
        biases = sum(rows for rows, _ in self.matrices.values()) if not self.gated else 0
        norms = 2 * self.hidden * (1 if self.gated else 2)
        places = self.context * self.hidden if self.family == "gpt2" else 0
        embeddings = self.vocab * self.hidden * (1 if self.tied else 2) + places
        return embeddings + self.layers * (biases + norms) + self.hidden * (1 if self.gated else 2)

    @property
    def parameters(self) -> int:
        return self.linear_parameters + self.other_parameters


def lora_targets(shape: ModelShape, method: Method) -> tuple[str, ...]:
    """The matrices that a method works on; names that are none of a block's are left out."""
    table = _IA3_TARGETS if method.kind == "ia3" else _LORA_TARGETS
    wanted = method.targets or table.get(shape.family, table[""])
    if wanted == ("all-linear",):
        return tuple(shape.matrices)
    return tuple(name for name in shape.matrices if any(_names(target, name) for target in wanted))


def _names(target: str, matrix: str) -> bool:
    return matrix == target or matrix.endswith(f".{target}") or target.endswith(f".{matrix}")


def trainable_parameters(shape: ModelShape, method: Method) -> int:
    if method.kind == "full":
        return shape.parameters
    if method.kind == "llama-adapter":
        return (method.adapter_layers or shape.layers) * (method.adapter_len * shape.hidden + 1)
    sizes = [(name, *shape.matrices[name]) for name in lora_targets(shape, method)]
    if method.kind == "ia3":
        return shape.layers * sum(columns if name in FEEDFORWARD_OUT else rows for name, rows, columns in sizes)
    return shape.layers * method.rank * sum(rows + columns for _, rows, columns in sizes)


@dataclass(frozen=True)
class KnownShape:
    shape: ModelShape
    recorded: bool  # from the shipped table; else from the model's own config.json
    download_bytes: int  # 0: its files are here


def shape_of(base: str) -> KnownShape:
    """ModelNotFound where neither the files are here nor the table knows the repository."""
    reference = resolve(base)
    if reference.folder:
        return KnownShape(shape_of_folder(reference.folder), False, 0)
    repository = reference.profile.repository.lower()
    for entry in _table().values():
        if repository in (name.lower() for name in entry["of"]):
            facts = {key: value for key, value in entry.items() if key not in ("of", "download_gb")}
            return KnownShape(ModelShape(**facts), True, round(entry["download_gb"] * 1e9))
    raise ModelNotFound(
        say(
            f"{base} 모델을 아직 내려받지 않아 모델의 크기를 알 수 없어요. `kullm models pull {base}`로 먼저 받으세요.",
            f"{base} is not downloaded yet, so its size is not known. Fetch it first with `kullm models pull {base}`.",
        )
    )


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(resources.files("trainer").joinpath("shapes.toml").read_text(encoding="utf-8"))


def shape_of_folder(folder: Path) -> ModelShape:
    try:
        config = foreign_json.read(folder / "config.json")
        return shape_of_config(config.get("text_config") or config)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ZeroDivisionError) as error:
        raise ModelNotFound(
            say(
                f"{folder}/config.json에서 모델의 크기를 읽을 수 없어요. 모델의 폴더가 맞는지 확인하세요.",
                f"{folder}/config.json does not tell the model's size. Check that it is a model's folder.",
            )
        ) from error


def shape_of_config(config: Mapping[str, Any]) -> ModelShape:
    def first(*names: str, usual: int = 0) -> int:
        return next((int(config[name]) for name in names if config.get(name)), usual)

    family = str(config["model_type"])
    hidden = first("hidden_size", "n_embd")
    heads = first("num_attention_heads", "n_head")
    return ModelShape(
        family=family,
        layers=first("num_hidden_layers", "n_layer", "num_layers"),
        hidden=hidden,
        intermediate=first("intermediate_size", "n_inner", "ffn_hidden_size", usual=4 * hidden),
        heads=heads,
        vocab=first("vocab_size"),
        kv_heads=first("num_key_value_heads"),
        head_dim=first("head_dim", usual=hidden // heads),
        tied=bool(config.get("tie_word_embeddings", family in _TIED)),
        context=first("max_position_embeddings", "n_positions", "n_ctx", "seq_length", usual=2048),
    )
