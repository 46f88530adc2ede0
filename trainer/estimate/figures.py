"""A figure of a plan and where it comes from; what is made of several figures is no better than the weakest of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Best first. computed: exact arithmetic on the model's shape and the recipe.
Basis = Literal["computed", "measured", "recorded", "assumed"]
_ORDER: tuple[Basis, ...] = ("computed", "measured", "recorded", "assumed")


@dataclass(frozen=True)
class Figure:
    value: float
    basis: Basis


def weakest(*bases: Basis) -> Basis:
    return max(bases, key=_ORDER.index)
