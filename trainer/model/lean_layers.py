"""How peft's layers compute while they are trained: parameters in fp32, products in the precision of what flows, nothing kept twice.

    LoRA   y = x Wᵀ + b + s (x Aᵀ) Bᵀ      A: [rank, in], B: [out, rank]
    IA³    y = l ⊙ (x Wᵀ + b)              or, in the feed-forward part, (l ⊙ x) Wᵀ + b

peft's own LoRA forward keeps x once more in fp32 and makes three tensors of y's size; here the product is added to the frozen layer's
own output, and x is kept as it is. Its IA³ turns everything behind a scaled layer into fp32. peft still owns the layers: it made
them, and it saves them.
"""

from typing import Any

import torch
from peft.tuners.ia3 import IA3Layer
from peft.tuners.lora import LoraLayer
from torch import nn

ADAPTER = "default"


def make_lean(model: nn.Module) -> None:
    """Every LoRA and IA³ layer of the model computes this way from now on."""
    for layer in model.modules():
        if isinstance(layer, LoraLayer) and ADAPTER in layer.lora_A and not layer.lora_variant:
            layer.forward = _LowRankLayer(layer)
        elif isinstance(layer, IA3Layer) and ADAPTER in layer.ia3_l:
            layer.forward = _ScaledLayer(layer)


class _ScaledLayer:
    def __init__(self, layer: Any) -> None:
        self.frozen: nn.Module = layer.base_layer
        self.scales: nn.Parameter = layer.ia3_l[ADAPTER]
        self.at_input: bool = layer.is_feedforward

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        scales = self.scales.flatten()
        if self.at_input:
            return self.frozen(x * scales.to(x.dtype))  # type: ignore[no-any-return]
        out: torch.Tensor = self.frozen(x)
        return out * scales.to(out.dtype)


class _LowRankLayer:
    """What `forward` is replaced by; it holds the layer's parts, which peft's containers look up by name."""

    def __init__(self, layer: Any) -> None:
        self.frozen: nn.Module = layer.base_layer
        self.down: nn.Linear = layer.lora_A[ADAPTER]
        self.up: nn.Linear = layer.lora_B[ADAPTER]
        self.dropout: nn.Module = layer.lora_dropout[ADAPTER]
        self.scale: float = layer.scaling[ADAPTER]
        self.shares_output = type(self.frozen) is not nn.Linear  # bitsandbytes answers with views of its own

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        out = self.frozen(x)
        if self.shares_output:
            out = out.clone()
        seen: torch.Tensor = _LowRank.apply(out, self.dropout(x), self.down.weight, self.up.weight, self.scale)  # type: ignore[no-untyped-call]
        return seen


class _LowRank(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, out: Any, x: Any, down: Any, up: Any, scale: float) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        down_run, up_run = down.to(x.dtype), (up * scale).to(x.dtype)
        inner = rows @ down_run.t()
        ctx.save_for_backward(rows, inner, down_run, up_run)
        ctx.scale, ctx.kept = scale, (x.shape, down.dtype, up.dtype)
        ctx.mark_dirty(out)
        out.view(-1, out.shape[-1]).addmm_(inner.to(out.dtype), up_run.t().to(out.dtype))
        return out  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (d_out,) = gradients
        rows, inner, down, up = ctx.saved_tensors
        shape, down_type, up_type = ctx.kept
        d_rows = d_out.reshape(-1, d_out.shape[-1]).to(rows.dtype)
        d_inner = d_rows @ up
        d_x = (d_inner @ down).view(shape) if ctx.needs_input_grad[1] else None
        d_down = (d_inner.t() @ rows).to(down_type)
        d_up = (d_rows.t() @ inner).to(up_type) * ctx.scale
        return d_out, d_x, d_down, d_up, None
