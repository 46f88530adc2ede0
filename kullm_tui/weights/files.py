"""The tensors of a checkpoint folder, named and measured without loading them.

safetensors files are preferred; the pickles of older repositories are read with `weights_only`, so that none of their code runs.
What is truncated, incomplete or points outside the folder is refused before anything is built from it.
"""

import errno
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from kullm_tui.core import foreign_json
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say
from kullm_tui.weights.pickle_headers import NotTensors, TooFewBytes, described

# A checkpoint's single file or, tried first, the index of its shards; safetensors before pickles.
_LAYOUTS = (
    ("model.safetensors.index.json", "model.safetensors", False),
    ("pytorch_model.bin.index.json", "pytorch_model.bin", True),
)
_LONGEST_NAME = 255  # bytes


@dataclass(frozen=True)
class StoredTensor:
    key: str
    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return torch.Size(self.shape).numel() * self.dtype.itemsize


@dataclass(frozen=True)
class Checkpoint:
    folder: Path
    pickled: bool
    files: tuple[Path, ...]
    tensors: Mapping[str, StoredTensor]


@dataclass
class TensorReader:
    """Reads one tensor after another, keeping no more than one file mapped."""

    checkpoint: Checkpoint
    _unpickled: tuple[Path, dict[str, torch.Tensor]] | None = field(default=None, repr=False)

    def read(self, key: str) -> torch.Tensor:
        stored = self.checkpoint.tensors[key]
        if not self.checkpoint.pickled:
            # A mapping of its own for every tensor: its pages leave the process with the tensor.
            with opened(stored.file) as file:
                return file.get_tensor(key)  # type: ignore[no-any-return]
        if self._unpickled is None or self._unpickled[0] != stored.file:
            self._unpickled = None
            self._unpickled = (stored.file, unpickle(stored.file))
        return self._unpickled[1][key]


def open_checkpoint(folder: Path) -> Checkpoint:
    """The folder's tensors; every file is opened and its header checked."""
    for index_name, single_name, pickled in _LAYOUTS:
        if (folder / index_name).is_file():
            weight_map = _read_index(folder / index_name)
            names = sorted(set(weight_map.values()))
            _require_all(folder, index_name, names)
        elif (folder / single_name).is_file():
            weight_map, names = None, [single_name]
        else:
            continue
        files = tuple(folder / name for name in names)
        tensors = {tensor.key: tensor for file in files for tensor in _tensors_of(file, pickled)}
        if weight_map is not None:
            _require_placed(folder / index_name, weight_map, tensors)
        return Checkpoint(folder, pickled, files, tensors)
    raise _no_weights(folder)


def _read_index(index: Path) -> dict[str, str]:
    try:
        weight_map = foreign_json.read(index)["weight_map"]
        placed = {str(key): str(name) for key, name in weight_map.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise broken(index, say("색인을 읽을 수 없어요", "its index cannot be read")) from error
    for name in placed.values():
        if not _is_plain(name):
            reason = say(
                f"색인이 폴더 밖의 {name!r} 파일을 가리켜요",
                f"its index points outside the folder, to {name!r}",
            )
            raise broken(index, reason)
    return placed


def _is_plain(name: str) -> bool:
    """The name of a file of the same folder, as a file system takes it."""
    with suppress(UnicodeEncodeError):
        return name not in ("", ".", "..") and len(name.encode()) <= _LONGEST_NAME and not set(name) & {"/", "\\", "\0"}
    return False


def _require_all(folder: Path, index_name: str, names: list[str]) -> None:
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        reason = say(f"{missing[0]} 파일이 없어요", f"{missing[0]} is missing")
        raise broken(folder / index_name, reason)


def _require_placed(index: Path, weight_map: Mapping[str, str], tensors: Mapping[str, StoredTensor]) -> None:
    for key, name in weight_map.items():
        if key not in tensors or tensors[key].file.name != name:
            raise broken(index, say(f"{name}에 {key} 텐서가 없어요", f"{name} does not hold the tensor {key}"))


def _tensors_of(file: Path, pickled: bool) -> list[StoredTensor]:
    if pickled:
        return pickled_tensors_of(file)
    return safetensors_of(file)


def pickled_tensors_of(file: Path) -> list[StoredTensor]:
    """From what the pickle says of itself; no tensor is made."""
    try:
        found = described(file)
    except NotTensors as error:
        raise hostile(file) from error
    except TooFewBytes as error:
        raise broken(file, say("파일에 든 것보다 큰 텐서를 말해요", "it tells of more than it holds")) from error
    except (*_BAD_PICKLE, pickle.UnpicklingError, zipfile.BadZipFile, IndexError, OverflowError) as error:
        raise _unreadable(file, error) from error
    return [StoredTensor(key, file, one.dtype, one.shape) for key, one in found.items()]


def safetensors_of(file: Path) -> list[StoredTensor]:
    with opened(file) as tensors:
        slices = {key: tensors.get_slice(key) for key in tensors.keys()}  # noqa: SIM118 - not a dict
        return [
            StoredTensor(key, file, _dtype(file, part.get_dtype()), tuple(part.get_shape()))
            for key, part in slices.items()
        ]


@contextmanager
def opened(file: Path) -> Iterator[Any]:
    """A safetensors file, mapped."""
    try:
        with safe_open(file, framework="pt") as tensors:
            yield tensors
    except (SafetensorError, OSError, ValueError) as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: Exception) -> WeightsError:
    # EINVAL: torch seeks before the beginning of a pickle that was cut short.
    if isinstance(error, OSError) and error.errno != errno.EINVAL:
        return disk_fault(error, file)
    return broken(file, say("파일이 잘렸거나 망가졌어요", "the file is truncated or damaged"))


_DTYPES = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def _dtype(file: Path, name: str) -> torch.dtype:
    if name not in _DTYPES:
        raise broken(
            file,
            say(f"{name} 자료형은 지원하지 않아요", f"it holds the unsupported type {name}"),
        )
    return _DTYPES[name]


_BAD_PICKLE = (RuntimeError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError)


def unpickle(file: Path) -> dict[str, torch.Tensor]:
    """The tensors of a pickle, mapped where its layout allows; code in it is refused, never run, and shapes come before values."""
    pickled_tensors_of(file)
    try:
        try:
            value: Any = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        except RuntimeError as error:
            if "_use_new_zipfile_serialization" not in str(error):
                raise
            value = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise hostile(file) from error
    except _BAD_PICKLE as error:
        raise _unreadable(file, error) from error
    if not isinstance(value, dict):
        raise broken(file, say("텐서 묶음이 아니에요", "it is not a set of tensors"))
    return {str(key): tensor for key, tensor in value.items() if isinstance(tensor, torch.Tensor)}


def broken(file: Path, reason: str) -> WeightsError:
    korean, english = fetch_again(file.parent)
    return WeightsError(
        say(
            f"{file} 가중치 파일을 쓸 수 없어요: {reason}. {korean}",
            f"The weights file {file} cannot be used: {reason}. {english}",
        )
    )


def disk_fault(error: OSError, place: Path) -> WeightsError:
    """`place`: where it happened, if the error does not say."""
    at, reason = error.filename or place, cause_of(error)
    return WeightsError(
        say(
            f"{at} 파일을 읽거나 쓰지 못해 모델을 불러올 수 없어요({reason}). 디스크의 상태와 파일의 권한을 확인한 뒤 다시 시도하세요.",
            f"The model cannot be loaded: {at} could not be read or written ({reason}). "
            "Check the disk and the file's permissions, then try again.",
        )
    )


def fetch_again(folder: Path) -> tuple[str, str]:
    """What to do about a folder that is not whole, in Korean and in English."""
    repository = hub_repository(folder)
    if repository is None:
        return "원본에서 폴더를 다시 복사하세요.", "Copy the folder from its source again."
    command = f"`kullm models pull {repository}`"
    return f"{command}로 다시 받으세요.", f"Fetch it again with {command}."


def hub_repository(folder: Path) -> str | None:
    """owner/name of a snapshot in the Hub's cache (models--owner--name/snapshots/commit)."""
    part = next((part for part in folder.absolute().parts if part.startswith("models--")), None)
    return part.removeprefix("models--").replace("--", "/") if part else None


def hostile(file: Path) -> WeightsError:
    return WeightsError(
        say(
            f"가중치 파일 {file}에 텐서가 아닌 코드가 들어 있어 열지 않았어요. 파일을 지우고, 같은 모델의 safetensors를 받으세요.",
            f"The weights file {file} carries code beside tensors, so it was not opened. "
            "Delete it and fetch a safetensors version of the model.",
        )
    )


def _no_weights(folder: Path) -> WeightsError:
    if (folder / "adapter_config.json").is_file():
        return WeightsError(
            say(
                f"{folder} 폴더에 든 것은 모델이 아니라 어댑터예요. 베이스 모델을 고르고 --adapter로 지정하세요.",
                f"{folder} is an adapter, not a model. Choose its base model and give it with --adapter.",
            )
        )
    korean, english = fetch_again(folder)
    return WeightsError(
        say(
            f"{folder}에 model.safetensors나 pytorch_model.bin이 없어요. {korean}",
            f"{folder} holds no model.safetensors or pytorch_model.bin. {english}",
        )
    )
