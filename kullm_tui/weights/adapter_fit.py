"""Whether an adapter belongs to a model: its tensors' shapes against the model's own layers."""

import re
from collections.abc import Iterable, Mapping

from torch import nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from kullm_tui.core.errors import AdapterError
from kullm_tui.core.language import say
from kullm_tui.weights.adapter_files import AdapterFiles, Tensors, read_values
from kullm_tui.weights.files import StoredTensor
from kullm_tui.weights.plan import KeyMapping
from kullm_tui.weights.skeleton import linear_shape

_LAYER = re.compile(r"\.(\d+)\.")


def matched_modules(
    files: AdapterFiles, model: PreTrainedModel, modules: Mapping[str, nn.Module], mapping: KeyMapping
) -> Tensors:
    """The adapter's tensors under the model's own module names; read from the file when every shape has been found to fit."""
    found: dict[str, dict[str, StoredTensor]] = {}
    for key, parts in files.tensors.items():
        name = mapping.model_name(f"{key}.weight")[0].removesuffix(".weight")
        module = modules.get(name)
        if module is None or not _fits(files, name, module, parts):
            raise _other_base(files, model)
        found[name] = dict(parts)
    if not _covers_layers(files, found, model):
        raise _other_base(files, model)
    return read_values(files, found)


def _fits(files: AdapterFiles, name: str, module: nn.Module, parts: Mapping[str, StoredTensor]) -> bool:
    if not isinstance(module, nn.Linear | Conv1D):
        return False
    rows, columns = _shape(module)
    shapes = {part: tensor.shape for part, tensor in parts.items()}
    if files.kind == "IA3":
        return shapes in ({"ia3_l": (rows, 1)}, {"ia3_l": (1, columns)})
    rank = _rank(files, name)
    expected: dict[str, tuple[object, ...]] = {"lora_A": (rank, columns), "lora_B": (rows, rank)}
    if files.options.get("lora_bias"):
        expected["lora_B.bias"] = (rows,)
    return shapes == expected


def _shape(module: nn.Linear | Conv1D) -> tuple[int, int]:
    """A 4-bit layer's weight is packed: it states its shape in its attributes."""
    return (module.out_features, module.in_features) if isinstance(module, nn.Linear) else linear_shape(module)


def _rank(files: AdapterFiles, name: str) -> object:
    from peft.utils.other import get_pattern_key  # late: peft takes over half a second to import

    pattern = files.options.get("rank_pattern") or {}
    return pattern.get(get_pattern_key(list(pattern), name), files.options.get("r"))


def _covers_layers(files: AdapterFiles, found: Iterable[str], model: PreTrainedModel) -> bool:
    """A base of the same width and another depth: its adapter names more layers or fewer."""
    targets = files.options.get("target_modules")
    if files.options.get("layers_to_transform") is not None or not isinstance(targets, list):
        return True
    layers = {int(match[1]) for name in found if (match := _LAYER.search(name))}
    if not layers or any(character.isdigit() for target in targets for character in str(target) if "." in str(target)):
        return True
    depth: int = model.config.get_text_config().num_hidden_layers
    return len(layers) == depth


def _other_base(files: AdapterFiles, model: PreTrainedModel) -> AdapterError:
    here = str(model.config._name_or_path).rstrip("/").rpartition("/")[2] or model.config.model_type
    width = model.config.get_text_config().hidden_size
    trained = _trained_width(files)
    width_of_base = f" (hidden {trained})" if trained else ""
    korean = f"{files.base}{width_of_base} 모델" if files.base else f"다른 모델{width_of_base}"
    english = f"{files.base or 'another model'}{width_of_base}"
    return AdapterError(
        say(
            f"{files.name} 어댑터는 {korean}에서 학습되었지만 엔진에는 {here} (hidden {width}) 모델이 올라와 있어요. 어댑터와 베이스가 같은 모델을 고르세요.",
            f"Adapter {files.name} was trained on {english}, but the engine holds {here} (hidden {width}). "
            "Choose the model that the adapter was trained on.",
        )
    )


def _trained_width(files: AdapterFiles) -> int | None:
    return min((parts["lora_A"].shape[-1] for parts in files.tensors.values() if "lora_A" in parts), default=None)
