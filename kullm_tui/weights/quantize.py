"""One tensor at a time into the form that runs: NF4 with double quantisation, or 8-bit rows.

    NF4   64 values share a scale; value → 4-bit code, two codes a byte; the scales are themselves quantised (QLoRA, Dettmers 2023, §3)
    int8  each output row has one scale (LLM.int8(), Dettmers 2022, §3)

The results equal bitsandbytes' own to the bit. They are computed here because its CPU code does the codes on one core with 12 bytes
of scratch a value, and packs with 32 bytes a value. `kernels` computes them an order of magnitude sooner than torch, where there is a compiler.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import torch

from kullm_tui.weights.bnb import functional
from kullm_tui.weights.kernels import kernels
from kullm_tui.weights.skeleton import BLOCK

Form = Literal["packed", "bnb", "plain"]

_CHUNK = 1 << 19  # values that one thread works on at once: their fp32 copy stays in the cache
_THREADS_AT_MOST = 16
SCRATCH_BYTES = 12 * _CHUNK * _THREADS_AT_MOST
_SCALES_BLOCK = 256  # scales that share a scale of the second quantisation
_HALF = 16  # rows in each nibble of a packed byte
_GROUP = 2 * _HALF


@dataclass(frozen=True)
class Codes:
    """A quantised matrix of `rows` × `columns`: one fp32 scale for every block; codes in bitsandbytes' order, or as `interleaved` has them."""

    rows: int
    columns: int
    codes: torch.Tensor
    scales: torch.Tensor


@cache
def _workers() -> ThreadPoolExecutor:
    """Threads whose torch operations use one core each.

    Operations that share their work out among all cores wait for the slowest core many thousand times; on a busy machine
    that is ten times slower. A thread keeps the number it was given; the process's own number is put back at once.
    """
    own = torch.get_num_threads()
    count = min(own, _THREADS_AT_MOST)
    started = threading.Barrier(count + 1)
    pool = ThreadPoolExecutor(count, "quantise", initializer=lambda: torch.set_num_threads(1))
    for _ in range(count):
        pool.submit(started.wait)
    started.wait()
    torch.set_num_threads(own)
    return pool


_in_use = 0
_counting = threading.Lock()


@contextmanager
def quantising() -> Iterator[None]:
    """The threads end with the last who is in here: those that computed would slow a model's steps (`engine/apart.py`)."""
    global _in_use
    with _counting:
        _in_use += 1
    try:
        yield
    finally:
        with _counting:
            _in_use -= 1
            if not _in_use and _workers.cache_info().currsize:
                _workers().shutdown()
                _workers.cache_clear()


def in_chunks(count: int, step: int, work: Callable[[int, int], None]) -> None:
    starts = range(0, count, max(1, step))
    for _ in _workers().map(lambda first: work(first, min(count, first + starts.step)), starts):
        pass


@cache
def _bounds() -> tuple[float, ...]:
    """The midpoints between neighbouring NF4 values: a value's code is the number of bounds below it."""
    levels = functional.get_4bit_type("nf4", device="cpu")
    return tuple(((levels[1:] + levels[:-1]) / 2).tolist())


def nf4_codes(weight: torch.Tensor, *, packed: bool = False) -> Codes:
    """`weight` may be a transposed view; it is read in chunks of rows and never copied whole. `packed`: interleaved by 32 rows."""
    own = kernels()
    if own is None:
        found = codes_by_torch(weight)
        return replace(found, codes=interleaved(found)) if packed else found
    rows, columns = weight.shape
    codes = torch.empty(rows * columns // 2, dtype=torch.uint8)
    scales, bounds = torch.empty(rows * columns // BLOCK), torch.tensor(_bounds())

    def quantise(first: int, last: int) -> None:
        values = weight[first:last].to(torch.bfloat16).contiguous()
        theirs = scales[first * columns // BLOCK :], codes[first * columns // 2 :]
        own.nf4_quantise(values, bounds, *theirs, packed=packed)

    in_chunks(rows, max(1, _CHUNK // columns // _GROUP) * _GROUP, quantise)
    return Codes(rows, columns, codes, scales)


def codes_by_torch(weight: torch.Tensor) -> Codes:
    rows, columns = weight.shape
    codes = torch.empty(rows * columns // 2, dtype=torch.uint8)
    scales = torch.empty(rows * columns // BLOCK)

    def quantise(first: int, last: int) -> None:
        values = weight[first:last].to(torch.bfloat16).contiguous().float().view(-1, BLOCK)
        at = slice(first * columns // BLOCK, last * columns // BLOCK)
        scales[at] = values.abs().amax(dim=-1)
        values.mul_((1.0 / scales[at].clamp(min=1e-38)).unsqueeze(1)).clamp_(-1, 1)
        _write_codes(values, codes[first * columns // 2 : last * columns // 2])

    in_chunks(rows, _CHUNK // columns, quantise)
    return Codes(rows, columns, codes, scales)


def _write_codes(values: torch.Tensor, out: torch.Tensor) -> None:
    above = torch.empty(values.shape, dtype=torch.bool)
    code = torch.zeros(values.shape, dtype=torch.uint8)
    for bound in _bounds():
        torch.gt(values, bound, out=above)
        code.add_(above.view(torch.uint8))
    pairs = code.view(-1, 2)
    torch.bitwise_or(pairs[:, 0] << 4, pairs[:, 1], out=out)


def packed_nf4(weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """The form of bitsandbytes' AVX512-BF16 kernel: codes interleaved by 32 rows, expanded scales in bf16, [block, row]."""
    found = nf4_codes(weight, packed=True)
    scales, state = functional.quantize_blockwise(found.scales - found.scales.mean(), blocksize=_SCALES_BLOCK)
    expanded = functional.dequantize_blockwise(scales, state) + found.scales.mean()
    by_row = expanded.view(found.rows, found.columns // BLOCK)
    return {"": found.codes.view(found.rows, found.columns // 2), "absmax": by_row.T.to(torch.bfloat16).contiguous()}


def interleaved(found: Codes) -> torch.Tensor:
    """Rows n and n+16 of every 32 share a byte; a column pair's 32 bytes lie together.

    in   [rows/32, 2 halves, 16, columns/2]   byte = even column << 4 | odd column
    out  [rows/32, columns/2, 16, 2 columns]  byte = row n+16 << 4 | row n
    """
    halves = found.codes.view(found.rows // _GROUP, 2, _HALF, found.columns // 2)
    out = torch.empty(found.rows // _GROUP, found.columns // 2, _HALF, 2, dtype=torch.uint8)

    def pack(first: int, last: int) -> None:
        low, high = halves[first:last, 0], halves[first:last, 1]
        out[first:last, ..., 0] = ((high & 0xF0) | (low >> 4)).transpose(1, 2)
        out[first:last, ..., 1] = ((high << 4) | (low & 0x0F)).transpose(1, 2)

    in_chunks(len(out), _CHUNK // (found.columns * _GROUP), pack)
    return out.view(found.rows, found.columns // 2)


def serialised_nf4(weight: torch.Tensor) -> dict[str, torch.Tensor]:
    """bitsandbytes' own saved form, for CUDA and for CPUs without that kernel."""
    found = nf4_codes(weight)
    offset = found.scales.mean()
    scales, nested = functional.quantize_blockwise(found.scales - offset, blocksize=_SCALES_BLOCK)
    state = functional.QuantState(
        absmax=scales,
        shape=torch.Size((found.rows, found.columns)),
        dtype=torch.bfloat16,
        blocksize=BLOCK,
        code=functional.get_4bit_type("nf4", device="cpu"),
        quant_type="nf4",
        offset=offset,
        state2=nested,
    )
    return {"": found.codes.unsqueeze(1), **state.as_dict(packed=True)}


def int8_rows(weight: torch.Tensor) -> dict[str, torch.Tensor]:
    rows, columns = weight.shape
    codes = torch.empty(rows, columns, dtype=torch.int8)
    scales = torch.empty(rows)

    def quantise(first: int, last: int) -> None:
        part = weight[first:last].to(torch.bfloat16).to(torch.float16).contiguous()
        codes[first:last], scales[first:last], _ = functional.int8_vectorwise_quant(part)

    in_chunks(rows, _CHUNK // columns, quantise)
    return {"": codes, "SCB": scales}
