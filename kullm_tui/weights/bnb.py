"""bitsandbytes, imported so that it fetches nothing and says nothing.

On CPUs with AVX512-BF16 its import asks the package `kernels` for native code from the Hub, and logs a warning when there is
none. The engine runs no code fetched that way, so `kernels` is hidden for the time of the import. The import also wraps four
optimiser and fallback functions in torch.compile, which brings in all of the compiler (docs/experiments.md has the seconds)
for functions that the engine never calls; they stay as they are. Its 8-bit layer logs one line for every layer of every token.

On a forced path (core/processor.py) below AVX512-BF16 it is told that the processor has none, wherever it asks.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from kullm_tui.core.processor import processor
from kullm_tui.weights.import_time import in_their_place

_SILENCED = {
    "bitsandbytes.backends.cpu.ops": "Failed to load CPU gemm_4bit_forward",
    "bitsandbytes.autograd._functions": "MatMul8bitLt: inputs will be cast",
}


def _silence(logger: str, opening: str) -> None:
    logging.getLogger(logger).addFilter(lambda record: not str(record.msg).startswith(opening))


@contextmanager
def _without_the_compiler() -> Iterator[None]:
    untyped: Any = torch
    compile_later = untyped.compile
    untyped.compile = lambda function=None, **_: function
    try:
        yield
    finally:
        untyped.compile = compile_later


def _hide_avx512bf16() -> None:
    asked = "has_avx512bf16"
    for module in [module for name, module in sys.modules.items() if name.partition(".")[0] == "bitsandbytes"]:
        if hasattr(module, asked):
            setattr(module, asked, lambda: False)


for _logger, _opening in _SILENCED.items():
    _silence(_logger, _opening)

with in_their_place({"kernels": None}), _without_the_compiler():
    import bitsandbytes
    import bitsandbytes.functional as functional
    import bitsandbytes.nn as nn

if processor().level != "avx512-bf16":
    _hide_avx512bf16()

__all__ = ["bitsandbytes", "functional", "nn"]
