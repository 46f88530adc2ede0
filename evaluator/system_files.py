"""Which files a model on this machine answers with, as part of what its answers are kept under: after another training, or another
download, the same name is another system, and its old answers are not taken for its own."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import CARD, MADE, is_adapter
from kullm_tui.core.models.resolve import ModelRef, resolve
from kullm_tui.core.paths import adapters_dir

_DECIDING = (".safetensors", ".bin", ".json", ".toml", ".jinja", ".model")
_PIECE = 2**20
_SHORT = 16  # hexadecimal digits: enough to tell one user's files apart
_READ_WHOLE = 500_000_000  # adapters and small models; of larger ones sizes and times say it


def files_of(model: str, adapter: str = "") -> dict[str, str]:
    """`model_files`, and `adapter_files` where there is an adapter; without those that cannot be told."""
    ref = resolve(model)
    try:
        found = {"model_files": _of_model(ref), "adapter_files": _of_adapter(adapter) if adapter else ""}
    except OSError as error:
        raise KullmError(
            say(
                f"{model}의 파일을 읽을 수 없어요({cause_of(error)}). 파일의 권한을 확인하세요.",
                f"the files of {model} cannot be read ({error}). Check who may read them.",
            )
        ) from error
    return {name: value for name, value in found.items() if value}


def _of_model(ref: ModelRef) -> str:
    parts = [_of_folder(ref.folder)] if ref.folder else []
    if ref.profile.kind == "adapter" and ref.profile.base:
        base = resolve(ref.profile.base)
        parts += [_of_folder(base.folder)] if base.folder else []
    return "+".join(parts)


def _of_adapter(name: str) -> str:
    for folder in (paths.typed(name), adapters_dir() / Path(name).name):
        if is_adapter(folder):
            return _of_folder(folder)
    return _of_model(resolve(name))


def _of_folder(folder: Path) -> str:
    if folder.parent.name == "snapshots":  # of the hub's cache, whose name is the commit
        return folder.name[:_SHORT]
    files = sorted(_deciding(folder))
    whole = sum(file.stat().st_size for file in files) <= _READ_WHOLE
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode())
        if whole:
            with file.open("rb") as content:
                while piece := content.read(_PIECE):
                    digest.update(piece)
        else:
            digest.update(f"{file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    return digest.hexdigest()[:_SHORT]


def _deciding(folder: Path) -> Iterator[Path]:
    """Weights, settings and tokenizer; not what says when the files came here, or what was found of them since."""
    for file in folder.iterdir():
        if file.is_file() and file.suffix in _DECIDING and file.name not in (MADE, CARD):
            yield file
