from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kullm_tui.core.config.settings import Precision
from kullm_tui.weights.kernels import kernels
from kullm_tui.weights.loading import LoadedModel, load_model
from kullm_tui.weights.packed import has_bnb_kernel, multiplies_bf16, runs_packed
from tests import tiny_models

CPU = torch.device("cpu")
# Of the error that transformers' own bf16 arithmetic makes; found for the ten families on AVX2: 0.98 to 1.01.
_AS_NEAR = 1.1
IDS = torch.tensor([[10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 11, 12, 13, 14, 15, 16, 17, 18, 19, 21]])

Load = Callable[..., LoadedModel]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")
    return tmp_path / "home"


@pytest.fixture
def load() -> Load:
    def loaded(folder: Path, precision: Precision = "4bit") -> LoadedModel:
        return load_model(folder, precision=precision, device=CPU, progress=lambda _: None, cancelled=lambda: False)

    return loaded


@pytest.fixture(scope="session")
def neox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_model(tmp_path_factory.mktemp("neox") / "polyglot-tiny", "gpt_neox")


def logits_of(model: torch.nn.Module, ids: torch.Tensor = IDS) -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = model(ids).logits.float()
    return logits


def assert_as_exact(ours: torch.Tensor, theirs: torch.Tensor, exact: torch.Tensor, *, atol: float = 0.0) -> None:
    """4-bit logits of ours and of transformers, both in bf16, against transformers' in fp32 over the same 4-bit weights.

    Where one kernel serves both they are equal (within `atol`, for rows that are computed beside others). Where ours serves, it is as
    near to the exact as transformers is: both are off by the rounding of what goes from layer to layer, and by hardly anything else.
    """
    own = kernels()
    tiles = own is not None and own.tiles is not None  # whose sums have another order
    if multiplies_bf16() and not tiles and (has_bnb_kernel() or not runs_packed(CPU)):
        torch.testing.assert_close(ours, theirs, atol=atol, rtol=0)
    else:
        assert_as_near(ours, theirs, exact)


def assert_as_near(ours: torch.Tensor, theirs: torch.Tensor, exact: torch.Tensor) -> None:
    assert _rms(ours - exact) <= _AS_NEAR * _rms(theirs - exact)
    assert _rms(ours - theirs) <= _rms(theirs - exact)


def _rms(difference: torch.Tensor) -> float:
    return difference.pow(2).mean().sqrt().item()
