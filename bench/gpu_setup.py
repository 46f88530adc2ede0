"""What the sections of bench/gpu.py share: the device, how large everything is, and weights that are made when they are first asked for."""

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from weights import write_checkpoint

_TINY, _FEWER = "tiny", 32  # a dry run's shape, and by how much its other numbers are smaller


@dataclass(frozen=True)
class Setup:
    device: torch.device
    dry: bool
    scratch: Path

    @classmethod
    def here(cls, scratch: Path, *, dry: bool) -> "Setup":
        return cls(torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu"), dry, scratch)

    def some(self, number: int) -> int:
        """Of tokens, rows or repetitions."""
        return max(2, number // _FEWER) if self.dry else number

    def shape(self, size: str) -> str:
        return _TINY if self.dry else size

    def checkpoint(self, size: str) -> Path:
        """A folder with random bf16 weights. The one before goes: two large ones fill a disk."""
        folder = self.scratch / "weights" / self.shape(size)
        if not folder.is_dir():
            shutil.rmtree(folder.parent, ignore_errors=True)
            shutil.rmtree(self.scratch / "home", ignore_errors=True)  # what quantising kept of it
            unfinished = folder.with_name(f"{folder.name}.partial")
            write_checkpoint(self.shape(size), unfinished).replace(folder)
        return folder

    def seconds(self, work: Callable[[], object]) -> float:
        """How long it takes until the device has done it."""
        self.wait()
        began = time.perf_counter()
        work()
        self.wait()
        return time.perf_counter() - began

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def product_rate(self) -> float:
        """Operations a second of a large product in bf16; in fp32 on a processor, where bf16 may take a hundred times as long."""
        side, kind = (8192, torch.bfloat16) if self.device.type == "cuda" else (512, torch.float32)
        left, right = (torch.randn(side, side, dtype=kind, device=self.device) for _ in range(2))
        return 2 * side**3 / min(self.seconds(lambda: left @ right) for _ in range(4))

    def copy_rate(self) -> float:
        """Bytes a second, read and written ones both counted."""
        source = torch.empty(
            (4 << 30) if self.device.type == "cuda" else (64 << 20), dtype=torch.uint8, device=self.device
        )
        target = torch.empty_like(source)
        return 2 * source.nbytes / min(self.seconds(lambda: target.copy_(source)) for _ in range(4))
