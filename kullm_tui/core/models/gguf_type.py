"""What a GGUF export is called, for those who ask for one and those who make it."""

from pathlib import Path
from typing import Literal

GgufType = Literal["f16", "q8_0", "q4_k_m"]


def modelfile_of(gguf: Path) -> Path:
    return gguf.with_suffix(".Modelfile")
