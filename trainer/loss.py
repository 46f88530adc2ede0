"""Cross-entropy where a trained token is predicted, and nowhere else.

The full [tokens, vocabulary] logits never exist: hidden states are gathered at the labelled places first, and the head is applied to
them in pieces. Each piece's gradient is taken while its logits are there, so that backward computes nothing again:

    logits = h Wᵀ      loss = Σ logΣexp(logits) − logits[target]      ∂h = (softmax − onehot) W      ∂W = (softmax − onehot)ᵀ h

Where each place's loss counts by itself, by weights that depend on them all, its ∂h is kept as if its weight were 1 and multiplied in
backward. ∂W cannot wait like that: a head that is trained has its logits computed again.
"""

from collections.abc import Iterator
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


def each_loss(
    hidden: torch.Tensor, targets: torch.Tensor, head: nn.Module, softcap: float | None = None
) -> torch.Tensor:
    """Of every target by itself, in fp32: minus its log-probability."""
    bias = getattr(head, "bias", None)
    losses: torch.Tensor = _EachLoss.apply(hidden, head.weight, bias, targets, softcap)  # type: ignore[no-untyped-call]
    return losses


class _HeadLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any, softcap: float | None) -> torch.Tensor:
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        weight_run = weight.to(hidden.dtype)  # fp32 weights of a bf16 computation
        d_hidden = torch.empty_like(hidden) if wants_hidden else None
        d_weight = torch.zeros_like(weight) if wants_weight else None
        d_bias = torch.zeros_like(bias) if wants_bias else None
        total = hidden.new_zeros((), dtype=torch.float32)
        wanted = wants_hidden or wants_weight or wants_bias
        for part, losses, d_logits in _pieces(hidden, weight_run, bias, targets, softcap, slopes=wanted):
            total += losses.sum()
            if d_hidden is not None:
                torch.mm(d_logits, weight_run, out=d_hidden[part])
            if d_weight is not None:
                d_weight += d_logits.t() @ hidden[part]
            if d_bias is not None:
                d_bias += d_logits.sum(0)
        ctx.save_for_backward(d_hidden, d_weight, d_bias)
        return total  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (d_loss,) = gradients
        return (*(None if kept is None else kept * d_loss.to(kept.dtype) for kept in ctx.saved_tensors), None, None)


class _EachLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Any, weight: Any, bias: Any, targets: Any, softcap: float | None) -> torch.Tensor:
        wants_hidden, *wants_head = ctx.needs_input_grad[:3]
        weight_run = weight.to(hidden.dtype)
        d_hidden = torch.empty_like(hidden) if wants_hidden else None
        each = hidden.new_empty(len(targets), dtype=torch.float32)
        for part, losses, d_logits in _pieces(hidden, weight_run, bias, targets, softcap, slopes=wants_hidden):
            each[part] = losses
            if d_hidden is not None:
                torch.mm(d_logits, weight_run, out=d_hidden[part])
        ctx.softcap = softcap
        ctx.save_for_backward(d_hidden, *((hidden, weight, bias, targets) if any(wants_head) else (None,) * 4))
        return each  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (d_each,) = gradients
        d_hidden, hidden, weight, bias, targets = ctx.saved_tensors
        d_weight, d_bias = (None if kept is None else torch.zeros_like(kept) for kept in (weight, bias))
        if weight is not None:
            weight_run = weight.to(hidden.dtype)
            for part, _, d_logits in _pieces(hidden, weight_run, bias, targets, ctx.softcap, slopes=True):
                d_logits = d_logits * d_each[part, None].to(d_logits.dtype)
                d_weight += d_logits.t() @ hidden[part]
                if d_bias is not None:
                    d_bias += d_logits.sum(0)
        if d_hidden is not None:
            d_hidden = (d_hidden * d_each[:, None]).to(d_hidden.dtype)
        return d_hidden, d_weight, d_bias, None, None


def _pieces(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    targets: torch.Tensor,
    softcap: float | None,
    *,
    slopes: bool,
) -> Iterator[tuple[slice, torch.Tensor, torch.Tensor]]:
    """Some of the targets at a time: which, their losses, and by `slopes` each loss by its logits; else the logits' logarithms."""
    piece = max(1, PIECE_BYTES[hidden.device.type] // (4 * weight.shape[0]))
    for start in range(0, len(targets), piece):
        part = slice(start, start + piece)
        target = targets[part, None]
        logits = functional.linear(hidden[part], weight, bias).float()
        slope = _capped(logits, softcap)
        logits = logits.log_softmax(-1)  # one pass over each row while it is in the cache
        losses = -logits.gather(1, target)[:, 0]
        if slopes:
            logits.exp_().scatter_add_(1, target, logits.new_full(target.shape, -1))
            logits = (logits if slope is None else logits.mul_(slope)).to(hidden.dtype)
        yield part, losses, logits


def _capped(logits: torch.Tensor, softcap: float | None) -> torch.Tensor | None:
    """The logits squeezed in place; what their gradient must be multiplied by."""
    if not softcap:
        return None
    squeezed = logits.div_(softcap).tanh_()
    slope = 1 - squeezed.square()
    squeezed.mul_(softcap)
    return slope
