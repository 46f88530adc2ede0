"""peft's LoRA layers, put into a live model and taken out again."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from peft import LoraConfig
from peft.tuners.lora import LoraLayer, LoraModel
from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from kullm_tui.weights import peft_front  # noqa: F401 - before a layer is wrapped

if TYPE_CHECKING:
    from kullm_tui.weights.rows import Rows

_BASE_ROW = "__base__"  # peft's name for a row without an adapter
_KEPT_OPTIONS = ("r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "lora_bias")


class LoraLayers:
    """No adapter of peft's is ever active: without rows a layer is its base layer."""

    def __init__(self, model: PreTrainedModel, current: Callable[[], "Rows | None"]) -> None:
        self._model = model
        self._current = current
        self._tuner: Any = None
        self._hooked: set[str] = set()

    def add(self, name: str, options: Mapping[str, Any], tensors: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        self._inject(name, self._config(options, tensors))
        for module_name, parts in tensors.items():
            layer = self._layer(module_name)
            self._fill(layer.lora_A[name], parts["lora_A"], None)
            self._fill(layer.lora_B[name], parts["lora_B"], parts.get("lora_B.bias"))
            layer.eval()
            if module_name not in self._hooked:
                layer.register_forward_pre_hook(self._give_rows, with_kwargs=True)
                self._hooked.add(module_name)
        self._tuner.set_adapter([], inference_mode=True)
        self._model.requires_grad_(False)

    def _config(self, options: Mapping[str, Any], tensors: Mapping[str, Any]) -> Any:
        """Targets by full name, no dropout and no initialisation: what the files say is all that counts."""
        kept = {option: options[option] for option in _KEPT_OPTIONS if options.get(option) is not None}
        transposed = any(isinstance(self._base(name), Conv1D) for name in tensors)
        return LoraConfig(
            target_modules=list(tensors),
            init_lora_weights=False,
            fan_in_fan_out=transposed,
            inference_mode=True,
            **kept,
        )

    def _inject(self, name: str, config: Any) -> None:
        if self._tuner is None:
            self._tuner = LoraModel(self._model, config, name, low_cpu_mem_usage=True)
        else:
            self._tuner.peft_config[name] = config
            self._tuner.inject_adapter(self._model, name, low_cpu_mem_usage=True)

    def _base(self, module_name: str) -> nn.Module:
        module = self._model.get_submodule(module_name)
        return module.get_base_layer() if isinstance(module, LoraLayer) else module  # type: ignore[no-any-return]

    def _layer(self, module_name: str) -> Any:
        return self._model.get_submodule(module_name)

    def _fill(self, linear: nn.Module, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        device = self._model.device
        linear.weight = nn.Parameter(weight.to(device), requires_grad=False)
        if bias is not None:
            linear.bias = nn.Parameter(bias.to(device), requires_grad=False)

    def _give_rows(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        rows = self._current()
        if rows is None:
            return None
        kwargs["adapter_names"] = [name or _BASE_ROW for name in rows.for_batch(len(args[0]))]
        return args, kwargs

    def remove(self, name: str) -> None:
        """Free the adapter; with the last one the model's own layers come back."""
        if self._tuner is not None and name in self._tuner.peft_config:
            self._tuner.delete_adapter(name)
        if self._tuner is None or not self._tuner.peft_config:
            self._unwrap()

    def _unwrap(self) -> None:
        wrapped = [name for name, module in self._model.named_modules() if isinstance(module, LoraLayer)]
        for module_name in wrapped:
            self._model.set_submodule(module_name, self._base(module_name))
        if hasattr(self._model, "peft_config"):
            del self._model.peft_config
        self._tuner = None
        self._hooked.clear()
