"""A config.json against what its folder really holds: how many parts a model may have, counted while it is built.

A module tree costs time and memory though it has no weights: two hundred thousand layers take minutes. The files' headers say
how many tensors there are to fill it, so a model of many more is stopped as soon as it has them; so is one that is called off.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import nn
from torch.nn.modules.module import (
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
)

from kullm_tui.core import foreign_json, regular_files
from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say
from kullm_tui.weights.files import fetch_again, open_checkpoint
from kullm_tui.weights.progress import Cancelled, stop_if

_MOST_CONFIG_BYTES = 8 << 20
_MOST_PARTS = 1_000_000
_COUNTS = re.compile(r"layer|expert|label|block|depth|head|stage")
# Their masks are tables of positions by positions, made before anything can be counted; real ones have at most this many.
_MASKED_BY_TABLE = {"gpt_neo", "gpt_bigcode"}
_MOST_POSITIONS = 8_192
_USUAL_PARAMETERS = 100_000  # where no weights lie beside the config
_SPARE_PARAMETERS = 1_000  # tied, or made by the class itself
_MODULES_A_PARAMETER = 20


def check_config(folder: Path) -> None:
    """A ValueError or OSError before a library opens the folder: every file in it ends, no count in its config is absurd."""
    regular_files.check_folder(folder)
    config = foreign_json.read(folder / "config.json", most_bytes=_MOST_CONFIG_BYTES)
    _check_counts(config)
    if isinstance(config, dict) and config.get("model_type") in _MASKED_BY_TABLE:
        for name in ("max_position_embeddings", "n_positions"):
            if isinstance(count := config.get(name), int) and count > _MOST_POSITIONS:
                raise ValueError(f"{name}: {count}")


def _check_counts(value: Any, name: str = "") -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _check_counts(inner, str(key))
    elif isinstance(value, int) and value > _MOST_PARTS and _COUNTS.search(name):
        raise ValueError(f"{name}: {value}")


@contextmanager
def bounded(folder: Path, cancelled: Cancelled) -> Iterator[None]:
    """What this thread builds inside has no more parts than the folder's weights can fill, and stops when it is called off."""
    left = _parameters_of(folder)
    parameters, modules, builder = left, left * _MODULES_A_PARAMETER, threading.get_ident()

    def parameter_made(*_: Any) -> None:
        nonlocal parameters
        if threading.get_ident() == builder:
            parameters -= 1
            _check(parameters)

    def module_made(_owner: nn.Module, _name: str, _module: nn.Module | None) -> None:
        nonlocal modules
        if threading.get_ident() == builder:
            modules -= 1
            _check(modules)

    def _check(remaining: int) -> None:
        stop_if(cancelled)
        if remaining < 0:
            raise _too_many_parts(folder)

    hooks = (
        register_module_parameter_registration_hook(parameter_made),
        register_module_module_registration_hook(module_made),
    )
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _parameters_of(folder: Path) -> int:
    try:
        return 2 * len(open_checkpoint(folder).tensors) + _SPARE_PARAMETERS
    except WeightsError:  # told when the weights are wanted
        return _USUAL_PARAMETERS


def _too_many_parts(folder: Path) -> WeightsError:
    korean, english = fetch_again(folder)
    return WeightsError(
        say(
            f"{folder}의 config.json은 가중치 파일에 든 것보다 훨씬 많은 층을 요구해요. {korean}",
            f"The config.json of {folder} asks for many more layers than its weights hold. {english}",
        )
    )
