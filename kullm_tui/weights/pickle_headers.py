"""What a pickle of tensors says it holds, read without making a tensor: names, types, shapes, and whether its bytes are really there.

Only what `torch.save` writes for a dictionary of tensors is understood; anything else is refused as code. A storage may not be larger than
what the file has for it, nor a tensor larger than its storage: ten kilobytes never become gigabytes.
"""

import io
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch

_MOST_PICKLE_BYTES = 64 << 20
_MOST_DIMENSIONS = 8
_LEGACY_PREFACE = 3  # a magic number, the protocol and what the machine was, each a pickle of its own
# Tied weights are one storage under two names.
_MOST_SHARED = 2

_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


class NotTensors(Exception):
    """Something other than tensors is in there."""


class TooFewBytes(Exception):
    """It tells of more than the file has."""


class Described(NamedTuple):
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize


class _Storage(NamedTuple):
    key: str
    dtype: torch.dtype
    values: int


@dataclass(frozen=True)
class _StorageType:
    dtype: torch.dtype


def described(file: Path) -> dict[str, Described]:
    with file.open("rb") as content:
        size = file.stat().st_size
        found = _from_zip(content) if zipfile.is_zipfile(content) else _from_legacy(content, size)
    if sum(one.bytes for one in found.values()) > _MOST_SHARED * size:
        raise TooFewBytes
    return found


def _from_zip(content: BinaryIO) -> dict[str, Described]:
    with zipfile.ZipFile(content) as archive:
        records = archive.infolist()
        # torch stores; what is compressed here was made to grow.
        if any(
            record.compress_type != zipfile.ZIP_STORED or record.file_size > record.compress_size for record in records
        ):
            raise TooFewBytes
        table = next((record for record in records if record.filename.endswith("/data.pkl")), None)
        if table is None or table.file_size > _MOST_PICKLE_BYTES:
            raise NotTensors
        root = table.filename.removesuffix("data.pkl")
        sizes = {record.filename.removeprefix(f"{root}data/"): record.file_size for record in records}
        reader = _Reader(io.BytesIO(archive.read(table)), lambda key: sizes.get(key, 0))
        return _tensors(reader.load())


def _from_legacy(content: BinaryIO, size: int) -> dict[str, Described]:
    content.seek(0)
    for _ in range(_LEGACY_PREFACE):
        _Reader(content, lambda _: 0).load()
    return _tensors(_Reader(content, lambda _: size).load())


def _tensors(value: Any) -> dict[str, Described]:
    if not isinstance(value, dict):
        raise NotTensors
    return {str(key): one for key, one in value.items() if isinstance(one, Described)}


# The C reader can be told to reserve gigabytes by one number in the file; this one keeps dictionaries.
class _Reader(pickle._Unpickler):
    # Python's own table of what each byte does, less what makes objects or reserves room before it reads.
    dispatch = {
        code: step
        for code, step in pickle._Unpickler.dispatch.items()
        if bytes([code]) not in (pickle.BYTEARRAY8, pickle.NEXT_BUFFER, pickle.READONLY_BUFFER, pickle.INST, pickle.OBJ)
        and bytes([code]) not in (pickle.NEWOBJ, pickle.NEWOBJ_EX, pickle.EXT1, pickle.EXT2, pickle.EXT4)
    }

    def __init__(self, content: Any, bytes_of: Callable[[str], int]) -> None:
        super().__init__(content, encoding="utf-8")
        self._bytes_of = bytes_of

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _UNDERSTOOD:
            return _UNDERSTOOD[module, name]
        if module in ("torch", "torch.storage") and name in _STORAGES:
            return _StorageType(_STORAGES[name])
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        raise NotTensors(f"{module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        _, kind, key, _, values, *_ = pid
        if not isinstance(kind, _StorageType) or not isinstance(values, int):
            raise NotTensors
        if not 0 <= values * kind.dtype.itemsize <= self._bytes_of(str(key)):
            raise TooFewBytes
        return _Storage(str(key), kind.dtype, values)


def _rebuilt(storage: Any, offset: Any, shape: Any, strides: Any, *_: Any) -> Described:
    if not isinstance(storage, _Storage) or not isinstance(shape, tuple) or not isinstance(strides, tuple):
        raise NotTensors
    numbers = (offset, *shape, *strides)
    if len(shape) != len(strides) or len(shape) > _MOST_DIMENSIONS or any(type(one) is not int for one in numbers):
        raise NotTensors
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if min(numbers, default=0) < 0 or prod(shape) > storage.values or (prod(shape) and last >= storage.values):
        raise TooFewBytes
    return Described(storage.dtype, shape)


def _parameter(data: Any, *_: Any) -> Any:
    if not isinstance(data, Described):
        raise NotTensors
    return data


def _ordered(*items: Any) -> OrderedDict[Any, Any]:
    return OrderedDict(*items)


def _size(dimensions: Any) -> tuple[Any, ...]:
    return tuple(dimensions)


_UNDERSTOOD: dict[tuple[str, str], Callable[..., Any]] = {
    ("collections", "OrderedDict"): _ordered,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuilt,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    ("torch", "Size"): _size,
}
