"""A model without its weights: built from config.json alone, every parameter on the meta device.

Refuses what the engine's decode loop cannot run: architectures without a growing key-value cache, encoder-decoders, checkpoints that
are quantised already, and code from the repository unless the user's own configuration allows it for that model.
"""

import inspect
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import init_empty_weights
from huggingface_hub.errors import StrictDataclassError
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedConfig, PreTrainedModel
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING,
    MODEL_FOR_MASKED_LM_MAPPING,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
)
from transformers.pytorch_utils import Conv1D

from kullm_tui.core.config.settings import Precision
from kullm_tui.weights.bounds import bounded, check_config
from kullm_tui.weights.progress import Cancelled
from kullm_tui.weights.refusals import (
    needs_endpoint,
    needs_its_code,
    no_text_model,
    quantised_already,
    unusable_config,
)
from kullm_tui.weights.unfilled import nothing_filled

BLOCK = 64  # values that share one NF4 scale
_PACKED_ROWS = 32  # bitsandbytes' AVX512 kernel works on this many output rows at once
# What transformers raises for a config.json that it cannot use.
_FROM_CONFIG = (
    OSError,
    ValueError,
    LookupError,
    ArithmeticError,
    TypeError,
    AttributeError,
    RuntimeError,
    ImportError,
    StrictDataclassError,
)
_OTHER_HEAD = re.compile(r"Classification$|For(QuestionAnswering|MaskedLM|MultipleChoice|PreTraining)$")
_CACHED_ATTENTION = {"full_attention", "sliding_attention", "chunked_attention", "attention"}


@dataclass(frozen=True)
class Skeleton:
    """`quantised` names the linear layers that the precision makes smaller; they are still ordinary layers here."""

    model: PreTrainedModel
    config: PreTrainedConfig
    precision: Precision
    quantised: frozenset[str]


def compute_dtype(precision: Precision) -> torch.dtype:
    return torch.float32 if precision == "fp32" else torch.bfloat16


def build_skeleton(
    folder: Path, precision: Precision, *, trust_remote_code: bool = False, cancelled: Cancelled = lambda: False
) -> Skeleton:
    config = read_config(folder, trust_remote_code=trust_remote_code)
    model_class = _causal_class(folder, config, trust_remote_code)
    _require_runnable(folder, config, model_class)
    # Said outright: a repository's config.json may ask for an attention kernel from the Hub.
    attention = "sdpa" if getattr(model_class, "_supports_sdpa", False) else "eager"
    with nothing_filled():
        with bounded(folder, cancelled), init_empty_weights(include_buffers=False):
            model = _instantiate(folder, config, precision, attention, trust_remote_code)
        _compute_buffers(model)
    model.requires_grad_(False).eval()
    return Skeleton(model, config, precision, _quantised_layers(model, precision))


def read_config(folder: Path, *, trust_remote_code: bool = False) -> PreTrainedConfig:
    try:
        check_config(folder)
        return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except _FROM_CONFIG as error:
        raise unusable_config(folder, error, trust_remote_code=trust_remote_code) from error


def _causal_class(folder: Path, config: PreTrainedConfig, trust_remote_code: bool) -> type[Any] | None:
    """None stands for a class that the repository's own code brings."""
    if type(config) in MODEL_FOR_CAUSAL_LM_MAPPING:
        return cast(type[Any], MODEL_FOR_CAUSAL_LM_MAPPING[type(config)])
    if "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {}):
        if trust_remote_code:
            return None
        raise needs_its_code(folder, config.model_type)
    if type(config) in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING or type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING:
        raise needs_endpoint(folder, _architecture(config), config.model_type)
    raise no_text_model(folder, _architecture(config), config.model_type)


def _require_runnable(folder: Path, config: PreTrainedConfig, model_class: type[Any] | None) -> None:
    quantisation = getattr(config, "quantization_config", None)
    if quantisation:
        raise quantised_already(
            folder, quantisation.get("quant_method", "?") if isinstance(quantisation, dict) else "?"
        )
    layer_types = set(getattr(config.get_text_config(), "layer_types", None) or ())
    if config.is_encoder_decoder or not layer_types <= _CACHED_ATTENTION:
        raise needs_endpoint(folder, _architecture(config), config.model_type)
    if _reads_only(config):
        raise no_text_model(folder, _architecture(config), config.model_type)
    if model_class is not None and (model_class._is_stateful or not _takes_cache(model_class)):
        raise needs_endpoint(folder, _architecture(config), config.model_type)


def _reads_only(config: PreTrainedConfig) -> bool:
    """An encoder such as BERT, which transformers also offers a causal class for, or a causal model whose head is another's."""
    encoder = type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    heads = config.architectures or ()
    return encoder or (bool(heads) and all(_OTHER_HEAD.search(head) for head in heads))


def _architecture(config: PreTrainedConfig) -> str:
    return ", ".join(config.architectures or ()) or config.model_type


def _takes_cache(model_class: type[Any]) -> bool:
    return "past_key_values" in inspect.signature(model_class.forward).parameters


def _instantiate(
    folder: Path, config: PreTrainedConfig, precision: Precision, attention: str, trust_remote_code: bool
) -> PreTrainedModel:
    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_config(
            config,
            dtype=compute_dtype(precision),
            attn_implementation=attention,
            trust_remote_code=trust_remote_code,
        )
    except _FROM_CONFIG as error:
        raise unusable_config(folder, error, trust_remote_code=trust_remote_code) from error
    return model


def _compute_buffers(model: PreTrainedModel) -> None:
    """Once more, as transformers does after a load: GPT-J builds its sines with the model's own type for the frequencies."""
    for module in model.modules():
        buffers = (module._buffers[name] for name in module._non_persistent_buffers_set)
        if any(buffer is not None and buffer.is_floating_point() for buffer in buffers):
            model._init_weights(module)


def _quantised_layers(model: PreTrainedModel, precision: Precision) -> frozenset[str]:
    if precision not in ("4bit", "8bit"):
        return frozenset()
    kept = re.compile("|".join(map(re.escape, model._keep_in_fp32_modules or ())) or r"(?!)")
    output: Any = model.get_output_embeddings()
    pairs: dict[str, str] = model.all_tied_weights_keys
    tied = {weight.rpartition(".")[0] for pair in pairs.items() for weight in pair}
    return frozenset(
        name
        for name, module in model.named_modules()
        if module is not output and name not in tied and not kept.search(name) and _can_shrink(module, precision)
    )


def is_linear(module: nn.Module) -> bool:
    """Falcon's own class, which rounds before it adds the bias as ours do, is known by its name: an import would cost each start of the engine."""
    return type(module) is nn.Linear or type(module).__qualname__ == "FalconLinear"


def _can_shrink(module: nn.Module, precision: Precision) -> bool:
    if not (is_linear(module) or type(module) is Conv1D):
        return False
    rows, columns = linear_shape(module)
    return precision == "8bit" or (columns % BLOCK == 0 and rows % _PACKED_ROWS == 0)


def linear_shape(module: nn.Module) -> tuple[int, int]:
    """(rows, columns) of the layer as a matrix that multiplies from the left; Conv1D keeps its own transposed."""
    first, second = cast(torch.Tensor, module.weight).shape
    return (second, first) if isinstance(module, Conv1D) else (first, second)
