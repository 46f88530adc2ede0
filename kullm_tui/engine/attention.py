"""How the layers of a batch attend: a decode step reads the slots as they lie, everything else goes through torch.

transformers asks for attention by the name in a model's config. Ours is registered as "slots".
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

from kullm_tui.engine.families import family_of
from kullm_tui.weights.kernels import can_attend, kernels

_NAME = "slots"
# What a layer may hand over without changing the plain arithmetic; anything else goes to torch.
_HARMLESS = {"dropout", "is_causal", "position_ids", "cache_position", "use_cache", "output_attentions"}

_thread = threading.local()


def attend_in_slots(model: PreTrainedModel) -> None:
    """Through the kernel where there is one for it, and the architecture takes its attention by name."""
    if model.device.type == "cpu" and kernels() and family_of(model.config).named_attention:
        ALL_ATTENTION_FUNCTIONS.register(_NAME, _attention)
        ALL_MASK_ATTENTION_FUNCTIONS.register(_NAME, sdpa_mask)
        for module in model.modules():
            config: Any = getattr(module, "config", None)
            if getattr(config, "_attn_implementation", None) == "sdpa":
                config._attn_implementation = _NAME


@contextmanager
def one_token_a_row(lengths: Sequence[int]) -> Iterator[None]:
    """This thread's forwards decode: row b's new token is at position `lengths[b]` of slot b."""
    _thread.rows = _thread.ends = torch.tensor(lengths) + 1
    try:
        yield
    finally:
        _thread.rows = _thread.ends = None


@contextmanager
def some_tokens_of_a_row(start: int, count: int) -> Iterator[None]:
    """The same of one row alone, whose next `count` tokens are at positions from `start` on."""
    _thread.ends = torch.arange(start, start + count) + 1
    try:
        yield
    finally:
        _thread.ends = None


def lengths_of_rows() -> torch.Tensor | None:
    """How many keys each row of this thread's decoding has by now; None where it does not decode."""
    ends: torch.Tensor | None = getattr(_thread, "rows", None)
    return ends


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    ends, own = getattr(_thread, "ends", None), kernels()
    plain = all(option is None or name in _HARMLESS for name, option in options.items())
    if ends is not None and own and plain and can_attend(query, key, value):
        return own.attend(query, key, value, ends, query.shape[-1] ** -0.5 if scaling is None else scaling), None
    answer: tuple[torch.Tensor, None] = sdpa_attention_forward(
        module, query, key, value, attention_mask, scaling=scaling, **options
    )
    return answer
