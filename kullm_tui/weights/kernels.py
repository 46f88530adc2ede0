"""Our own kernels on a CPU, built once on the user's machine from `kernels.c` and `tiles.c`.

    rows of a 4-bit matrix    the same bits as bitsandbytes' kernel for AVX512-BF16, sooner; on CPUs without that, where bitsandbytes expands
                              the matrix for every token, much sooner. More than a few by the processor's tiles, where it has them
    weights to 4 bits         an order of magnitude sooner than by torch
    rows of a bf16 matrix     the output embedding
    one query against a slot  attention, which in torch's CPU kernel costs twenty times as much

Needs x86-64 with AVX2, Linux and a C compiler. Where one of them is missing `kernels()` is None and the engine runs on torch and
bitsandbytes alone. docs/experiments.md has the measurements.
"""

import ctypes
import logging
import math
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from kullm_tui.core.native import built, cpu_flags
from kullm_tui.core.processor import Processor, processor

logger = logging.getLogger(__name__)

_SOURCE, _TILES_SOURCE = (Path(__file__).with_name(name) for name in ("kernels.c", "tiles.c"))
# Sums may be reordered, which is what vectorising them takes. Not -ffast-math: a library linked with it makes the whole process
# flush denormals to zero when it is loaded.
_REORDERED = ("-fassociative-math", "-fno-signed-zeros", "-fno-trapping-math", "-fno-math-errno", "-ffp-contract=fast")
_OPTIONS = ("-O3", *_REORDERED, "-fopenmp", "-shared", "-fPIC")
_TILES = {"amx_tile", "amx_bf16", "avx512bw"}  # in the words of /proc/cpuinfo
_TILES_OPTIONS = ("-mamx-tile", "-mamx-bf16")
_ROWS_AT_ONCE = 16  # of x, for which the 4-bit matrix is read once
_ROWS_BEFORE_TILES = 2
_ROWS_ALIKE = 8  # that need not go through tiles
_ROWS_BEFORE_EXPANDED = 96  # more of them, and the 4-bit matrix is expanded
_EXPANDED_VALUES = 1 << 22
_APART = 32  # values between two rows of them, or rows that are a power of two apart share their places in the cache
_TILE = 16  # rows of x
_LARGEST_HEAD = 512  # HEAD_AT_MOST
_ON_A_STACK = 1 << 16  # values of x that lie there as fp32

_thread = threading.local()
_long, _place = ctypes.c_int64, ctypes.c_void_p
_SIGNATURES = {
    "nf4_rows": [*(_long,) * 3, *(_place,) * 5],
    "nf4_few": [*(_long,) * 3, *(_place,) * 6],
    "nf4_expand": [*(_long,) * 4, *(_place,) * 4, _long],
    "nf4_quantise": [*(_long,) * 2, *(_place,) * 4, _long],
    "bf16_rows": [*(_long,) * 3, *(_place,) * 3],
    "attend": [*(_long,) * 4, _place, ctypes.c_float, *(_place,) * 3, *(_long,) * 2, _place],
}


@contextmanager
def rows_alike() -> Iterator[None]:
    """Up to eight rows of this thread's products come out as each would alone, to the bit, though some of them might come sooner otherwise."""
    _thread.alike = True
    try:
        yield
    finally:
        _thread.alike = False


class Tiles:
    """Rows of x by the processor's own products of small matrices."""

    def __init__(self, library: Path) -> None:
        """OSError where Linux does not give this process the tiles."""
        loaded = ctypes.CDLL(str(library))
        if loaded.tiles_allowed():
            raise OSError("this process may not use the processor's tiles")
        self._nf4 = loaded.nf4_tiles
        self._nf4.argtypes, self._nf4.restype = [*(_long,) * 4, *(_place,) * 5], None

    def nf4_linear(self, rows: torch.Tensor, outputs: int, matrix: tuple[int, int, int]) -> torch.Tensor:
        count, columns = rows.shape
        if count <= _TILE:
            filled = rows.to(torch.bfloat16).contiguous()
        else:
            filled = rows.new_zeros((math.ceil(count / _TILE) * _TILE, columns + _APART), dtype=torch.bfloat16)
            filled[:count, :columns] = rows
        out = filled.new_empty((count, outputs))
        self._nf4(count, outputs, columns, filled.stride(0), filled.data_ptr(), *matrix, out.data_ptr())
        return out


class Kernels:
    """The library, with tensors for arguments. Whoever calls has checked types, shapes and that rows are contiguous."""

    def __init__(self, library: Path, tiles: Tiles | None = None) -> None:
        loaded = ctypes.CDLL(str(library))
        for name, arguments in _SIGNATURES.items():
            function = getattr(loaded, name)
            function.argtypes, function.restype = arguments, None
        self.tiles = tiles
        self._nf4_rows, self._nf4_few = loaded.nf4_rows, loaded.nf4_few
        self._nf4_expand = loaded.nf4_expand
        self._nf4_quantise = loaded.nf4_quantise
        self._bf16_rows = loaded.bf16_rows
        self._attend = loaded.attend

    def nf4_linear(
        self, x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor, levels: torch.Tensor
    ) -> torch.Tensor:
        """[…, columns] → […, outputs] in bf16; the matrix in the form of `quantize.packed_nf4`."""
        outputs, columns = codes.shape[0], 2 * codes.shape[1]
        rows = x.reshape(-1, columns)
        matrix = codes.data_ptr(), scales.data_ptr(), levels.data_ptr()
        if len(rows) > self._most_rows():
            many = self.tiles.nf4_linear if self.tiles else self._expanded
            return many(rows, outputs, matrix).view(*x.shape[:-1], outputs)
        out, wide = x.new_empty((*x.shape[:-1], outputs), dtype=torch.bfloat16), rows.float()
        each = max(1, math.ceil(len(rows) / max(1, math.ceil(len(rows) / _ROWS_AT_ONCE))))
        for first in range(0, len(rows), each):
            count = min(each, len(rows) - first)
            theirs = wide.data_ptr() + 4 * columns * first, *matrix, out.data_ptr() + 2 * outputs * first
            self._nf4_rows(count, outputs, columns, *theirs)
        return out

    def _most_rows(self) -> int:
        """More of them are taken otherwise."""
        if self.tiles is None:
            return _ROWS_BEFORE_EXPANDED
        return _ROWS_ALIKE if getattr(_thread, "alike", False) else _ROWS_BEFORE_TILES

    def nf4_few(
        self, codes: torch.Tensor, scales: torch.Tensor, levels: torch.Tensor, bias: torch.Tensor | None
    ) -> "Few | None":
        """For one matrix, whose tensors stay where they are, and its bias. None: the bias is of another type."""
        if bias is not None and bias.dtype != torch.bfloat16:
            return None
        places = codes.data_ptr(), scales.data_ptr(), levels.data_ptr(), 0 if bias is None else bias.data_ptr()
        columns = 2 * codes.shape[1]
        rows = _ROWS_BEFORE_TILES if self.tiles else _ROWS_ALIKE
        return Few(self._nf4_few, codes.shape[0], columns, places, min(rows, _ON_A_STACK // columns) * columns)

    def _expanded(self, rows: torch.Tensor, outputs: int, matrix: tuple[int, int, int]) -> torch.Tensor:
        """Some rows of the matrix at a time, as fp32."""
        rows = rows.float()
        columns = rows.shape[1]
        step = max(32, _EXPANDED_VALUES // columns // 32 * 32)
        out = rows.new_empty((len(rows), outputs), dtype=torch.bfloat16)
        plain = rows.new_empty((columns, step + _APART))
        for first in range(0, outputs, step):
            last = min(outputs, first + step)
            self._nf4_expand(first, last, outputs, columns, *matrix, plain.data_ptr(), step + _APART)
            out[:, first:last] = rows @ plain[:, : last - first]
        return out

    def nf4_quantise(
        self, values: torch.Tensor, bounds: torch.Tensor, scales: torch.Tensor, codes: torch.Tensor, *, packed: bool
    ) -> None:
        """[rows, columns] of bf16, on this thread alone; `scales` and `codes` are written from their beginning on."""
        places = (part.data_ptr() for part in (values, bounds, scales, codes))
        self._nf4_quantise(*values.shape, *places, packed)

    def bf16_linear(self, x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        outputs, columns = weight.shape
        rows = x.reshape(-1, columns).float()
        out = x.new_empty((*x.shape[:-1], outputs))
        self._bf16_rows(len(rows), outputs, columns, rows.data_ptr(), weight.data_ptr(), out.data_ptr())
        return out

    def attend(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, ends: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """[B, heads, n, size] → [B, n, heads, size] over keys and values [B, kv heads, …, size]; B or n is 1.

        There is an entry of `ends` for each query, which sees the positions before it: of its own row, or all of one row."""
        rows, heads, count, size = query.shape
        query = query.transpose(1, 2).contiguous()
        out = torch.empty_like(query)
        self._attend(
            *(rows * count, heads, heads // keys.shape[1], size, ends.data_ptr(), scale),
            *(query.data_ptr(), keys.data_ptr(), values.data_ptr()),
            *(keys.stride(0) if count == 1 else 0, keys.stride(1), out.data_ptr()),
        )
        return out


@dataclass(frozen=True)
class Few:
    """What `nf4_linear` and the addition of the bias make of a few rows, with nothing looked up anew: hundreds of these are a token."""

    _kernel: Any
    _outputs: int
    _columns: int
    _places: tuple[int, int, int, int]  # codes, scales, levels, bias
    most: int  # values of x

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        out = x.new_empty((*x.shape[:-1], self._outputs))
        count = x.numel() // self._columns
        self._kernel(count, self._outputs, self._columns, x.data_ptr(), *self._places, out.data_ptr())
        return out


def can_attend(query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> bool:
    rows, _, count, size = query.shape
    together = keys.stride() == values.stride() and keys.stride()[2:] == (size, 1)
    alike = query.dtype == keys.dtype == values.dtype == torch.bfloat16 and query.device.type == "cpu"
    return alike and together and values.shape[-1] == size <= _LARGEST_HEAD and 1 in (rows, count)


@cache
def kernels() -> Kernels | None:
    """This process' own. Built on the first call, which takes two seconds or so; found in the cache later."""
    return kernels_for(processor())


def kernels_for(own: Processor) -> Kernels | None:
    if own.compiler is None or not own.runs_kernels:
        return None
    try:
        library = built(_SOURCE, own.compiler, (*_OPTIONS, f"-march={own.architecture}"))
        return Kernels(library, _tiles_for(own))
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("the kernels could not be built with %s: %s", own.compiler, error)
        return None


def _tiles_for(own: Processor) -> Tiles | None:
    if own.compiler is None or own.level != "avx512-bf16" or not cpu_flags() >= _TILES:
        return None
    try:
        return Tiles(built(_TILES_SOURCE, own.compiler, (*_OPTIONS, f"-march={own.architecture}", *_TILES_OPTIONS)))
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("nothing goes through the processor's tiles: %s", error)
        return None
