"""A checkpoint folder becomes a model that runs, without ever being in memory twice.

bf16, fp32   mapped from the files where they hold that type already, cast where not
4bit, 8bit   made once into the form that runs (`cache`), then mapped
pickles      made once into safetensors, then mapped
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import PreTrainedConfig, PreTrainedModel

from kullm_tui.core.config.settings import Precision
from kullm_tui.core.errors import TooLarge, WeightsError
from kullm_tui.core.files import discard
from kullm_tui.core.language import say
from kullm_tui.core.models.weights_cache import folder_of, read_manifest
from kullm_tui.weights.cache import Recipe, made, prepare
from kullm_tui.weights.files import Checkpoint, disk_fault, open_checkpoint, opened
from kullm_tui.weights.footprint import form_for, measured_bytes, weights_bytes
from kullm_tui.weights.placing import place, replace_layers, settle
from kullm_tui.weights.plan import PlannedTensor, plan_load
from kullm_tui.weights.progress import Cancelled, LoadProgress, Report, stop_if
from kullm_tui.weights.quantize import Form
from kullm_tui.weights.skeleton import Skeleton, build_skeleton

_ATTEMPTS = 2


@dataclass(frozen=True)
class LoadedModel:
    model: PreTrainedModel
    config: PreTrainedConfig
    bytes_used: int
    precision: Precision
    device: torch.device


def load_model(
    folder: Path,
    *,
    precision: Precision,
    device: torch.device,
    progress: Report,
    cancelled: Cancelled,
    trust_remote_code: bool = False,
) -> LoadedModel:
    """Ready to run: in eval mode, nothing requires a gradient."""
    form = form_for(precision, device)
    return load_in_form(
        folder, precision, form, device, progress=progress, cancelled=cancelled, trust_remote_code=trust_remote_code
    )


def load_in_form(
    folder: Path,
    precision: Precision,
    form: Form,
    device: torch.device,
    *,
    progress: Report,
    cancelled: Cancelled,
    trust_remote_code: bool = False,
) -> LoadedModel:
    skeleton = build_skeleton(folder, precision, trust_remote_code=trust_remote_code, cancelled=cancelled)
    try:
        return _filled(skeleton, folder, form, device, progress, cancelled)
    except OSError as error:
        raise disk_fault(error, folder) from error


def _filled(
    skeleton: Skeleton, folder: Path, form: Form, device: torch.device, progress: Report, cancelled: Cancelled
) -> LoadedModel:
    checkpoint, precision = open_checkpoint(folder), skeleton.precision
    plan = plan_load(checkpoint, skeleton)
    recipe = Recipe(checkpoint, plan, precision, form, weights_bytes(skeleton, form))
    missing = set(skeleton.model.state_dict()) - {item.name for item in plan}
    replace_layers(skeleton, form)
    weights = _weights(recipe, progress, cancelled)
    try:
        _fill(skeleton, plan, weights, device, progress, cancelled)
    except torch.OutOfMemoryError as error:
        raise _no_memory(folder, recipe) from error
    settle(skeleton.model, folder, missing, device)
    return LoadedModel(skeleton.model, skeleton.config, measured_bytes(skeleton.model), precision, device)


def _weights(recipe: Recipe, report: Report, cancelled: Cancelled) -> Iterator[tuple[str, Mapping[str, torch.Tensor]]]:
    """Every planned weight with its parts, in the form that runs."""
    if recipe.form == "plain" and not recipe.checkpoint.pickled:
        return _straight_from(recipe.checkpoint, recipe.plan)
    return _prepared(recipe, report, cancelled)


def _straight_from(
    checkpoint: Checkpoint, plan: Sequence[PlannedTensor]
) -> Iterator[tuple[str, Mapping[str, torch.Tensor]]]:
    for path in checkpoint.files:
        with opened(path) as file:
            for item in plan:
                if item.stored.file == path:
                    yield item.name, made(item, file.get_tensor(item.stored.key), "plain")


def _prepared(recipe: Recipe, report: Report, cancelled: Cancelled) -> Iterator[tuple[str, Mapping[str, torch.Tensor]]]:
    with ExitStack() as stack:
        for file in _mapped(recipe, stack, report, cancelled):
            names = set(file.keys())
            for item in recipe.plan:
                if item.name in names:
                    yield item.name, {part: file.get_tensor(key) for part, key in _parts(item.name, names)}


def _mapped(recipe: Recipe, stack: ExitStack, report: Report, cancelled: Cancelled) -> list[Any]:
    """All shards at once: what is mapped outlives `kullm models prune`. An entry that goes before, or is damaged, is made again."""
    for _ in range(_ATTEMPTS):
        folder = prepare(recipe, report, cancelled)
        manifest = read_manifest(folder)
        try:
            if manifest is not None:
                return [stack.enter_context(_shard(folder / shard.file)) for shard in manifest.shards]
        except FileNotFoundError:
            continue
        except SafetensorError:
            discard(folder)
    raise _gone_again(recipe)


def _shard(path: Path) -> Any:
    _read_ahead(path)
    return safe_open(path, framework="pt")


def _parts(name: str, names: set[str]) -> list[tuple[str, str]]:
    return [("", name), *((key.removeprefix(f"{name}."), key) for key in names if key.startswith(f"{name}."))]


def _read_ahead(path: Path) -> None:
    """The first forward touches every page: let the disk begin now."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_WILLNEED)


def _fill(
    skeleton: Skeleton,
    plan: Sequence[PlannedTensor],
    weights: Iterator[tuple[str, Mapping[str, torch.Tensor]]],
    device: torch.device,
    report: Report,
    cancelled: Cancelled,
) -> None:
    sizes = {item.name: item.stored.bytes for item in plan}
    done, total = 0, sum(sizes.values())
    for name, parts in weights:
        stop_if(cancelled)
        place(skeleton.model, name, parts, device)
        done += sizes[name]
        report(LoadProgress("read", done, total))


def _gone_again(recipe: Recipe) -> WeightsError:
    folder = folder_of(recipe.key)
    return WeightsError(
        say(
            f"{recipe.model}의 준비된 가중치가 {folder}에서 거듭 지워지거나 망가졌어요. `kullm models prune`이 끝난 뒤 다시 시도하고, "
            "되풀이되면 디스크를 점검하세요.",
            f"The prepared weights of {recipe.model} were deleted or damaged in {folder} again and again. Try again when "
            "`kullm models prune` has ended; if it happens still, check the disk.",
        )
    )


def _no_memory(folder: Path, recipe: Recipe) -> TooLarge:
    needed = f"{recipe.bytes / 1e9:.1f}"
    return TooLarge(
        say(
            f"{folder.name}의 {recipe.precision} 가중치 {needed} GB가 장치의 메모리에 들어가지 않아요. 더 작은 모델이나 4bit를 고르세요.",
            f"The {recipe.precision} weights of {folder.name} ({needed} GB) do not fit the device's memory. "
            "Choose a smaller model or 4bit.",
        )
    )
