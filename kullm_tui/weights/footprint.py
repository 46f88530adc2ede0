"""What a model will take before anything is loaded: from its config and the headers of its files alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from kullm_tui.core.config.settings import Precision
from kullm_tui.core.models.memory_need import kept_heads
from kullm_tui.weights.packed import runs_packed
from kullm_tui.weights.plan import kept_dtype
from kullm_tui.weights.progress import Cancelled
from kullm_tui.weights.quantize import Form
from kullm_tui.weights.skeleton import BLOCK, Skeleton, build_skeleton, compute_dtype, linear_shape

_SCALES_BLOCK = 256
# bitsandbytes' own form keeps with every matrix its 16 NF4 values, the 256 values of the second quantisation and an offset.
_TABLES_BYTES = 4 * (16 + 256 + 1)


@dataclass(frozen=True)
class Footprint:
    weights_bytes: int
    kv_bytes_per_token: int


def footprint(
    folder: Path,
    precision: Precision,
    device: torch.device,
    *,
    trust_remote_code: bool = False,
    cancelled: Cancelled = lambda: False,
) -> Footprint:
    skeleton = build_skeleton(folder, precision, trust_remote_code=trust_remote_code, cancelled=cancelled)
    return footprint_of(skeleton, form_for(precision, device))


def footprint_of(skeleton: Skeleton, form: Form) -> Footprint:
    return Footprint(
        weights_bytes=weights_bytes(skeleton, form),
        kv_bytes_per_token=kv_bytes_per_token(skeleton.config, compute_dtype(skeleton.precision)),
    )


def form_for(precision: Precision, device: torch.device) -> Form:
    if precision == "4bit":
        return "packed" if runs_packed(device) else "bnb"
    return "bnb" if precision == "8bit" else "plain"


def weights_bytes(skeleton: Skeleton, form: Form) -> int:
    """Parameters, the scales of the quantised ones, and buffers."""
    model = skeleton.model
    matrices = sum(
        quantised_bytes(*linear_shape(model.get_submodule(name)), skeleton.precision, form)
        for name in skeleton.quantised
    )
    kept = sum(tensor.numel() * dtype.itemsize for _, tensor, dtype in _kept(skeleton))
    buffers: int = sum(buffer.nbytes for buffer in model.buffers())
    return matrices + kept + buffers


def _kept(skeleton: Skeleton) -> Iterator[tuple[str, nn.Parameter, torch.dtype]]:
    tied: dict[str, str] = skeleton.model.all_tied_weights_keys
    for name, parameter in skeleton.model.named_parameters(remove_duplicate=False):
        module, _, leaf = name.rpartition(".")
        if name not in tied and not (leaf == "weight" and module in skeleton.quantised):
            yield name, parameter, kept_dtype(skeleton.model, name, parameter.dtype)


def quantised_bytes(rows: int, columns: int, precision: Precision, form: Form) -> int:
    if precision == "8bit":
        return rows * columns + 4 * rows
    blocks = rows * columns // BLOCK
    if form == "packed":
        return rows * columns // 2 + 2 * blocks
    return rows * columns // 2 + blocks + 4 * -(-blocks // _SCALES_BLOCK) + _TABLES_BYTES


def kv_bytes_per_token(config: PreTrainedConfig, dtype: torch.dtype) -> int:
    """Keys and values of every layer; a layer with a sliding window stops growing at its window."""
    text = config.get_text_config()
    heads = text.num_attention_heads
    head_dim = getattr(text, "head_dim", None) or text.hidden_size // heads
    kept = kept_heads(heads, lambda name: getattr(text, name, None))
    return int(text.num_hidden_layers * kept * head_dim * 2 * dtype.itemsize)


def measured_bytes(model: PreTrainedModel) -> int:
    """What a loaded model holds, shared tensors counted once."""
    seen: dict[int, int] = {}
    for tensor in (*model.parameters(), *model.buffers(), *_scales(model)):
        seen[tensor.data_ptr()] = tensor.nbytes
    return sum(seen.values())


def _scales(model: PreTrainedModel) -> Iterator[torch.Tensor]:
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        if state is not None:
            yield state.absmax
            if state.nested:
                yield from (state.code, state.offset, state.state2.absmax, state.state2.code)
    for module in model.modules():
        scales = getattr(getattr(module, "state", None), "SCB", None)
        if isinstance(scales, torch.Tensor):
            yield scales
