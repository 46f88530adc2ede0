"""`python -m trainer` as a process of its own: from rows in a file to an adapter, with signals and faults on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from kullm_tui.core.errors import ConfigError
from tests.tiny_models import save_lora
from tests.trainer.examples import a_preference, a_recipe, tiny_base
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import rows as read_rows
from trainer.jobs.directory import JobBusy, create, held
from trainer.recipe import DataChoice, Recipe, recipe_dict, recipe_with

PROJECT = Path(__file__).parents[2]


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    return tiny_base(tmp_path / "base")


def a_run(base: Path, folder: Path, *, rows: int = 24, **training: Any) -> JobDirectory:
    source = folder.with_suffix(".jsonl")
    lines = [{"id": str(n), "instruction": f"{n} 다음 수는?", "output": f"{n + 1}입니다."} for n in range(rows)]
    source.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    recipe = a_recipe(base, **training)
    data = DataChoice(source=str(source), evaluate=0.2)
    recipe = replace(recipe, data=data, model=replace(recipe.model, template="kullm-v2"))
    return create(folder, _spec(recipe))


def _spec(recipe: Recipe) -> dict[str, Any]:
    return {"recipe": recipe_dict(recipe), "digest": recipe.digest}


def trainer(folder: JobDirectory) -> "subprocess.Popen[str]":
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT), "KULLM_LANG": "en"}
    command = [sys.executable, "-P", "-m", "trainer", str(folder.path)]
    return subprocess.Popen(
        command, cwd=folder.path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def ended(child: "subprocess.Popen[str]") -> tuple[int, str]:
    _, said = child.communicate(timeout=240)
    return child.returncode, said


def wait_for_steps(folder: JobDirectory, child: "subprocess.Popen[str]", count: int) -> None:
    deadline = time.monotonic() + 240
    while sum(1 for _ in read_rows(folder.metrics)) < count:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_leaves_metrics_samples_and_an_adapter(base: Path, tmp_path: Path) -> None:
    folder = a_run(base, tmp_path / "run", epochs=2, samples=("3 다음 수는?",))
    code, said = ended(trainer(folder))
    assert code == 0, said
    metrics = list(read_rows(folder.metrics))
    expected = {
        "step",
        "epoch",
        "loss",
        "lr",
        "grad_norm",
        "tokens",
        "tokens_per_s",
        "memory_bytes",
        "eta_s",
        "steps",
        "time",
    }
    assert all(expected <= row.keys() for row in metrics)
    assert [row["step"] for row in metrics] == list(range(1, len(metrics) + 1))
    evaluations = {row["step"]: row["eval_loss"] for row in metrics if "eval_loss" in row}
    assert len(evaluations) == 2
    assert json.loads(folder.manifest.read_text())["step"] == min(evaluations, key=lambda step: evaluations[step])
    assert {row["prompt"] for row in read_rows(folder.samples)} == {"3 다음 수는?"}
    assert (folder.artifacts / "adapter_model.safetensors").is_file()
    assert [row["event"] for row in read_rows(folder.events)][0] == "started"


def test_pairs_in_a_file_become_an_adapter_that_goes_on_from_another(base: Path, tmp_path: Path) -> None:
    source = tmp_path / "pairs.jsonl"
    lines = [
        {"prompt": f"{n} 다음 수는?", "chosen": f"{n + 1}입니다.", "rejected": f"{n + 2}입니다."} for n in range(24)
    ]
    source.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
    recipe = a_preference(a_recipe(base, epochs=4), sft_weight=0.1)
    recipe = replace(recipe, data=DataChoice(source=str(source), evaluate=0.2))
    start = save_lora(tmp_path / "sft", base)
    recipe = recipe_with(recipe, [f"model.adapter={start}", "model.template=kullm-v2"])
    folder = create(tmp_path / "run", _spec(recipe))
    code, said = ended(trainer(folder))
    assert code == 0, said
    rows = list(read_rows(folder.metrics))
    assert abs(rows[0]["margin"]) < 1e-3  # it starts at its reference
    assert sum(row["margin"] for row in rows[-3:]) > 0
    assert {"margin", "chosen_gain", "chosen_length", "sft_loss"} <= rows[-1].keys()
    assert any("eval_accuracy" in row for row in rows)
    assert [row["event"] for row in read_rows(folder.events)].count(
        "reference"
    ) == 2  # the training rows', the held-out rows'
    before, after = (load_file(one / "adapter_model.safetensors") for one in (start, folder.artifacts))
    assert before.keys() == after.keys()
    assert not any(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_once_and_the_run_goes_on_from_there(base: Path, tmp_path: Path, number: signal.Signals) -> None:
    folder = a_run(base, tmp_path / "run", epochs=2000, save_every=100_000)
    child = trainer(folder)
    wait_for_steps(folder, child, 3)
    child.send_signal(number)
    assert ended(child)[0] == 130
    saved = folder.checkpoint_steps()[0]
    assert saved == max(row["step"] for row in read_rows(folder.metrics))
    again = trainer(folder)
    wait_for_steps(folder, again, saved + 2)
    again.kill()
    again.communicate()
    assert next(row["step"] for row in read_rows(folder.events) if row["event"] == "resumed") == saved


def test_a_second_signal_ends_at_once(base: Path, tmp_path: Path) -> None:
    folder = a_run(base, tmp_path / "run", epochs=2000)
    child = trainer(folder)
    wait_for_steps(folder, child, 1)
    child.send_signal(signal.SIGTERM)
    child.send_signal(signal.SIGINT)
    assert ended(child)[0] == 130
    assert not folder.artifacts.exists()


def test_a_failure_says_why_in_error_json_and_in_one_line(base: Path, tmp_path: Path) -> None:
    folder = a_run(base, tmp_path / "run")
    (base / "model.safetensors").write_bytes(b"damaged")
    code, said = ended(trainer(folder))
    assert code == 1
    reason = json.loads(folder.error(1).read_text())
    assert reason["message"] in said
    assert reason["kind"] == "WeightsError"
    assert "Traceback" not in said


def test_two_trainers_never_work_in_one_folder(base: Path, tmp_path: Path) -> None:
    folder = a_run(base, tmp_path / "run")
    with held(folder), pytest.raises(JobBusy), held(folder):
        pass
    with held(folder):
        pass


def test_a_folder_that_is_a_run_is_not_begun_again(base: Path, tmp_path: Path) -> None:
    folder = a_run(base, tmp_path / "run")
    with pytest.raises(ConfigError, match="run"):
        create(folder.path, {"recipe": {}})
