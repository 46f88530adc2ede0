"""An engine whose weights were made before: nothing has brought in torch's compiler and its distributed tensors, and nothing may miss them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from kullm_tui.weights.packed import runs_packed
from tests.tiny_models import FAMILIES, save_ia3, save_lora, save_model

_ANSWER = """
import json, sys, threading
from pathlib import Path
import torch
import kullm_tui.weights
import kullm_tui.engine.app
from kullm_tui.engine.batch import Batch, Limits
from kullm_tui.engine.generation import Failed, Finished, Generation, GenerationRequest
from kullm_tui.engine.sampling import Sampling
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.loading import load_model

no, found = (lambda *_: False), {}
for folder, adapters in json.loads(sys.argv[1]).items():
    model = load_model(Path(folder), precision="4bit", device=torch.device("cpu"), progress=no, cancelled=no).model
    rack = AdapterRack(model)
    for adapter in adapters:
        rack.attach(Path(adapter).name, Path(adapter))
    batch = Batch(model, rack, Limits(4, 128, 512, 64, 1 << 20), threading.Lock())
    ended, events = threading.Semaphore(0), []
    def emit(event):
        if isinstance(event, Failed | Finished):
            events.append(event)
            ended.release()
    names = [None, *(Path(adapter).name for adapter in adapters)]
    for name in names:
        sampling = Sampling(temperature=1.0, top_p=0.9, seed=1)
        request = GenerationRequest(tuple(range(20, 60)), 4, sampling, (), frozenset(), lambda ids: "가" * len(ids), adapter=name)
        batch.submit(Generation(request, emit))
    for _ in names:
        ended.acquire()
    batch.close()
    found[folder] = [str(event.error) for event in events if isinstance(event, Failed)]
print(json.dumps([found, sorted({"sympy", "torch._dynamo", "torch.distributed.tensor"} & set(sys.modules))]))
"""


def test_every_family_answers_with_and_without_adapters_where_nothing_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    models = {str(save_model(tmp_path / family, family)): list[str]() for family in FAMILIES}
    plain = str(tmp_path / "gpt_neox")
    models[plain] = [str(save_lora(tmp_path / "lora", Path(plain))), str(save_ia3(tmp_path / "ia3", Path(plain)))]
    for turn in ("the weights are made", "they are there"):
        command = [sys.executable, "-P", "-c", _ANSWER, json.dumps(models)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found, brought_in = json.loads(done.stdout)
        assert found == {folder: [] for folder in models}, turn
    if runs_packed(torch.device("cpu")):  # else bitsandbytes' own layers ask for it
        assert brought_in == []
