"""A figure of a plan and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Best first. computed: exact arithmetic on the model's shape and the recipe.
Basis = Literal["computed", "measured", "recorded", "assumed"]


@dataclass(frozen=True)
class Figure:
    value: float
    basis: Basis
