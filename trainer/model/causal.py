"""Causal attention of one document in bf16 on a processor, where torch's own takes many times as long to go back.

    S = s·q kᵀ, masked      P = softmax S      o = P v
    ∂v = Pᵀ ∂o      ∂P = ∂o vᵀ      ∂S = P ∘ (∂P − Σ P∘∂P)      ∂q = s·∂S k      ∂k = s·∂Sᵀ q

Some rows at a time, each block against the keys up to its own last one, so that half of the square is never computed. P is made
again on the way back: only q, k and v are kept.
"""

from functools import cache
from typing import Any

import torch

_ROWS = 256


def causal_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """[heads, tokens, width] each, as many heads of keys as of queries."""
    out: torch.Tensor = _Causal.apply(query, key, value, scale)  # type: ignore[no-untyped-call]
    return out


class _Causal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any, scale: float) -> torch.Tensor:
        ctx.save_for_backward(query, key, value)
        ctx.scale = scale
        outputs = [
            torch.bmm(_weights(query[:, start:end], key[:, :end], scale), value[:, :end])
            for start, end in _blocks(query.shape[1])
        ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (d_out,) = gradients
        query, key, value = ctx.saved_tensors
        d_query, d_key, d_value = (torch.empty_like(whole) for whole in (query, key, value))
        for start, end in reversed(_blocks(query.shape[1])):  # the last block meets every key: it fills, the others add
            q, k, v, d = query[:, start:end], key[:, :end], value[:, :end], d_out[:, start:end]
            weights = _weights(q, k, ctx.scale)
            d_weights = torch.bmm(d, v.transpose(1, 2))
            d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype).mul_(ctx.scale)
            d_query[:, start:end] = torch.bmm(d_scores, k)
            for whole, part in ((d_key, (d_scores, q)), (d_value, (weights, d))):
                seen = torch.bmm(part[0].transpose(1, 2), part[1])
                whole[:, :end] = seen if end == query.shape[1] else seen.add_(whole[:, :end])
        return d_query, d_key, d_value, None


def _weights(query: torch.Tensor, key: torch.Tensor, scale: float) -> torch.Tensor:
    """Of the last rows of a document, over all keys up to theirs."""
    rows = query.shape[1]
    scores = torch.bmm(query, key.transpose(1, 2)).mul_(scale)
    scores[:, :, -rows:] += _future(rows, query.dtype)
    return scores.softmax(-1)


def _blocks(tokens: int) -> list[tuple[int, int]]:
    return [(start, min(start + _ROWS, tokens)) for start in range(0, tokens, _ROWS)]


@cache
def _future(rows: int, dtype: torch.dtype) -> torch.Tensor:
    return torch.full((rows, rows), -torch.inf, dtype=dtype).triu_(1)
