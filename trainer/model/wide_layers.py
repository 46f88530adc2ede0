"""A bf16 base on a processor that does not multiply bf16: its weights stay as they lie in the files, its arithmetic is fp32.

    y = x float(W)ᵀ + b      ∂x = ∂y float(W)

Such processors take a hundred times as long over products of bf16. A weight is widened where it is used, forwards and backwards, and gone
again: beside the mapped base there is one wide matrix at a time. Vectors and what is trained are fp32 for good.
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from trainer.arithmetic import arithmetic_here
from trainer.recipe import Recipe


def computes_wide(recipe: Recipe, device: torch.device) -> bool:
    return device.type == "cpu" and recipe.model.precision == "bf16" and arithmetic_here("bf16") == "fp32"


def make_wide(model: nn.Module) -> None:
    """Every frozen layer of the model computes in fp32 from now on. The head's weight is widened by the loss."""
    for layer in model.modules():
        matrix = getattr(layer, "weight", None) if isinstance(layer, nn.Linear | nn.Embedding) else None
        for parameter in layer.parameters(recurse=False):
            if parameter is not matrix:
                parameter.data = parameter.data.float()
        if isinstance(layer, nn.Linear):
            layer.forward = _WideLinear(layer)  # type: ignore[method-assign, assignment]
        elif isinstance(layer, nn.Embedding):
            layer.forward = _WideEmbedding(layer)  # type: ignore[method-assign, assignment]


class _WideLinear:
    def __init__(self, layer: nn.Linear) -> None:
        self.weight, self.bias = layer.weight, layer.bias

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        return _Wide.apply(x, self.weight, self.bias)  # type: ignore[no-any-return, no-untyped-call]


class _WideEmbedding:
    def __init__(self, layer: nn.Embedding) -> None:
        self.weight = layer.weight

    def __call__(self, ids: torch.Tensor) -> torch.Tensor:
        return functional.embedding(ids, self.weight).float()


class _Wide(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any) -> torch.Tensor:
        ctx.save_for_backward(weight)
        out = x.new_empty(*x.shape[:-1], weight.shape[0])  # no view: what comes behind may add to it in place
        rows, turned = x.reshape(-1, x.shape[-1]), weight.float().t()
        flat = out.view(-1, weight.shape[0])
        torch.mm(rows, turned, out=flat) if bias is None else torch.addmm(bias, rows, turned, out=flat)
        return out  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (d_out,) = gradients
        (weight,) = ctx.saved_tensors
        return d_out @ weight.float(), None, None
