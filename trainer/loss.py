"""Cross-entropy where a trained token is predicted, and nowhere else.

The full [tokens, vocabulary] logits never exist: hidden states are gathered at the labelled places first, and the head is applied to
them in pieces. Each piece's gradient is taken while its logits are there, so that backward computes nothing again:

    logits = h Wᵀ      loss = Σ logΣexp(logits) − logits[target]      ∂h = (softmax − onehot) W      ∂W = (softmax − onehot)ᵀ h
"""

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from trainer.estimate.memory import PIECE_BYTES


def summed_loss(
    hidden: torch.Tensor, targets: torch.Tensor, head: nn.Module, softcap: float | None = None
) -> torch.Tensor:
    """The sum over all targets, in fp32. `hidden`: [labelled, width]; `softcap`: Gemma's c · tanh(logits / c)."""
    bias = getattr(head, "bias", None)
    loss: torch.Tensor = _HeadLoss.apply(hidden, head.weight, bias, targets, softcap)  # type: ignore[no-untyped-call]
    return loss


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any, softcap: float | None) -> torch.Tensor:
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        weight_run = weight.to(hidden.dtype)  # fp32 weights of a bf16 computation
        d_hidden = torch.empty_like(hidden) if wants_hidden else None
        d_weight = torch.zeros_like(weight) if wants_weight else None
        d_bias = torch.zeros_like(bias) if wants_bias else None
        total = hidden.new_zeros((), dtype=torch.float32)
        piece = max(1, PIECE_BYTES[hidden.device.type] // (4 * weight.shape[0]))
        for start in range(0, len(targets), piece):
            part = slice(start, start + piece)
            h, target = hidden[part], targets[part, None]
            logits = functional.linear(h, weight_run, bias).float()
            slope = _capped(logits, softcap)
            logits = logits.log_softmax(-1)  # one pass over each row while it is in the cache
            total -= logits.gather(1, target).sum()
            if not (wants_hidden or wants_weight or wants_bias):
                continue
            d_logits = logits.exp_()
            d_logits.scatter_add_(1, target, d_logits.new_full(target.shape, -1))
            d_logits = (d_logits if slope is None else d_logits.mul_(slope)).to(hidden.dtype)
            if d_hidden is not None:
                torch.mm(d_logits, weight_run, out=d_hidden[part])
            if d_weight is not None:
                d_weight += d_logits.t() @ h
            if d_bias is not None:
                d_bias += d_logits.sum(0)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return total  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (d_loss,) = gradients
        return (*(None if kept is None else kept * d_loss.to(kept.dtype) for kept in ctx.saved_tensors), None, None)


def _capped(logits: torch.Tensor, softcap: float | None) -> torch.Tensor | None:
    """The logits squeezed in place; what their gradient must be multiplied by."""
    if not softcap:
        return None
    squeezed = logits.div_(softcap).tanh_()
    slope = 1 - squeezed.square()
    squeezed.mul_(softcap)
    return slope
