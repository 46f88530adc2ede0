"""An adapter put into its base's own weights: `python -P -m trainer.merge ADAPTER BASE TO [--profile NAME]`.

LoRA      W + scale · B·A
IA3       rows or columns of W, and its bias, times the learned scales

in fp32, rounded once to the type that the base is stored in, one tensor in memory at a time. Only a base that is not quantised
is merged into: rounding a second time, to 4 bits, costs more than the adapter gains. What comes out is an ordinary model folder, which
others prompt as we do (`trainer/merge_beside.py`); it is seen under its name when it is whole.
Lines of JSON on stdout say how far it is; a fault is told on stderr.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import AdapterError, WeightsError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import CONFIGURATION
from kullm_tui.weights.adapter_files import AdapterFiles, read_adapter
from kullm_tui.weights.adapter_fit import matched_modules
from kullm_tui.weights.files import Checkpoint, StoredTensor, TensorReader, open_checkpoint
from kullm_tui.weights.plan import KeyMapping
from kullm_tui.weights.skeleton import build_skeleton
from trainer.merge_beside import prompted_profile, write_beside
from trainer.merge_files import Read, write_checkpoint
from trainer.merge_place import drafted, require_space, told


@dataclass(frozen=True)
class _Change:
    """What an adapter does to one linear layer. `transposed`: the layer keeps its matrix the other way round."""

    parts: Mapping[str, torch.Tensor]
    scale: float
    transposed: bool


@dataclass(frozen=True)
class Merging:
    """A base with an adapter in it, before anything is written: what it holds, and each tensor as it will be."""

    checkpoint: Checkpoint
    read: Read
    names: Mapping[str, str]  # the model's own name for each of the checkpoint's keys


def merge(adapter: Path, base: Path, to: Path, *, profile: str = "", card: Path | None = None) -> Path:
    """The new folder. Nothing stands under its name unless it is whole. `profile`: whose way of being prompted it has; "": its files'.
    `card`: a file that becomes its README.md."""
    merging = open_merging(base, adapter)
    with drafted(to) as draft:
        require_space(draft, sum(tensor.bytes for tensor in merging.checkpoint.tensors.values()))
        _write_weights(merging, draft)
        write_beside(draft, adapter, base, profile=prompted_profile(profile, adapter, base), card=card)
        draft.rename(to)
    return to


def open_merging(base: Path, adapter: Path | None) -> Merging:
    """Without an adapter, the base as it is."""
    _require_plain(base)
    checkpoint = open_checkpoint(base)
    model = build_skeleton(base, "bf16").model
    mapping = KeyMapping(model, model.state_dict())
    names = {key: mapping.model_name(key)[0] for key in checkpoint.tensors}
    changes = _changes(read_adapter(adapter), model, mapping, names) if adapter else {}
    reader = TensorReader(checkpoint)

    def read(stored: StoredTensor) -> torch.Tensor:
        module, _, leaf = stored.key.rpartition(".")
        tensor = reader.read(stored.key)
        change = changes.get(module)
        return merged(tensor, leaf, change.parts, change.scale, change.transposed) if change else tensor

    return Merging(checkpoint, read, names)


def _require_plain(base: Path) -> None:
    try:
        config = foreign_json.read(base / "config.json")
    except (OSError, ValueError):
        return  # told by whatever reads it for its content
    if config.get("quantization_config"):
        method = config["quantization_config"].get("quant_method", "?")
        raise WeightsError(
            say(
                f"{base}에는 이미 양자화된({method}) 가중치만 있어요. 병합하면 한 번 더 반올림되어 품질이 떨어져요. 원본(bf16이나 fp16) 베이스를 받아 그 위에 병합하세요.",
                f"{base} holds only quantised weights ({method}). Merging would round them once more and cost quality. "
                "Fetch the original base (bf16 or fp16) and merge into that.",
            )
        )


def _changes(
    files: AdapterFiles, model: nn.Module, mapping: KeyMapping, names: Mapping[str, str]
) -> Mapping[str, _Change]:
    """By the name that the checkpoint gives the layer."""
    modules = dict(model.named_modules())
    found = matched_modules(files, model, modules, mapping)
    tied = cast("dict[str, str]", model.all_tied_weights_keys)
    shared = {name for pair in tied.items() for name in pair}
    changes = {}
    for key, name in names.items():
        module, _, leaf = name.rpartition(".")
        if leaf == "weight" and module in found:
            if f"{module}.weight" in shared:
                raise _not_mergeable(files, module)
            changes[key.removesuffix(".weight")] = _change(files, module, found[module], modules[module])
    missing = len(found) - len(changes)
    if missing:
        raise _not_mergeable(files, next(iter(found)))
    return changes


def _change(files: AdapterFiles, name: str, parts: Mapping[str, torch.Tensor], module: nn.Module) -> _Change:
    if "lora_B.bias" in parts and getattr(module, "bias", None) is None:
        raise _not_mergeable(files, name)
    scale = _scale(files.options, name) if files.kind == "LORA" else 1.0
    return _Change(parts, scale, isinstance(module, Conv1D))


def _scale(options: Mapping[str, Any], name: str) -> float:
    """alpha / r, or alpha / √r for rank-stabilised LoRA; both may be set by pattern."""
    from peft.utils.other import get_pattern_key

    def by_pattern(pattern: str, usual: str) -> float:
        table = options.get(pattern) or {}
        return float(table.get(get_pattern_key(list(table), name), options[usual]))

    rank, alpha = by_pattern("rank_pattern", "r"), by_pattern("alpha_pattern", "lora_alpha")
    return alpha / (math.sqrt(rank) if options.get("use_rslora") else rank)


def _write_weights(merging: Merging, draft: Path) -> None:
    tensors = sorted(merging.checkpoint.tensors.values(), key=lambda tensor: (tensor.file.name, tensor.key))
    total, done = sum(tensor.bytes for tensor in tensors), 0

    def wrote(count: int) -> None:
        nonlocal done
        done += count
        print(json.dumps({"done": done, "total": total}), flush=True)

    with torch.inference_mode():
        write_checkpoint(draft, tensors, merging.read, wrote=wrote)


def merged(
    stored: torch.Tensor, leaf: str, parts: Mapping[str, torch.Tensor], scale: float, transposed: bool
) -> torch.Tensor:
    """A layer's weight or bias with the adapter in it, in the type that it came in."""
    exact = stored.to(torch.float32, copy=True)
    matrix = exact.T if transposed and leaf == "weight" else exact
    if leaf == "weight" and "lora_A" in parts:
        matrix.addmm_(parts["lora_B"], parts["lora_A"], alpha=scale)
    elif leaf == "bias" and "lora_B.bias" in parts:
        exact.add_(parts["lora_B.bias"], alpha=scale)
    elif "ia3_l" in parts:
        scales = parts["ia3_l"]  # [1, in] before the layer, [out, 1] behind it, where its bias is scaled too
        if leaf == "weight":
            matrix.mul_(scales)
        elif scales.shape[0] != 1:
            exact.mul_(scales.flatten())
    return exact.to(stored.dtype)


def _not_mergeable(files: AdapterFiles, module: str) -> AdapterError:
    return AdapterError(
        say(
            f"어댑터 {files.name}의 {module} 층은 베이스의 가중치에 합칠 수 없어요(다른 층과 나누어 쓰거나 파일에 없어요). `--adapter`로 붙여 쓰세요.",
            f"The layer {module} of the adapter {files.name} cannot be put into the base's weights: they are shared or not in its files. Use it with `--adapter`.",
        )
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer.merge")
    parser.add_argument("adapter", type=Path, help=f"a folder with {CONFIGURATION}")
    parser.add_argument("base", type=Path)
    parser.add_argument("to", type=Path)
    parser.add_argument("--profile", default="")
    parser.add_argument("--card", type=Path)
    args = parser.parse_args()
    return told(lambda: merge(args.adapter, args.base, args.to, profile=args.profile, card=args.card))


if __name__ == "__main__":
    sys.exit(main())
