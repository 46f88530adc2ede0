"""IA³ by hooks: a learned vector scales what enters a feed-forward layer, or what leaves another (Liu 2022, §3.3).

peft's IA³ layers know no rows; these do, and sit on the base layers themselves, inside whatever LoRA puts around them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from kullm_tui.weights.rows import Rows


@dataclass
class _Scaled:
    """One module's vectors by adapter, and the hook that applies them."""

    remove_hooks: Callable[[], None]
    inputs: dict[str, torch.Tensor] = field(default_factory=dict)
    outputs: dict[str, torch.Tensor] = field(default_factory=dict)


class ScaledModules:
    def __init__(self, modules: Mapping[str, nn.Module], current: Callable[[], "Rows | None"]) -> None:
        self._modules = modules
        self._current = current
        self._scaled: dict[str, _Scaled] = {}

    def add(self, name: str, _: Mapping[str, Any], tensors: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        for module_name, parts in tensors.items():
            module = self._modules[module_name]
            if module_name not in self._scaled:
                self._scaled[module_name] = self._hook(module)
            vector = parts["ia3_l"]
            # Feed-forward vectors are rows, [1, in]; the others columns, [out, 1].
            held = self._scaled[module_name].inputs if vector.shape[0] == 1 else self._scaled[module_name].outputs
            held[name] = vector.flatten().to(module.weight.device)  # type: ignore[arg-type]

    def _hook(self, module: nn.Module) -> _Scaled:
        def scale_input(_: nn.Module, args: tuple[Any, ...]) -> Any:
            scaled = self._times(scales.inputs, args[0])
            return None if scaled is None else (scaled, *args[1:])

        def scale_output(_: nn.Module, __: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor | None:
            return self._times(scales.outputs, output)

        handles = (module.register_forward_pre_hook(scale_input), module.register_forward_hook(scale_output))

        def remove_hooks() -> None:
            for handle in handles:
                handle.remove()

        scales = _Scaled(remove_hooks)
        return scales

    def _times(self, vectors: Mapping[str, torch.Tensor], values: torch.Tensor) -> torch.Tensor | None:
        rows = self._current()
        if rows is None or not any(name in vectors for name in rows.names):
            return None
        if rows.broadcast:
            return (values * vectors[str(rows.names[0])]).to(values.dtype)
        assert len(values) == len(rows.names), "one name for every row"
        factors = torch.ones((len(values), *(1,) * (values.dim() - 2), values.shape[-1]), device=values.device)
        for index, name in enumerate(rows.names):
            if name is not None and name in vectors:
                factors[index] = vectors[name]
        return (values * factors).to(values.dtype)

    def remove(self, name: str) -> None:
        for module_name, scales in list(self._scaled.items()):
            scales.inputs.pop(name, None)
            scales.outputs.pop(name, None)
            if not scales.inputs and not scales.outputs:
                scales.remove_hooks()
                del self._scaled[module_name]
