"""Which stored tensor becomes which weight of the model, and in what form: decided from names and shapes, before any data is read."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import PreTrainedModel
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import WeightConverter, WeightRenaming, rename_source_key
from transformers.pytorch_utils import Conv1D

from kullm_tui.core.errors import WeightsError
from kullm_tui.core.language import say
from kullm_tui.weights.files import Checkpoint, StoredTensor, fetch_again
from kullm_tui.weights.skeleton import Skeleton

log = logging.getLogger(__name__)

Treatment = Literal["plain", "nf4", "int8"]
_NAMED_AT_MOST = 3


@dataclass(frozen=True)
class PlannedTensor:
    """`name` in the model, from `stored`; `plain` tensors end in `dtype`, the others are quantised from it."""

    name: str
    stored: StoredTensor
    treatment: Treatment
    transposed: bool
    dtype: torch.dtype


class KeyMapping:
    """Checkpoint names → model names, by transformers' own tables (`embed_out` → `lm_head`, missing prefixes …)."""

    def __init__(self, model: PreTrainedModel, known: Mapping[str, Any]) -> None:
        transforms = get_model_conversion_mapping(model)
        self._renamings = [each for each in transforms if isinstance(each, WeightRenaming)]
        self._converters = [each for each in transforms if isinstance(each, WeightConverter)]
        self._prefix = model.base_model_prefix
        self._known = known

    def model_name(self, key: str) -> tuple[str, bool]:
        """The model's name for the key, and whether the library would also rearrange the tensor."""
        name, pattern = self._renamed(key, self._renamings, self._converters)
        if name not in self._known and key in self._known:
            name, pattern = self._renamed(key, [], [])
        return name, pattern is not None

    def _renamed(self, key: str, renamings: list[Any], converters: list[Any]) -> tuple[str, str | None]:
        renamed: tuple[str, str | None] = rename_source_key(key, renamings, converters, self._prefix, self._known)
        return renamed


def plan_load(checkpoint: Checkpoint, skeleton: Skeleton) -> tuple[PlannedTensor, ...]:
    """Every tensor to load, in the order in which the files hold them."""
    model = skeleton.model
    state = model.state_dict()
    mapping = KeyMapping(model, state)
    stored: dict[str, StoredTensor] = {}
    ignored = []
    for key, tensor in checkpoint.tensors.items():
        name, rearranged = mapping.model_name(key)
        if rearranged and name in state:
            raise _rearranged(checkpoint, skeleton, key)
        if name in state:
            stored[name] = tensor
        else:
            ignored.append(key)
    _require_shapes(checkpoint, stored, state)
    _require_complete(checkpoint, model, stored, state)
    _log_ignored(model, ignored)
    order = sorted(stored, key=lambda name: (stored[name].file.name, name))
    return tuple(_planned(name, stored[name], state[name].dtype, skeleton) for name in order)


def _planned(name: str, stored: StoredTensor, dtype: torch.dtype, skeleton: Skeleton) -> PlannedTensor:
    module_name, _, leaf = name.rpartition(".")
    if leaf == "weight" and module_name in skeleton.quantised:
        transposed = isinstance(skeleton.model.get_submodule(module_name), Conv1D)
        return PlannedTensor(name, stored, "nf4" if skeleton.precision == "4bit" else "int8", transposed, dtype)
    return PlannedTensor(name, stored, "plain", False, kept_dtype(skeleton.model, name, dtype))


def kept_dtype(model: PreTrainedModel, name: str, dtype: torch.dtype) -> torch.dtype:
    """Some classes insist on fp32 for a few weights whatever the precision."""
    strict = model._keep_in_fp32_modules_strict or ()
    return torch.float32 if dtype.is_floating_point and any(part in name for part in strict) else dtype


def _require_shapes(checkpoint: Checkpoint, stored: Mapping[str, StoredTensor], state: Mapping[str, Any]) -> None:
    wrong = [name for name, tensor in stored.items() if tensor.shape != tuple(state[name].shape)]
    if not wrong:
        return
    korean, english = fetch_again(checkpoint.folder)
    found, expected = list(stored[wrong[0]].shape), list(state[wrong[0]].shape)
    raise WeightsError(
        say(
            f"{checkpoint.folder}의 가중치가 config.json과 맞지 않아요: {wrong[0]}의 모양은 {expected}, 파일의 모양은 {found}. 서로 달라요. {korean}",
            f"The weights in {checkpoint.folder} do not match its config.json: {wrong[0]} is {found}, not {expected}. {english}",
        )
    )


def _require_complete(
    checkpoint: Checkpoint, model: PreTrainedModel, stored: Mapping[str, StoredTensor], state: Mapping[str, Any]
) -> None:
    missing = set(state) - set(stored)
    tied: dict[str, str] = model.all_tied_weights_keys
    groups = {source: {source} | {target for target, of in tied.items() if of == source} for source in tied.values()}
    for group in groups.values():
        if group & set(stored):
            missing -= group
    missing = set(_not_matching(missing, model._keys_to_ignore_on_load_missing or ()))
    if missing:
        korean, english = fetch_again(checkpoint.folder)
        raise WeightsError(
            say(
                f"{checkpoint.folder}의 가중치에 {_few(missing)} 텐서가 없어요. {korean}",
                f"The weights in {checkpoint.folder} lack {_few(missing)}. {english}",
            )
        )


def _few(names: Iterable[str]) -> str:
    ordered = sorted(names)
    more = len(ordered) - _NAMED_AT_MOST
    return ", ".join(ordered[:_NAMED_AT_MOST]) + (f" … (+{more})" if more > 0 else "")


def _not_matching(names: Iterable[str], patterns: Iterable[str]) -> list[str]:
    compiled = [re.compile(pattern) for pattern in patterns]
    return [name for name in names if not any(pattern.search(name) for pattern in compiled)]


def _log_ignored(model: PreTrainedModel, keys: list[str]) -> None:
    expected = [*(model._keys_to_ignore_on_load_unexpected or ()), r"rotary_emb\.inv_freq", r"(^|\.)position_ids$"]
    unexpected = _not_matching(keys, expected)
    if unexpected:
        log.info("ignored %d tensors that the model does not have: %s", len(unexpected), _few(unexpected))


def _rearranged(checkpoint: Checkpoint, skeleton: Skeleton, key: str) -> WeightsError:
    kind = skeleton.config.model_type
    return WeightsError(
        say(
            f"{checkpoint.folder.name}({kind})의 가중치({key})는 합치거나 나누어야 하는 형식이라 이 엔진이 읽지 않아요. vLLM 같은 엔드포인트를 쓰세요.",
            f"The weights of {checkpoint.folder.name} ({kind}) must be merged or split while loading ({key}), "
            "which this engine does not do. Use an endpoint such as vLLM.",
        )
    )
