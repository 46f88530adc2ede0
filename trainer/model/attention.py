"""Attention within each document of a packed row, through transformers' registry of attention functions.

    CUDA   one variable-length kernel over all documents, where a probe finds that it runs on this device
    else   one causal call per document, on slices of the row: our own for bf16 on a processor, else torch's

Whether an architecture passes on what this needs, and computes nothing else across a row, is not believed but tried (`packs_exactly`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel

from trainer.model.causal import causal_attention

_NAME = "kullm_packed"
_PROBE_LENGTHS = (7, 5, 9)


@contextmanager
def packed_attention(model: PreTrainedModel) -> Iterator[None]:
    """Within, the model's forward takes `document_lengths` beside a packed row."""
    usual = model.config._attn_implementation
    model.config._attn_implementation = _NAME
    try:
        yield
    finally:
        model.config._attn_implementation = usual


@torch.no_grad()
def packs_exactly(model: PreTrainedModel, body: Any, device: torch.device) -> bool:
    """True if documents in one row come out of the model's body as each one does alone."""
    vocabulary = model.get_input_embeddings().weight.shape[0]
    ids = torch.arange(sum(_PROBE_LENGTHS), device=device).mul(7).remainder(vocabulary)[None]
    positions = torch.cat([torch.arange(length, device=device) for length in _PROBE_LENGTHS])[None]
    try:
        with packed_attention(model):
            together = body(
                input_ids=ids, position_ids=positions, use_cache=False, document_lengths=_PROBE_LENGTHS
            ).last_hidden_state
    except (TypeError, ValueError, NotImplementedError, RuntimeError, AttributeError, KeyError):
        return False  # an architecture whose forward knows no such argument, or attention of another kind
    parts = torch.split(ids, list(_PROBE_LENGTHS), dim=1)
    alone = [body(input_ids=part, use_cache=False).last_hidden_state for part in parts]
    expected = torch.cat(alone, dim=1).float()
    tolerance = 1e-4 if together.dtype == torch.float32 else 5e-2
    return bool((together.float() - expected).norm() <= tolerance * expected.norm())


def _forward(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    document_lengths: Sequence[int] = (),
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """[1, heads, tokens, width] each; the answer is [1, tokens, heads, width], as the interface asks."""
    if softcap or attention_mask is not None or not document_lengths or getattr(module, "sinks", None) is not None:
        raise NotImplementedError
    longest = max(document_lengths)
    window = sliding_window if sliding_window and sliding_window < longest else None
    if window is None and not dropout and runs_varlen(query.device, query.shape[-1], query.dtype, _share(query, key)):
        return _varlen(query, key, value, document_lengths, scaling), None
    if window is None and not dropout and query.device.type == "cpu" and query.dtype == torch.bfloat16:
        return _own(query, key, value, document_lengths, scaling), None
    return _slices(query, key, value, document_lengths, scaling, dropout, window), None


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _slices(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    lengths: Sequence[int],
    scaling: float | None,
    dropout: float,
    window: int | None,
) -> torch.Tensor:
    shared = _share(query, key) > 1
    cut: Any = torch.split
    parts = zip(*(cut(whole, list(lengths), dim=2) for whole in (query, key, value)), strict=True)
    outputs = []
    for q, k, v in parts:
        mask = _band(q.shape[2], window, q.device) if window else None
        out = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, dropout_p=dropout, is_causal=mask is None, scale=scaling, enable_gqa=shared
        )
        outputs.append(out.transpose(1, 2))
    return torch.cat(outputs, dim=1)


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _own(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int], scaling: float | None
) -> torch.Tensor:
    share = _share(query, key)
    keys, values = (whole[0].repeat_interleave(share, 0) if share > 1 else whole[0] for whole in (key, value))
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    cut: Any = torch.split
    documents = zip(*(cut(whole, list(lengths), dim=1) for whole in (query[0], keys, values)), strict=True)
    return torch.cat([causal_attention(q, k, v, scale) for q, k, v in documents], dim=1).transpose(0, 1)[None]


def _share(query: torch.Tensor, key: torch.Tensor) -> int:
    """Queries that one key serves; above 1 with grouped queries."""
    return query.shape[1] // key.shape[1]


def _band(length: int, window: int, device: torch.device) -> torch.Tensor:
    """Each token sees itself and the `window` − 1 before it."""
    place = torch.arange(length, device=device)
    back = place[:, None] - place[None, :]
    return (back >= 0) & (back < window)


def _varlen(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int], scaling: float | None
) -> torch.Tensor:
    from torch.nn.attention.varlen import varlen_attn

    bounds = _bounds(tuple(lengths), query.device)
    q, k, v = (whole[0].transpose(0, 1).contiguous() for whole in (query, key, value))
    longest, causal = max(lengths), (-1, 0)
    grouped: Any = {"enable_gqa": True} if _share(query, key) > 1 else {}  # torch 2.11 knows no such argument
    out: Any = varlen_attn(q, k, v, bounds, bounds, longest, longest, scale=scaling, window_size=causal, **grouped)
    return out[None]  # type: ignore[no-any-return]


@cache
def runs_varlen(device: torch.device, width: int, dtype: torch.dtype, share: int = 1) -> bool:
    """Tried once on two short documents, forwards and backwards."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return False
    heads = (share, 1, 1)  # of queries, keys and values
    rows = [torch.ones(1, count, 32, width, device=device, dtype=dtype, requires_grad=True) for count in heads]
    try:
        _varlen(rows[0], rows[1], rows[2], (16, 16), None).sum().backward()  # type: ignore[no-untyped-call]
    except (ImportError, RuntimeError, TypeError, ValueError, NotImplementedError):
        return False
    return True


_last_bounds: dict[tuple[Any, ...], torch.Tensor] = {}


def _bounds(lengths: tuple[int, ...], device: torch.device) -> torch.Tensor:
    """Where documents begin and end; all layers of one forward ask for the same."""
    asked = (lengths, device)
    if asked not in _last_bounds:
        _last_bounds.clear()
        ends = torch.tensor((0, *lengths), dtype=torch.int32).cumsum(0, dtype=torch.int32)
        _last_bounds[asked] = ends.to(device)
    return _last_bounds[asked]


AttentionInterface.register(_NAME, _forward)
