"""Our own kernels against torch and bitsandbytes, built by this machine's compiler for every path that uses them and runs here."""

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch.nn.functional import linear, scaled_dot_product_attention

from kullm_tui.core.native import cpu_flags, find_compiler
from kullm_tui.core.processor import LEVELS, Level, Processor, machine_level
from kullm_tui.weights.bnb import bitsandbytes, functional
from kullm_tui.weights.kernels import Kernels, can_attend, kernels_for, rows_alike
from kullm_tui.weights.quantize import packed_nf4

SHAPES = [(32, 64), (96, 128), (1024, 192)]


AVX2 = Processor("avx2", find_compiler(), forced=True)


_PATHS = LEVELS[1 : LEVELS.index(machine_level()) + 1]


@pytest.fixture(scope="module", params=_PATHS)
def own(request: pytest.FixtureRequest) -> Kernels:
    """Whatever path the tests themselves are on."""
    return _kernels_of(request.param)


def _every_path() -> list[Kernels]:
    return [_kernels_of(level) for level in _PATHS]


def _kernels_of(level: Level) -> Kernels:
    found = kernels_for(Processor(level, find_compiler(), forced=level != machine_level()))
    assert found is not None, "a C compiler is needed to test the kernels"
    return found


def _levels() -> torch.Tensor:
    levels: torch.Tensor = functional.get_4bit_type("nf4", device="cpu")
    return levels.bfloat16()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 17, 24, 40, 70, 130])
@pytest.mark.parametrize(("outputs", "columns"), SHAPES)
def test_4_bit_rows_equal_the_product_with_the_expanded_matrix(
    own: Kernels, count: int, outputs: int, columns: int
) -> None:
    """What the form holds are levels and scales in bf16; all that a product adds to their sum is its own rounding to bf16."""
    parts, levels = packed_nf4(torch.randn(outputs, columns, dtype=torch.bfloat16)), _levels()
    x = torch.randn(2, count, columns, dtype=torch.bfloat16)[:1]
    matrix = _expanded(parts[""], parts["absmax"], levels).T
    expected = x.double() @ matrix
    rounding = 2**-8 * expected.abs() + 1e-4
    found = own.nf4_linear(x, parts[""], parts["absmax"], levels)
    assert ((found.double() - expected).abs() <= rounding).all()


@pytest.mark.parametrize(("outputs", "columns"), [*SHAPES, (256, 2048)])
def test_4_bit_rows_are_the_same_to_the_bit_on_every_path_and_bitsandbytes_own(outputs: int, columns: int) -> None:
    parts, levels = packed_nf4(torch.randn(outputs, columns, dtype=torch.bfloat16)), _levels()
    for count in (*range(1, 10), 16, 17, 24):
        x = torch.randn(count, columns, dtype=torch.bfloat16)
        paths = [own for own in _every_path() if count <= 8 or not own.tiles]
        with rows_alike():
            found = [own.nf4_linear(x, parts[""], parts["absmax"], levels) for own in paths]
        if machine_level() == "avx512-bf16":  # where bitsandbytes has a kernel
            found.append(_bitsandbytes(x, parts[""], parts["absmax"]))
        assert all(torch.equal(one, found[0]) for one in found)


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize(("outputs", "columns"), [*SHAPES, (64, 1 << 16)])
def test_a_few_rows_with_their_bias_are_the_product_and_the_addition(
    own: Kernels, outputs: int, columns: int, biased: bool
) -> None:
    parts, levels = packed_nf4(torch.randn(outputs, columns, dtype=torch.bfloat16)), _levels()
    bias = torch.randn(outputs, dtype=torch.bfloat16) if biased else None
    few = own.nf4_few(parts[""], parts["absmax"], levels, bias)
    assert few is not None
    assert few.most == min((2 if own.tiles else 8) * columns, 1 << 16)
    for count in range(1, 9):
        if count * columns <= few.most:
            x = torch.randn(1, count, columns, dtype=torch.bfloat16)
            expected = own.nf4_linear(x, parts[""], parts["absmax"], levels)
            assert torch.equal(few(x), expected if bias is None else expected + bias)


def _bitsandbytes(x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    (count, columns), outputs = x.shape, len(codes)
    kernel = ctypes.CFUNCTYPE(None, *(ctypes.c_int64,) * 3, *(ctypes.c_void_p,) * 4, *(ctypes.c_int64,) * 3)(
        ("gemv_4bit_inference_cpu_nf4_bf16", bitsandbytes.cextension.lib._lib)
    )
    out = x.new_empty((count, outputs))
    places = x.data_ptr(), codes.data_ptr(), scales.data_ptr(), out.data_ptr()
    kernel(count, outputs, columns, *places, 64, columns, outputs)
    return out


def test_a_row_comes_out_the_same_to_the_bit_whatever_stands_beside_it(own: Kernels) -> None:
    """So that tokens which are computed together are those that come one by one."""
    four_bits, levels = packed_nf4(torch.randn(96, 192, dtype=torch.bfloat16)), _levels()
    weight = torch.randn(77, 192, dtype=torch.bfloat16)
    x = torch.randn(8, 192, dtype=torch.bfloat16)
    products = (
        lambda rows: own.bf16_linear(rows, weight),
        lambda rows: own.nf4_linear(rows, four_bits[""], four_bits["absmax"], levels),
    )
    for product in products:
        alone = torch.cat([product(row[None]) for row in x])
        with rows_alike():
            for count in range(2, 9):
                assert torch.equal(product(x[:count]), alone[:count])


def _expanded(codes: torch.Tensor, scales: torch.Tensor, levels: torch.Tensor) -> torch.Tensor:
    """[outputs/32][columns/2][16][2] bytes → [outputs, columns]; row r in a byte's lower half, row r+16 in the upper one."""
    outputs, columns = codes.shape[0], 2 * codes.shape[1]
    bytes_ = codes.view(torch.uint8).reshape(outputs // 32, columns // 2, 16, 2)
    halves = torch.stack((bytes_ & 15, bytes_ >> 4), dim=1)  # group, half, pair, row, even or odd
    rows = halves.permute(0, 1, 3, 2, 4).reshape(outputs, columns)
    return levels.double()[rows.int()] * scales.double().T.reshape(outputs, -1).repeat_interleave(64, dim=1)


def _tiled() -> list[Kernels]:
    """The path that goes through the processor's tiles, where this one has them."""
    found = [own for own in _every_path() if own.tiles]
    assert bool(found) == ("avx512-bf16" in _PATHS and cpu_flags() >= {"amx_tile", "amx_bf16"})
    return found


def test_tiles_leave_the_shapes_of_other_libraries_alone() -> None:
    """torch's product of bf16 goes through the same registers, in the same threads."""
    left, right = torch.randn(64, 256).bfloat16(), torch.randn(256, 128).bfloat16()
    parts, levels = packed_nf4(torch.randn(96, 192, dtype=torch.bfloat16)), _levels()
    expected = left @ right
    torch.testing.assert_close(expected.float(), left.float() @ right.float(), rtol=2**-7, atol=0.1)
    for own in _tiled():
        for count in range(3, 150):
            own.nf4_linear(torch.randn(count, 192).bfloat16(), parts[""], parts["absmax"], levels)
            assert torch.equal(left @ right, expected)


def test_a_row_in_tiles_is_the_same_whatever_stands_beside_it() -> None:
    parts, levels = packed_nf4(torch.randn(96, 192, dtype=torch.bfloat16)), _levels()
    x = torch.randn(130, 192, dtype=torch.bfloat16)
    for own in _tiled():
        whole = own.nf4_linear(x, parts[""], parts["absmax"], levels)
        for count in (3, 9, 16, 33, 64, 65, 129):
            assert torch.equal(own.nf4_linear(x[:count], parts[""], parts["absmax"], levels), whole[:count])


def test_without_tiles_the_other_kernels_serve(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Linux may refuse them to a process, and an old compiler knows none."""
    monkeypatch.setattr("kullm_tui.weights.kernels.cpu_flags", lambda: frozenset({"amx_tile", "amx_bf16", "avx512bw"}))
    monkeypatch.setattr("kullm_tui.weights.kernels._TILES_OPTIONS", ("-mno-such-thing",))
    found = kernels_for(Processor("avx512-bf16", find_compiler(), forced=False))
    assert found is not None
    assert found.tiles is None
    assert "tiles" in caplog.text


def test_the_packed_form_holds_what_bitsandbytes_expands() -> None:
    weight = torch.randn(96, 128, dtype=torch.bfloat16)
    codes, state = functional.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    parts = packed_nf4(weight)
    plain = functional.dequantize_4bit(codes, state).double()
    # a level, a scale and bitsandbytes' value are each rounded to bf16
    torch.testing.assert_close(_expanded(parts[""], parts["absmax"], _levels()), plain, rtol=3 * 2**-8, atol=1e-6)


@pytest.mark.parametrize("count", [1, 3, 4, 7])
def test_bf16_rows_equal_torchs_product(own: Kernels, count: int) -> None:
    weight = torch.randn(77, 130, dtype=torch.bfloat16)
    x = torch.randn(count, 130, dtype=torch.bfloat16)
    torch.testing.assert_close(own.bf16_linear(x, weight), linear(x, weight), rtol=0.01, atol=0.05)


@settings(max_examples=60, deadline=None)
@given(
    lengths=some.lists(some.integers(1, 150), min_size=1, max_size=4),
    groups=some.sampled_from([1, 2, 4]),
    size=some.sampled_from([16, 64, 80, 256]),
)
def test_a_query_sees_its_own_row_as_far_as_it_reaches(
    own: Kernels, lengths: list[int], groups: int, size: int
) -> None:
    heads, rows = 4, len(lengths)
    slots = torch.randn(2, rows + 1, heads // groups, 200, size, dtype=torch.bfloat16)
    for row, length in enumerate(lengths):
        slots[:, row, :, length:] = torch.nan  # what lies behind a row's end must not be looked at
    keys, values = (side[:rows, :, : max(lengths)] for side in slots)
    query = torch.randn(rows, heads, 1, size, dtype=torch.bfloat16)
    assert can_attend(query, keys, values)
    found = own.attend(query, keys, values, torch.tensor(lengths), size**-0.5)
    for row, length in enumerate(lengths):
        expected = scaled_dot_product_attention(
            query[row, None].float(),
            keys[row, None, :, :length].float(),
            values[row, None, :, :length].float(),
            enable_gqa=True,
        )
        torch.testing.assert_close(found[row, None].transpose(1, 2).float(), expected, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("groups", [1, 4])
def test_some_tokens_of_a_row_each_see_as_far_as_when_they_come_alone(own: Kernels, groups: int) -> None:
    heads, size, ends = 4, 64, torch.tensor([98, 99, 100, 101])
    keys, values = torch.randn(2, 1, heads // groups, 150, size, dtype=torch.bfloat16)
    query = torch.randn(1, heads, len(ends), size, dtype=torch.bfloat16)
    assert can_attend(query, keys, values)
    together = own.attend(query, keys, values, ends, size**-0.5)
    alone = [own.attend(query[:, :, [at]], keys, values, end[None], size**-0.5) for at, end in enumerate(ends)]
    assert torch.equal(together, torch.cat(alone, dim=1))


def test_scores_far_apart_do_not_overflow(own: Kernels) -> None:
    keys = torch.full((1, 1, 130, 16), 100.0, dtype=torch.bfloat16)
    keys[0, 0, 100] = 120.0
    values = torch.arange(130.0).bfloat16()[None, None, :, None].expand(1, 1, 130, 16).contiguous()
    query = torch.full((1, 1, 1, 16), 100.0, dtype=torch.bfloat16)
    assert own.attend(query, keys, values, torch.tensor([130]), 1.0).float().unique().tolist() == [100.0]


def test_loading_the_library_leaves_the_arithmetic_of_the_process_alone(own: Kernels) -> None:
    """A library linked with -ffast-math would flush this to zero."""
    assert own
    denormal = torch.tensor([1e-40])
    assert (denormal * 1.0).item() != 0


@pytest.mark.parametrize("lacking", [Processor("avx2", None, forced=False), Processor("plain", "cc", forced=False)])
def test_without_what_they_need_there_are_no_kernels(lacking: Processor) -> None:
    assert kernels_for(lacking) is None


def test_a_compiler_that_fails_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no headers >&2; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    assert kernels_for(Processor("avx2", str(broken), forced=True)) is None
    assert str(broken) in caplog.text


def test_the_library_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    assert kernels_for(AVX2) is not None
    (library,) = (tmp_path / "cache" / "kernels").iterdir()
    built = library.stat().st_mtime_ns
    assert kernels_for(AVX2) is not None
    assert [file.stat().st_mtime_ns for file in library.parent.iterdir()] == [built]


def test_processes_that_build_at_once_all_get_whole_kernels(tmp_path: Path) -> None:
    program = """import sys
from kullm_tui.core.processor import Processor
from kullm_tui.weights.kernels import kernels_for
sys.exit(kernels_for(Processor("avx2", sys.argv[1], forced=True)) is None)"""
    children = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", program, str(AVX2.compiler)],
            env={"KULLM_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )
        for _ in range(3)
    ]
    assert [child.wait() for child in children] == [0, 0, 0]
