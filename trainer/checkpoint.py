"""Complete checkpoints: all that a run needs to go on as if it had never ended, published whole.

    checkpoint-STEP/model.safetensors       what is trained
                    optimizer.safetensors   its moments
                    progress.json           step, token budget, guard, evaluations so far
                    COMPLETE.json           sizes and sha256 of these, digests of recipe and data; written last

Everything is written and synced beside its place and renamed. A folder without a COMPLETE.json that holds is passed over. The dice need no
saving: they are thrown from (seed, step, rank).
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError, KullmError, NoSpace
from kullm_tui.core.files import sync_folder
from kullm_tui.core.language import say
from kullm_tui.core.paths import private_dir
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.directory import note

_COMPLETE, _WEIGHTS, _MOMENTS, _PROGRESS = (
    "COMPLETE.json",
    "model.safetensors",
    "optimizer.safetensors",
    "progress.json",
)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_CHUNK = 1 << 22


class CheckpointRefused(ConfigError):
    pass


@dataclass(frozen=True)
class Digests:
    """What a checkpoint belongs to."""

    recipe: str
    data: str


@dataclass(frozen=True)
class State:
    weights: Mapping[str, torch.Tensor]
    moments: Mapping[str, torch.Tensor]
    progress: Mapping[str, Any]


def save(folder: JobDirectory, step: int, state: State, digests: Digests) -> None:
    """On a full disk what was there before is still there, and nothing of the new one."""
    target = folder.checkpoint(step)
    if verified(target) is not None:
        return
    partial = target.with_name(f"{target.name}.partial")
    _remove(partial)
    try:
        with disk_faults(target):
            private_dir(partial)
            save_file(dict(state.weights), partial / _WEIGHTS)
            save_file(dict(state.moments), partial / _MOMENTS)
            (partial / _PROGRESS).write_text(json.dumps(state.progress))
            files = {path.name: _facts(path) for path in sorted(partial.iterdir())}
            complete = {"step": step, "recipe": digests.recipe, "data": digests.data, "files": files}
            _write_synced(partial / _COMPLETE, json.dumps(complete, indent=1))
            _remove(target)
            partial.rename(target)
            sync_folder(target.parent)
    finally:
        _remove(partial)


def newest(folder: JobDirectory, digests: Digests) -> int:
    """The step of the newest checkpoint that is whole, 0 without one. One of another recipe or other data is refused."""
    for step in folder.checkpoint_steps():
        complete = verified(folder.checkpoint(step))
        if complete is None:
            note(folder, "checkpoint passed over", step=step)
            continue
        _require_same(folder.checkpoint(step), complete, digests)
        return step
    return 0


def load(folder: JobDirectory, step: int, device: torch.device) -> State:
    path = folder.checkpoint(step)
    return State(
        load_file(path / _WEIGHTS, device=str(device)),
        load_file(path / _MOMENTS, device=str(device)),
        json.loads((path / _PROGRESS).read_text()),
    )


def prune(folder: JobDirectory, keep: int, best: int | None) -> None:
    """The newest `keep` stay, and the best."""
    for step in folder.checkpoint_steps()[keep:]:
        if step != best:
            (folder.checkpoint(step) / _COMPLETE).unlink(missing_ok=True)  # from here on it is none, whatever happens
            _remove(folder.checkpoint(step))


def verified(path: Path) -> Mapping[str, Any] | None:
    """Its COMPLETE.json, if every file is as that says."""
    try:
        complete: dict[str, Any] = json.loads((path / _COMPLETE).read_text())
        whole = all((path / name).stat().st_size == facts["size"] for name, facts in complete["files"].items())
        whole = whole and all(_facts(path / name) == facts for name, facts in complete["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return complete if whole else None


def moments_of(optimizer: torch.optim.Optimizer) -> dict[str, torch.Tensor]:
    states = optimizer.state_dict()["state"]
    return {f"{place}.{part}": tensor for place, parts in states.items() for part, tensor in parts.items()}


def restore_moments(optimizer: torch.optim.Optimizer, moments: Mapping[str, torch.Tensor]) -> None:
    states: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in moments.items():
        place, _, part = name.partition(".")
        states.setdefault(int(place), {})[part] = tensor
    optimizer.load_state_dict({"state": states, "param_groups": optimizer.state_dict()["param_groups"]})


def facts_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Size and sha256 of every file in a folder."""
    return {path.name: _facts(path) for path in sorted(folder.iterdir())}


@contextmanager
def disk_faults(target: Path) -> Iterator[None]:
    """safetensors reports a system error as text alone."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        number = error.errno if isinstance(error, OSError) else None
        if number in _FULL or any(f"os error {code})" in str(error) for code in _FULL):
            raise _no_space(target) from error
        raise KullmError(
            say(
                f"{target}에 체크포인트를 쓰지 못했어요({cause_of(error)}).",
                f"{target} could not be written ({error}).",
            )
        ) from error


def _facts(path: Path) -> dict[str, Any]:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
        os.fsync(file.fileno())
    return {"size": path.stat().st_size, "sha256": digest.hexdigest()}


def _write_synced(path: Path, text: str) -> None:
    with path.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    sync_folder(path.parent)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _require_same(path: Path, complete: Mapping[str, Any], digests: Digests) -> None:
    if complete.get("recipe") != digests.recipe:
        raise CheckpointRefused(
            say(
                f"{path}: 다른 레시피로 만든 체크포인트라 이어서 학습하지 않아요. 레시피를 되돌리거나 새로 시작하세요.",
                f"{path} was made by another recipe and is not resumed. Go back to that recipe, or start a new run.",
            )
        )
    if complete.get("data") != digests.data:
        raise CheckpointRefused(
            say(
                f"{path}: 다른 데이터로 만든 체크포인트라 이어서 학습하지 않아요. 데이터를 되돌리거나 새로 시작하세요.",
                f"{path} was made from other data and is not resumed. Go back to that data, or start a new run.",
            )
        )


def _no_space(target: Path) -> NoSpace:
    return NoSpace(
        say(
            f"디스크가 가득 차서 체크포인트를 쓰지 못했어요: {target}\n앞의 체크포인트는 그대로예요. 공간을 비우고 이어서 하세요.",
            f"The disk is full: the checkpoint {target} was not written.\n"
            "The one before it is untouched. Free some space and resume the run.",
        )
    )
