"""transformers' model classes, imported without torch's compiler, its distributed tensors and SciPy.

Nothing here compiles, shards a model or computes a loss over boxes, yet the library's front brings all three in: half of what an
engine needs to begin (docs/experiments.md has the seconds). For the time of the import they are not there, as on a machine that
lacks them, nor is the package that fetches native code; decorators that would tell the compiler to keep away leave their functions as
they are. What asks for the compiler later gets the real one. A version of the library that does not bear this is imported as it wants.
"""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import torch

from kullm_tui.weights.import_structure import structure_kept
from kullm_tui.weights.import_time import in_their_place

_MODULES = ("transformers.modeling_utils", "transformers.masking_utils", "transformers.generation")
_COMPILER = "torch._dynamo"
_LACKING = {"scipy": None, "kernels": None}
_INDEXING = f"{_COMPILER}._trace_wrapped_higher_order_op"
_torch: Any = torch


class _RealWhenUsed:
    """Stands for a class of the compiler in those modules that imported it by name."""

    def __new__(cls, *given: Any, **named: Any) -> Any:
        real = importlib.import_module(_INDEXING).TransformGetItemToIndex
        return real(*given, **named)


def _as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
    return function if callable(function) else _as_it_is


def _nothing_to_compile(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return _as_it_is


@contextlib.contextmanager
def _without_the_compiler() -> Iterator[None]:
    compiler, indexing = ModuleType(_COMPILER), ModuleType(_INDEXING)
    compiler.__path__ = []
    compiler.__getattr__ = _nothing_to_compile  # type: ignore[method-assign]
    indexing.TransformGetItemToIndex = _RealWhenUsed  # type: ignore[attr-defined]
    disable = _torch.compiler.disable
    _torch.compiler.disable, _torch._dynamo = _as_it_is, compiler
    try:
        with in_their_place({_COMPILER: compiler, _INDEXING: indexing}):
            yield
    finally:
        _torch.compiler.disable = disable
        del _torch._dynamo


@contextlib.contextmanager
def _on_one_device() -> Iterator[None]:
    """The library remembers the answer, so that its functions agree with its imports."""
    available = _torch.distributed.is_available
    _torch.distributed.is_available = lambda: False
    try:
        yield
    finally:
        _torch.distributed.is_available = available


def _bring_in() -> None:
    for name in _MODULES:
        importlib.import_module(name)


def _forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "transformers"]:
        del sys.modules[name]


if "transformers.modeling_utils" not in sys.modules and _COMPILER not in sys.modules:
    try:
        with structure_kept(), in_their_place(_LACKING), _on_one_device(), _without_the_compiler():
            _bring_in()
    except (ImportError, AttributeError, NameError, TypeError, ValueError, RuntimeError):
        _forget()
        _bring_in()
