"""Our own kernels against torch and bitsandbytes. This machine's compiler builds them; where there is none they are not used."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as some
from torch.nn.functional import linear, scaled_dot_product_attention

from kullm_tui.core import native, processor
from kullm_tui.weights import packed
from kullm_tui.weights.bnb import functional
from kullm_tui.weights.kernels import Kernels, can_attend, kernels
from kullm_tui.weights.quantize import packed_nf4

SHAPES = [(32, 64), (96, 128), (1024, 192)]


@pytest.fixture
def own() -> Kernels:
    found = kernels()
    assert found is not None, "a C compiler and AVX2 are needed to test the kernels"
    return found


def _levels() -> torch.Tensor:
    levels: torch.Tensor = functional.get_4bit_type("nf4", device="cpu")
    return levels.bfloat16()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 17])
@pytest.mark.parametrize(("outputs", "columns"), SHAPES)
def test_4_bit_rows_equal_the_product_with_the_expanded_matrix(
    own: Kernels, count: int, outputs: int, columns: int
) -> None:
    weight = torch.randn(outputs, columns, dtype=torch.bfloat16)
    codes, state = functional.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    parts = packed_nf4(weight)
    x = torch.randn(2, count, columns, dtype=torch.bfloat16)[:1]
    plain = functional.dequantize_4bit(codes, state).float()
    found = own.nf4_linear(x, parts[""], parts["absmax"], _levels())
    expected = x.float() @ plain.T
    assert found.shape == expected.shape
    assert (found.float() - expected).abs().max() < 0.01 * expected.abs().max()


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
def test_a_query_sees_its_own_row_as_far_as_it_reaches(lengths: list[int], groups: int, size: int) -> None:
    own = kernels()
    assert own
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
        torch.testing.assert_close(found[row, None].float(), expected, rtol=0.02, atol=0.02)


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


@pytest.mark.parametrize("missing", ["a compiler", "the processor"])
def test_without_what_they_need_there_are_no_kernels(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing == "a compiler":
        monkeypatch.setattr(shutil, "which", lambda _: None)
    else:
        monkeypatch.setattr(processor, "cpu_flags", lambda: frozenset({"sse2"}))
    assert kernels.__wrapped__() is None


def test_a_compiler_that_fails_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho no headers >&2; exit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setattr(native, "COMPILERS", (str(broken),))
    assert kernels.__wrapped__() is None
    assert str(broken) in caplog.text


def test_the_library_is_built_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    assert kernels.__wrapped__() is not None
    (library,) = (tmp_path / "cache" / "kernels").iterdir()
    built = library.stat().st_mtime_ns
    assert kernels.__wrapped__() is not None
    assert [file.stat().st_mtime_ns for file in library.parent.iterdir()] == [built]


def test_processes_that_build_at_once_all_get_whole_kernels(tmp_path: Path) -> None:
    program = "from kullm_tui.weights.kernels import kernels; import sys; sys.exit(kernels() is None)"
    children = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", program], env={"KULLM_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        )
        for _ in range(3)
    ]
    assert [child.wait() for child in children] == [0, 0, 0]


def test_a_packed_layer_without_bitsandbytes_kernel_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from kullm_tui.weights.placing import _place_packed

    weight, x = torch.randn(96, 128, dtype=torch.bfloat16), torch.randn(1, 3, 128, dtype=torch.bfloat16)
    answers = []
    for has_kernel in (packed.has_bnb_kernel(), False):
        monkeypatch.setattr(packed, "has_bnb_kernel", lambda has_kernel=has_kernel: has_kernel)
        layer = packed.PackedLinear(128, 96, False, torch.bfloat16, compress_statistics=True, quant_type="nf4")
        _place_packed(layer, packed_nf4(weight))
        answers.append(layer(x).float())
    torch.testing.assert_close(*answers, rtol=0.02, atol=0.05)
