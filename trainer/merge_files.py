"""A sharded safetensors checkpoint written tensor by tensor, every place in it known before the first byte is written.

8 bytes: header length │ header │ data without gaps, wide types first, as the format's own library lays it out
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from kullm_tui.weights.files import StoredTensor
from kullm_tui.weights.shards import DTYPE_NAMES

INDEX = "model.safetensors.index.json"

_SHARD_BYTES = 2_000_000_000

Read = Callable[[StoredTensor], torch.Tensor]


@dataclass(frozen=True)
class _Shard:
    file: str
    tensors: tuple[StoredTensor, ...]


def write_checkpoint(
    folder: Path,
    tensors: Iterable[StoredTensor],
    read: Read,
    *,
    wrote: Callable[[int], None],
    shard_bytes: int = _SHARD_BYTES,
) -> None:
    """`read` gives each tensor in its stored type and shape; `wrote` hears how many bytes have gone out."""
    shards = _placed(list(tensors), shard_bytes)
    for shard in shards:
        _write(folder / shard.file, shard.tensors, read, wrote)
    if len(shards) > 1:
        placed = {tensor.key: shard.file for shard in shards for tensor in shard.tensors}
        total = sum(tensor.bytes for shard in shards for tensor in shard.tensors)
        index = {"metadata": {"total_size": total}, "weight_map": placed}
        (folder / INDEX).write_text(json.dumps(index, indent=1), encoding="utf-8")


def _placed(tensors: Sequence[StoredTensor], shard_bytes: int) -> list[_Shard]:
    groups: list[list[StoredTensor]] = [[]]
    size = 0
    for tensor in tensors:
        if groups[-1] and size + tensor.bytes > shard_bytes:
            groups.append([])
            size = 0
        groups[-1].append(tensor)
        size += tensor.bytes
    count = len(groups)
    names = [f"model-{place:05}-of-{count:05}.safetensors" for place in range(1, count + 1)]
    names = ["model.safetensors"] if count == 1 else names
    return [_Shard(name, _by_width(group)) for name, group in zip(names, groups, strict=True)]


def _by_width(group: Sequence[StoredTensor]) -> tuple[StoredTensor, ...]:
    """Wide numbers first, so that each stands on a multiple of its width without gaps."""
    return tuple(sorted(group, key=lambda tensor: (-tensor.dtype.itemsize, tensor.key)))


def _write(path: Path, tensors: Sequence[StoredTensor], read: Read, wrote: Callable[[int], None]) -> None:
    header = json.dumps(_header(tensors), separators=(",", ":")).encode()
    header = header.ljust(-(-len(header) // 8) * 8)
    with path.open("wb", buffering=0) as file:
        file.write(len(header).to_bytes(8, "little"))
        file.write(header)
        for tensor in tensors:
            data = read(tensor).contiguous().reshape(-1).view(torch.uint8).numpy().data
            _write_all(file.write, memoryview(data))
            wrote(tensor.bytes)
        os.fsync(file.fileno())


def _write_all(write: Callable[[memoryview], int | None], data: memoryview) -> None:
    while data:
        data = data[write(data) or 0 :]


def _header(tensors: Sequence[StoredTensor]) -> Mapping[str, object]:
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for tensor in tensors:
        end = start + tensor.bytes
        header[tensor.key] = {
            "dtype": DTYPE_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        start = end
    return header
