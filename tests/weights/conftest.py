from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kullm_tui.core.config import Precision
from kullm_tui.weights.loading import LoadedModel, load_model
from tests import tiny_models

CPU = torch.device("cpu")
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
