"""Every path that this machine can run, each in a process of its own: torch looks at the processor once."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.processor import LEVELS, environment, machine_level, runnable_paths

_TORCH = {"plain": "DEFAULT", "avx2": "AVX2", "avx512": "AVX512", "avx512-bf16": "AVX512"}
_LOOK = """
import json, torch
from kullm_tui.weights import packed
from kullm_tui.weights.kernels import kernels
facts = {"torch": torch.backends.cpu.get_cpu_capability(), "bitsandbytes": packed.has_bnb_kernel()}
print(json.dumps({**facts, "kernels": kernels() is not None, "packed": packed.runs_packed(torch.device("cpu"))}))
"""


def _looked_at(path: str, home: Path, **more: str) -> dict[str, Any]:
    told = environment(path, {**os.environ, "KULLM_HOME": str(home), **more})
    ran = subprocess.run([sys.executable, "-P", "-c", _LOOK], env=told, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("path", runnable_paths())
def test_torch_bitsandbytes_and_our_kernels_all_take_the_path(path: str, tmp_path: Path) -> None:
    level = path if path in LEVELS else machine_level()
    found = _looked_at(path, tmp_path)
    kernels = path not in ("plain", "no-compiler") and level != "plain"
    assert found == {
        "torch": _TORCH[level],
        "bitsandbytes": level == "avx512-bf16",
        "kernels": kernels,
        "packed": kernels or level == "avx512-bf16",
    }


def test_paths_do_not_share_a_built_library(tmp_path: Path) -> None:
    own = [path for path in LEVELS if path in runnable_paths() and path != "plain"]
    for path in own:
        _looked_at(path, tmp_path)
    assert len(list((tmp_path / "cache" / "kernels").glob("*.so"))) == len(own)
