"""How much of its devices' arithmetic a run uses: MFU (Chowdhery et al. 2022, PaLM, appendix B).

    mfu = operations that a token needs · tokens a second / operations a second of all devices

A token's operations are the plan's, what is computed again not counted. A card's rate is its peak in gpus.toml; the processor's is that
of a large matrix product, measured with the plans made here. Where neither is known there is no figure.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError
from trainer.arithmetic import arithmetic, arithmetic_here
from trainer.estimate.machines import gpu_named, processor_name
from trainer.estimate.shape import shape_of_folder
from trainer.estimate.time import flops_per_token
from trainer.estimate.tokens import Lengths
from trainer.recipe import Recipe


def share_of_a_token(recipe: Recipe, base: Path, lengths: Lengths, rate: float | None) -> float | None:
    """The MFU of one token a second, where the devices together do `rate` operations a second."""
    if not rate:
        return None
    try:
        shape = shape_of_folder(base)
    except KullmError:  # a config.json that tells no shape
        return None
    once = replace(recipe, train=replace(recipe.train, recompute=0.0))
    return flops_per_token(once, shape, lengths) / rate


def rate_of_cards(name: str, count: int, recipe: Recipe) -> float | None:
    """gpus.toml has the rates of bf16, and only that arithmetic is compared with them."""
    gpu = gpu_named(name)
    return count * gpu.bf16_flops if gpu and arithmetic(recipe.model.precision) == "bf16" else None


def rate_of_processor(recipe: Recipe) -> float | None:
    """The best that was measured on this processor in this arithmetic, all ranks on it together."""
    try:
        known = json.loads((paths.cache_dir() / "measured" / "processor.json").read_text(encoding="utf-8"))
        entries = [entry for key, entry in known.items() if key.startswith(f"{processor_name()}, ")]
        rates = [
            float(entry["flops"])
            for entry in entries
            if entry.get("arithmetic") == arithmetic_here(recipe.model.precision)
        ]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return None
    return max(rates, default=None)
