"""Rounding to 4 bits, which llama.cpp alone does: by its program where one is installed, else by its library within llama-cpp-python."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from kullm_tui.core.errors import MissingExtra, WeightsError
from kullm_tui.core.language import say

_PROGRAM = "llama-quantize"
_LIBRARY = "llama_cpp"


def require_quantiser() -> None:
    """MissingExtra says what is missing, before anything is written."""
    if shutil.which(_PROGRAM) or find_spec(_LIBRARY):
        return
    raise MissingExtra(
        say(
            f"Q4_K_M은 llama.cpp가 만들어요. PATH에 {_PROGRAM}가 없고 llama-cpp-python도 설치되어 있지 않아요. 둘 가운데 하나를 설치하거나"
            " (pip install llama-cpp-python) `--type q8_0`으로 내보내세요.",
            f"Q4_K_M is made by llama.cpp: there is no {_PROGRAM} on the PATH, and llama-cpp-python is not installed. Install one of them "
            "(pip install llama-cpp-python), or export with `--type q8_0`.",
        )
    )


def quantise_to_q4(wide: Path, file: Path) -> None:
    """In a process of its own, either way, so that it can be ended while it works."""
    program = shutil.which(_PROGRAM)
    ours = [sys.executable, "-P", "-m", "trainer.gguf.llama_cpp", str(wide), str(file)]
    done = subprocess.run(
        [program, str(wide), str(file), "Q4_K_M"] if program else ours,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        said = (done.stdout.strip() or str(done.returncode)).splitlines()[-1]
        raise WeightsError(
            say(f"llama.cpp가 4비트로 바꾸지 못했어요: {said}", f"llama.cpp did not make it 4-bit: {said}")
        )


def _by_library(wide: str, file: str) -> int:
    import llama_cpp

    settings = llama_cpp.llama_model_quantize_default_params()
    settings.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    return int(llama_cpp.llama_model_quantize(wide.encode(), file.encode(), ctypes.byref(settings)))


if __name__ == "__main__":
    sys.exit(_by_library(*sys.argv[1:]))
