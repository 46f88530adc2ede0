"""A tiny model to train, rows to train it on, and a short and a long recipe for that."""

import json
from pathlib import Path

import pytest

from tests.tiny_models import save_model

ROWS = [
    {"id": str(n), "instruction": f"{n} 더하기 1은?", "input": "", "output": f"답은 {n + 1}입니다."} for n in range(48)
]
RECIPE = """
summary = "시험"
summary_en = "a test"
[model]
base = "{base}"
template = "kullm-v2"
precision = "fp32"
[data]
source = "{data}"
cutoff = 256
[method]
rank = 4
[train]
epochs = {epochs}
batch = 8
micro_tokens = 1024
save_every = 1
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture
def home(tmp_path: Path, base: Path) -> Path:
    """`tiny.toml` ends after two epochs; `long.toml` does not end while anybody waits."""
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), encoding="utf-8")
    for name, epochs in (("tiny", 2), ("long", 5000)):
        (tmp_path / f"{name}.toml").write_text(RECIPE.format(base=base, data=data, epochs=epochs), encoding="utf-8")
    return tmp_path
