"""Two architectures as llama.cpp keeps them: its facts, its name for each tensor, and how it wants the rows.

gpt_neox → gptneox     query, key and value come head by head; llama.cpp wants all queries, all keys, all values
llama    → llama       rotary pairs come as halves (i, i + d/2); llama.cpp wants them side by side (2i, 2i + 1)

Whatever a configuration asks for beyond these is refused: the file would load and answer, and answer wrongly.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from gguf import GGUFWriter
    from transformers import PreTrainedConfig

Rearranged = Callable[[torch.Tensor], torch.Tensor]

_BUFFERS = re.compile(r".*(?:rotary_emb\.inv_freq|attention\.(?:masked_)?bias)")
_GELU = ("gelu", "gelu_new", "gelu_fast", "gelu_pytorch_tanh")  # llama.cpp has the approximation by tanh for all


@dataclass(frozen=True)
class Place:
    """A layer of ours under llama.cpp's name."""

    name: str
    leaves: tuple[str, ...] = ("weight",)


@dataclass(frozen=True)
class Layout:
    architecture: str
    prefix: str  # what our names of the layers begin with
    outside: Mapping[str, Place]
    inside: Mapping[str, Place]  # one layer
    write_facts: Callable[[GGUFWriter, PreTrainedConfig], None]
    rows: Callable[[str, PreTrainedConfig], Rearranged | None]
    repeats_tied_output: bool  # it wants an output of its own where ours is the embedding

    def names(self, config: PreTrainedConfig) -> dict[str, str]:
        """llama.cpp's name for each tensor that the model has to have, by our own."""
        found: dict[str, str] = {}
        for ours, place in self.outside.items():
            if not (place.name == "output" and config.tie_word_embeddings):
                found |= {f"{ours}.{leaf}": f"{place.name}.{leaf}" for leaf in place.leaves}
        for layer in range(config.num_hidden_layers):
            for ours, place in self.inside.items():
                for leaf in place.leaves:
                    found[f"{self.prefix}.{layer}.{ours}.{leaf}"] = f"blk.{layer}.{place.name}.{leaf}"
        return found

    def rearranged(self, name: str, config: PreTrainedConfig) -> Rearranged | None:
        """What has to be done to the rows of the tensor that we call so."""
        module = name.rpartition(".")[0].removeprefix(f"{self.prefix}.").partition(".")[2]
        return self.rows(module, config)


def layout_of(config: PreTrainedConfig, folder: Path) -> Layout:
    """WeightsError for what is not offered, with the reason."""
    found = _LAYOUTS.get(str(config.model_type))
    if found is None:
        raise _refused(folder, str(config.model_type))
    for reason in _obstacles(config):
        raise _refused(folder, reason)
    return found


def is_buffer(name: str) -> bool:
    """Written by older libraries beside the weights, and made anew by all that read them."""
    return _BUFFERS.fullmatch(name) is not None


def _obstacles(config: PreTrainedConfig) -> Iterator[str]:
    rope = config.rope_parameters or {}
    if rope.get("rope_type", "default") != "default":
        yield f"rope_type {rope['rope_type']}"
    if config.model_type == "gpt_neox":
        if config.hidden_act not in _GELU:
            yield f"hidden_act {config.hidden_act}"
        if not getattr(config, "attention_bias", True):
            yield "attention_bias false"
        return
    if config.hidden_act not in ("silu", "swish"):
        yield f"hidden_act {config.hidden_act}"
    for name in ("attention_bias", "mlp_bias"):
        if getattr(config, name, False):
            yield f"{name} true"


def _common_facts(writer: GGUFWriter, config: PreTrainedConfig) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_rope_freq_base(float(_rope(config, "rope_theta", 10_000)))


def _gpt_neox_facts(writer: GGUFWriter, config: PreTrainedConfig) -> None:
    _common_facts(writer, config)
    share = float(_rope(config, "partial_rotary_factor", 1.0))
    writer.add_rope_dimension_count(int(share * (config.hidden_size // config.num_attention_heads)))
    writer.add_parallel_residual(config.use_parallel_residual)
    writer.add_layer_norm_eps(config.layer_norm_eps)


def _llama_facts(writer: GGUFWriter, config: PreTrainedConfig) -> None:
    _common_facts(writer, config)
    wide = _head_width(config)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(wide)
    writer.add_value_length(wide)
    writer.add_rope_dimension_count(wide)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)


def _rope(config: PreTrainedConfig, name: str, usual: float) -> Any:
    return (config.rope_parameters or {}).get(name, usual)


def _head_width(config: PreTrainedConfig) -> int:
    width: int = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return width


def _gpt_neox_rows(place: str, config: PreTrainedConfig) -> Rearranged | None:
    if place != "attention.query_key_value":
        return None
    heads = config.num_attention_heads

    def by_part(tensor: torch.Tensor) -> torch.Tensor:
        rest = tensor.shape[1:]  # [heads · 3 · d, …] → [3 · heads · d, …]
        return tensor.reshape(heads, 3, -1, *rest).swapaxes(0, 1).reshape(-1, *rest)

    return by_part


def _llama_rows(place: str, config: PreTrainedConfig) -> Rearranged | None:
    heads = {"self_attn.q_proj": config.num_attention_heads, "self_attn.k_proj": config.num_key_value_heads}.get(place)
    if heads is None:
        return None

    def side_by_side(tensor: torch.Tensor) -> torch.Tensor:
        rest = tensor.shape[1:]  # [heads · 2 · d/2, …] → [heads · d/2 · 2, …]
        return tensor.reshape(heads, 2, -1, *rest).swapaxes(1, 2).reshape(-1, *rest)

    return side_by_side


_BOTH = ("weight", "bias")
_LAYOUTS: Mapping[str, Layout] = {
    "gpt_neox": Layout(
        architecture="gptneox",
        prefix="gpt_neox.layers",
        outside={
            "gpt_neox.embed_in": Place("token_embd"),
            "gpt_neox.final_layer_norm": Place("output_norm", _BOTH),
            "lm_head": Place("output"),
        },
        inside={
            "input_layernorm": Place("attn_norm", _BOTH),
            "post_attention_layernorm": Place("ffn_norm", _BOTH),
            "attention.query_key_value": Place("attn_qkv", _BOTH),
            "attention.dense": Place("attn_output", _BOTH),
            "mlp.dense_h_to_4h": Place("ffn_up", _BOTH),
            "mlp.dense_4h_to_h": Place("ffn_down", _BOTH),
        },
        write_facts=_gpt_neox_facts,
        rows=_gpt_neox_rows,
        repeats_tied_output=True,
    ),
    "llama": Layout(
        architecture="llama",
        prefix="model.layers",
        outside={
            "model.embed_tokens": Place("token_embd"),
            "model.norm": Place("output_norm"),
            "lm_head": Place("output"),
        },
        inside={
            "input_layernorm": Place("attn_norm"),
            "post_attention_layernorm": Place("ffn_norm"),
            "self_attn.q_proj": Place("attn_q"),
            "self_attn.k_proj": Place("attn_k"),
            "self_attn.v_proj": Place("attn_v"),
            "self_attn.o_proj": Place("attn_output"),
            "mlp.gate_proj": Place("ffn_gate"),
            "mlp.up_proj": Place("ffn_up"),
            "mlp.down_proj": Place("ffn_down"),
        },
        write_facts=_llama_facts,
        rows=_llama_rows,
        repeats_tied_output=False,
    ),
}


def _refused(folder: Path, why: str) -> WeightsError:
    return WeightsError(
        say(
            f"{folder}: GGUF로는 Polyglot(gpt_neox)과 Llama만 내보내요. 이 모델은 그렇지 않아요({why}). `kullm adapters merge`로 합쳐 vLLM이나 transformers에서 쓰세요.",
            f"{folder}: only Polyglot (gpt_neox) and Llama are exported as GGUF, and this model is otherwise ({why}). "
            "Merge it with `kullm adapters merge` and use vLLM or transformers.",
        )
    )
