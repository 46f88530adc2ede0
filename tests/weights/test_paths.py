"""Every path that this machine can run, each in a process of its own, since torch looks at the processor once.

What "equal" means between them: the text of a greedy reply in fp32 is the same on all; 4-bit logits are those of transformers to the bit
where one kernel serves both, and elsewhere as near to the exact ones as transformers' (tests/weights/conftest.py).
"""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from kullm_tui.core.native import cpu_flags
from kullm_tui.core.processor import LEVELS, environment, machine_level, runnable_paths
from tests import tiny_models

_TORCH = {"plain": "DEFAULT", "avx2": "AVX2", "avx512": "AVX512", "avx512-bf16": "AVX512"}
_CHILD = """
import sys
from pathlib import Path
import torch
from kullm_tui.weights import packed
from kullm_tui.weights.kernels import kernels
from kullm_tui.weights.loading import load_model
from tests.weights.conftest import CPU, IDS, assert_as_exact, assert_as_near, logits_of
from tests.tiny_models import in_four_bits
from transformers import AutoModelForCausalLM

def ours(precision):
    return load_model(folder, precision=precision, device=CPU, progress=lambda _: None, cancelled=lambda: False).model

def theirs(**settings):
    return logits_of(AutoModelForCausalLM.from_pretrained(folder, **settings).eval())

folder = Path(sys.argv[1])
assert_as_exact(logits_of(ours("4bit")), theirs(**in_four_bits(torch.bfloat16)), theirs(**in_four_bits(torch.float32)))
assert_as_near(logits_of(ours("bf16")), theirs(dtype=torch.bfloat16), theirs(dtype=torch.float32))
mask = torch.ones_like(IDS)
text = ours("fp32").generate(IDS, attention_mask=mask, max_new_tokens=24, do_sample=False, pad_token_id=0)
facts = {"torch": torch.backends.cpu.get_cpu_capability(), "bitsandbytes": packed.has_bnb_kernel()}
facts |= {"bf16": packed.multiplies_bf16(), "kernels": kernels() is not None, "packed": packed.runs_packed(CPU)}
torch.save({"facts": facts, "text": text.tolist()}, sys.argv[2])
"""


@dataclass(frozen=True)
class Paths:
    """What the children said, in a common home."""

    home: Path
    said: dict[str, Any]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> Paths:
    home = tmp_path_factory.mktemp("paths")
    model = tiny_models.save_model(home / "polyglot-tiny", "gpt_neox")
    said = {}
    for path in runnable_paths():
        told = environment(path, {**os.environ, "KULLM_HOME": str(home)})
        command = [sys.executable, "-c", _CHILD, str(model), str(home / path)]
        ran = subprocess.run(command, env=told, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, f"{path}: {ran.stderr}"
        said[path] = torch.load(home / path)
    return Paths(home, said)


@pytest.mark.parametrize("path", runnable_paths())
def test_torch_bitsandbytes_and_our_kernels_all_take_the_path(path: str, paths: Paths) -> None:
    level = path if path in LEVELS else machine_level()
    kernels = path not in ("plain", "no-compiler") and level != "plain"
    assert paths.said[path]["facts"] == {
        "torch": _TORCH[level],
        "bitsandbytes": level == "avx512-bf16",
        "bf16": level in ("avx512", "avx512-bf16"),
        "kernels": kernels,
        "packed": kernels or level == "avx512-bf16",
    }


def test_a_greedy_reply_in_fp32_is_the_same_on_every_path(paths: Paths) -> None:
    assert len({str(said["text"]) for said in paths.said.values()}) == 1


def test_paths_do_not_share_a_built_library(paths: Paths) -> None:
    """And one has two, where it has tiles."""
    own = [path for path in LEVELS if path in runnable_paths() and path != "plain"]
    tiled = "avx512-bf16" in own and cpu_flags() >= {"amx_tile", "amx_bf16"}
    assert len(list((paths.home / "cache" / "kernels").glob("*.so"))) == len(own) + tiled
