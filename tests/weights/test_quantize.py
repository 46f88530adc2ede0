import pytest
import torch

from kullm_tui.weights import quantize
from kullm_tui.weights.bnb import functional

SHAPES = [(32, 64), (96, 128), (1056, 192), (64, 1 << 16)]


@pytest.fixture(params=["our kernel", "torch"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "torch":
        monkeypatch.setattr(quantize, "kernels", lambda: None)


def _weight(rows: int, columns: int) -> torch.Tensor:
    torch.manual_seed(rows)
    weight = torch.randn(rows, columns, dtype=torch.bfloat16)
    weight[0, :64] = 0
    return weight


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_packed_weights_equal_what_bitsandbytes_packs(rows: int, columns: int) -> None:
    weight = _weight(rows, columns)
    codes, state = functional.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    packed, state = functional._convert_weight_packed_for_cpu(codes, state)
    ours = quantize.packed_nf4(weight)
    assert torch.equal(ours[""], packed)
    assert torch.equal(ours["absmax"], state.absmax)


@pytest.mark.parametrize(("rows", "columns"), SHAPES)
def test_serialised_weights_equal_what_bitsandbytes_saves(rows: int, columns: int) -> None:
    weight = _weight(rows, columns)
    codes, state = functional.quantize_4bit(weight, compress_statistics=True, quant_type="nf4")
    ours = quantize.serialised_nf4(weight)
    assert torch.equal(ours.pop(""), codes)
    saved = state.as_dict(packed=True)
    assert ours.keys() == saved.keys()
    assert all(torch.equal(ours[part], saved[part]) for part in saved)


@pytest.mark.parametrize("source", [torch.float32, torch.float16])
def test_other_source_types_are_quantised_as_their_bf16_values(source: torch.dtype) -> None:
    weight = _weight(64, 128).to(source) * 1.01
    assert torch.equal(quantize.packed_nf4(weight)[""], quantize.packed_nf4(weight.to(torch.bfloat16))[""])


def test_a_transposed_view_is_quantised_as_its_contiguous_copy() -> None:
    weight = _weight(128, 96).T
    ours, copied = quantize.packed_nf4(weight), quantize.packed_nf4(weight.contiguous())
    assert all(torch.equal(ours[part], copied[part]) for part in copied)


@pytest.mark.parametrize("rows", [32, 71])
def test_what_is_no_number_has_the_codes_and_scales_that_torch_gives_it(rows: int) -> None:
    weight = _weight(rows, 256)
    weight[1, 3], weight[2, 70], weight[3, 5], weight[3, 6] = float("nan"), float("inf"), -float("inf"), float("nan")
    weight[4, :64] = 1e-39
    ours, torchs = quantize.nf4_codes(weight), quantize.codes_by_torch(weight)
    assert torch.equal(ours.codes, torchs.codes)
    torch.testing.assert_close(ours.scales, torchs.scales, rtol=0, atol=0, equal_nan=True)


def test_int8_rows_equal_those_of_bitsandbytes() -> None:
    weight = _weight(96, 70) + 1
    codes, scales, _ = functional.int8_vectorwise_quant(weight.to(torch.float16))
    ours = quantize.int8_rows(weight)
    assert torch.equal(ours[""], codes)
    assert torch.equal(ours["SCB"], scales)
