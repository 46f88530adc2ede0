"""A safetensors file written tensor by tensor, so that no more than one of them is in memory.

    8 bytes: header length │ header, padded with spaces to a fixed room │ data, each tensor on a 64-byte boundary

The header goes in last: a file that was cut short has a length of zero and nothing reads it.
"""

import json
import os
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_ALIGNMENT = 64
_HEADER_ROOM = (1 << 17) - 8
_LONGEST_ENTRY = 1024
DTYPE_NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


class ShardWriter:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes = 0
        # Unbuffered: after a full disk nothing is left that closing would try to write again.
        self._file: FileIO = path.open("wb", buffering=0)
        self._file.seek(8 + _HEADER_ROOM)
        self._header: dict[str, object] = {}
        self._header_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if kind is not None:
            self.path.unlink(missing_ok=True)

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[self._file.write(data) :]

    @property
    def full(self) -> bool:
        """Whether the header has no room for another weight and its scales."""
        return self._header_bytes > _HEADER_ROOM - 16 * _LONGEST_ENTRY

    def add(self, name: str, tensor: torch.Tensor) -> None:
        self._append(
            name, DTYPE_NAMES[tensor.dtype], list(tensor.shape), tensor.contiguous().reshape(-1).view(torch.uint8)
        )
        gap = -self.bytes % _ALIGNMENT
        if gap:
            self._append(f"padding.{len(self._header)}", "U8", [gap], torch.zeros(gap, dtype=torch.uint8))

    def _append(self, name: str, dtype: str, shape: list[int], data: torch.Tensor) -> None:
        entry = {"dtype": dtype, "shape": shape, "data_offsets": [self.bytes, self.bytes + data.numel()]}
        self._write(data.numpy().data)
        self._header[name] = entry
        self._header_bytes += len(json.dumps({name: entry}))
        self.bytes += data.numel()

    def finish(self) -> int:
        """Write the header and reach the disk; the file's size."""
        header = json.dumps(self._header, separators=(",", ":")).encode()
        self._file.seek(0)
        self._write(memoryview(_HEADER_ROOM.to_bytes(8, "little") + header.ljust(_HEADER_ROOM)))
        os.fsync(self._file.fileno())
        return 8 + _HEADER_ROOM + self.bytes
