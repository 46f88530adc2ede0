"""Selective activation checkpointing: some layers keep only their input and compute the rest again in backward.

Each such layer costs one more forward of it and saves its activations; evenly spread layers, because the peak is what all of them keep
together. Nothing here needs an input that requires a gradient: the non-reentrant form finds the adapter's parameters by itself.
"""

from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint
from transformers.modeling_layers import GradientCheckpointingLayer

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say


def layers_of(model: nn.Module) -> list[GradientCheckpointingLayer]:
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def recompute(model: nn.Module, share: float) -> int:
    """The number of layers that will compute their activations again."""
    if not share:
        return 0
    layers = layers_of(model)
    if not layers:
        raise ConfigError(
            say(
                "이 모델 구조는 활성값 재계산을 지원하지 않아요. train.recompute를 0으로 하세요.",
                "This architecture has no layers that can be computed again. Set train.recompute to 0.",
            )
        )
    chosen = [layer for place, layer in enumerate(layers) if int((place + 1) * share) > int(place * share)]
    for layer in chosen:
        layer.gradient_checkpointing = True
        layer._gradient_checkpointing_func = partial(checkpoint, use_reentrant=False)
    return len(chosen)
