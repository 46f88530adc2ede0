"""An adapter's values put into the layers that are trained: training goes on from there.

They are read before peft's layers are made, since they are held against the model's own; every layer gets its own, or none is trained.
"""

from pathlib import Path

import torch
from peft.tuners.tuners_utils import BaseTunerLayer
from torch import nn
from transformers import PreTrainedModel

from kullm_tui.core.errors import AdapterError
from kullm_tui.core.language import say
from kullm_tui.weights.adapter_files import Tensors
from kullm_tui.weights.adapters import AdapterRack
from trainer.model.lean_layers import ADAPTER


def starting_values(model: PreTrainedModel, folder: Path) -> Tensors:
    """By the names of the model's modules. AdapterError where they belong to a model of another shape."""
    try:
        return AdapterRack(model).prepare(folder.name, folder).tensors
    except AdapterError as error:
        raise AdapterError(
            say(
                f"{folder.name} 어댑터에서 학습을 시작할 수 없어요. 이 베이스 모델의 어댑터인지 확인하세요.\n{error}",
                f"Training cannot start from the adapter {folder.name}. See that it is one of this base.\n{error}",
            )
        ) from error


@torch.no_grad()
def begin_with(model: nn.Module, values: Tensors) -> None:
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, BaseTunerLayer)}
    if layers.keys() != values.keys():
        missing = ", ".join(sorted(layers.keys() ^ values.keys())[:3])
        raise AdapterError(
            say(
                f"어댑터에 있는 층과 학습할 층이 달라요: {missing}",
                f"the adapter's layers are not those that are to be trained: {missing}",
            )
        )
    for name, layer in layers.items():
        for part, value in values[name].items():
            held = getattr(layer, part)[ADAPTER]
            parameter = held if isinstance(held, nn.Parameter) else held.weight
            parameter.copy_(value.view_as(parameter))
