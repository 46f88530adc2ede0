"""Where an architecture takes a forward otherwise than the rest.

One that is not named here is taken like LLaMA:

    bloom     position_ids are unknown to it, and ALiBi comes from a flat mask
    falcon    attends inline, whatever attention its config names; in its older form (falcon-rw) ALiBi comes from a flat mask
"""

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Family:
    takes_positions: bool = True
    flat_mask: bool = False  # [B, keys] of ones and zeros, which the model derives its position bias from
    named_attention: bool = True


_LIKE_LLAMA = Family()
_OTHERS = {
    "bloom": Family(takes_positions=False, flat_mask=True),
    "falcon": Family(named_attention=False),
}


def family_of(config: Any) -> Family:
    family = _OTHERS.get(config.model_type, _LIKE_LLAMA)
    return replace(family, flat_mask=True) if getattr(config, "alibi", False) else family
