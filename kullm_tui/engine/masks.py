"""Attention masks for a decode step over rows of different lengths.

transformers builds masks from one offset for the whole batch. Rows of this engine each stand at their own position, so the
mask of a mixed batch is made here, in the form that the architecture takes:

    alibi (BLOOM, Falcon-RW)   [B, keys] of ones and zeros: the model derives its position bias from it
    one kind of layer          [B, 1, 1, keys]
    several kinds              {"full_attention": …, "sliding_attention": …}

    row lengths 3 and 1, one new token each:     keys  0 1 2 3
                                                 row 0 ■ ■ ■ ■
                                                 row 1 ■ ■ · ·
"""

from collections.abc import Sequence
from typing import Any

import torch

from kullm_tui.engine.families import family_of

Mask = torch.Tensor | dict[str, torch.Tensor]

_KNOWN_LAYERS = {"full_attention", "sliding_attention"}


def decode_mask(config: Any, lengths: Sequence[int], *, device: torch.device, dtype: torch.dtype) -> Mask | None:
    """None where transformers' own arithmetic is right: every row at the same position."""
    if len(set(lengths)) == 1:
        return None
    ends = torch.tensor(lengths, device=device)[:, None]
    keys = torch.arange(max(lengths) + 1, device=device)[None]
    seen = keys <= ends
    if family_of(config).flat_mask:
        return seen.long()
    window = getattr(config, "sliding_window", None)
    near = seen & (keys > ends - window) if window else seen
    layer_types = set(getattr(config, "layer_types", None) or ())
    additive = getattr(config, "_attn_implementation", "sdpa") == "eager"
    if layer_types:
        forms = {"full_attention": seen, "sliding_attention": near}
        return {kind: _four_dimensional(forms[kind], additive, dtype) for kind in sorted(layer_types & _KNOWN_LAYERS)}
    return _four_dimensional(near, additive, dtype)


def _four_dimensional(allowed: torch.Tensor, additive: bool, dtype: torch.dtype) -> torch.Tensor:
    mask = allowed[:, None, None, :]
    if not additive:
        return mask
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)
