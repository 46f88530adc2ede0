"""Weights put into a skeleton, without a copy where they are mapped."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from transformers import PreTrainedModel

from kullm_tui.core.config.settings import Precision
from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say
from kullm_tui.weights import bnb
from kullm_tui.weights.files import fetch_again
from kullm_tui.weights.packed import PackedLinear
from kullm_tui.weights.quantize import Form
from kullm_tui.weights.skeleton import BLOCK, Skeleton, linear_shape

_OUTLIER = 6.0  # activations beyond it are multiplied in 16 bits (LLM.int8(), §3.2)


def replace_layers(skeleton: Skeleton, form: Form) -> None:
    """Put empty quantised layers where the skeleton has ordinary ones."""
    model = skeleton.model
    for name in skeleton.quantised:
        old = model.get_submodule(name)
        rows, columns = linear_shape(old)
        with torch.device("meta"):
            new = _empty_layer(columns, rows, old.bias is not None, skeleton.precision, form)
            if old.bias is not None:
                new.bias = old.bias
        model.set_submodule(name, new)
    # peft chooses its layer classes by these.
    if skeleton.precision == "4bit":
        model.is_loaded_in_4bit = True
    elif skeleton.precision == "8bit":
        model.is_loaded_in_8bit = True


def _empty_layer(columns: int, rows: int, bias: bool, precision: Precision, form: Form) -> nn.Module:
    layer: nn.Module
    if precision == "4bit":
        kind = PackedLinear if form == "packed" else bnb.nn.Linear4bit
        layer = kind(columns, rows, bias, torch.bfloat16, compress_statistics=True, quant_type="nf4")
    else:
        layer = bnb.nn.Linear8bitLt(columns, rows, bias, has_fp16_weights=False, threshold=_OUTLIER)
    return layer


def place(model: PreTrainedModel, name: str, parts: Mapping[str, torch.Tensor], device: torch.device) -> None:
    module_name, _, leaf = name.rpartition(".")
    module = model.get_submodule(module_name)
    on_device = {part: tensor.to(device) for part, tensor in parts.items()}
    if leaf in module._buffers:
        module._buffers[leaf] = on_device[""]
    elif len(on_device) == 1:
        module._parameters[leaf] = nn.Parameter(on_device[""], requires_grad=False)
    elif "SCB" in on_device:
        _place_int8(module, on_device)
    elif len(on_device) == 2:
        _place_packed(module, on_device)
    else:
        data = on_device.pop("")
        module._parameters[leaf] = bnb.nn.Params4bit.from_prequantized(
            data=data, quantized_stats=on_device, device=device, module=module
        )


def _place_int8(layer: nn.Module, parts: Mapping[str, torch.Tensor]) -> None:
    layer._parameters["weight"] = bnb.nn.Int8Params(
        parts[""], requires_grad=False, has_fp16_weights=False, CB=parts[""], SCB=parts["SCB"]
    )
    layer.init_8bit_state()  # type: ignore[operator]


def _place_packed(layer: nn.Module, parts: Mapping[str, torch.Tensor]) -> None:
    """As bitsandbytes leaves a layer after its first forward, so that no forward packs anything."""
    rows, half = parts[""].shape
    state = bnb.functional.QuantState(
        absmax=parts["absmax"],
        shape=torch.Size((rows, 2 * half)),
        code=_nf4_values(),
        blocksize=BLOCK,
        quant_type="nf4",
        dtype=torch.bfloat16,
    )
    state.packing_format_for_cpu = True
    state.original_dtype = torch.bfloat16
    state.original_nested = True
    state.original_qshape = torch.Size((rows * half, 1))
    layer._parameters["weight"] = bnb.nn.Params4bit(
        parts[""], quant_state=state, blocksize=BLOCK, quant_type="nf4", module=layer, bnb_quantized=True
    )
    layer.quant_state = state
    layer.settle()  # type: ignore[operator]


def _nf4_values() -> torch.Tensor:
    values: torch.Tensor = bnb.functional.get_4bit_type("nf4", device="cpu")
    return values


def settle(model: PreTrainedModel, folder: Path, missing: set[str], device: torch.device) -> None:
    """Tie what the model ties, bring the computed buffers along, and leave nothing trainable or empty.

    Nothing here may call `state_dict()`: bitsandbytes answers it by unpacking every layer.
    """
    model.tie_weights(missing_keys=missing, recompute_mapping=False)
    for module in model.modules():
        for name, buffer in module._buffers.items():
            if buffer is not None:
                module._buffers[name] = buffer.to(device)
    empty = [name for name, parameter in model.named_parameters() if parameter.is_meta]
    if empty:
        korean, english = fetch_again(folder)
        raise WeightsError(
            say(
                f"{folder}의 가중치에 {empty[0]} 텐서가 없어요. {korean}",
                f"The weights in {folder} lack {empty[0]}. {english}",
            )
        )
    model.requires_grad_(False)
    model.eval()
