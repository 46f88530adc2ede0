"""Tensors without storage are not filled: torch would ask its compiler how that is done, whose import takes a second of an engine's start."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from transformers import initialization

_initialisers: dict[str, Callable[..., torch.Tensor]] = initialization.TORCH_INIT_FUNCTIONS


@contextlib.contextmanager
def nothing_filled() -> Iterator[None]:
    """A tensor with storage still is, whoever fills it."""
    before = dict(_initialisers)
    try:
        for name, function in before.items():
            _use(name, _unless_meta(function))
        yield
    finally:
        for name, function in before.items():
            _use(name, function)


def _use(name: str, function: Callable[..., torch.Tensor]) -> None:
    _initialisers[name] = function
    setattr(torch.nn.init, name, function)


def _unless_meta(fill: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    def filled(tensor: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        return tensor if tensor.is_meta else fill(tensor, *given, **named)

    return filled
