"""An adapter folder as it lies on disk: read without running any of it, and checked before a model is touched.

LoRA and IA³ are read; options of peft that a batch of mixed adapters cannot carry (DoRA, modules trained whole …) are refused by name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import AdapterError, WeightsError
from kullm_tui.core.language import say
from kullm_tui.weights.files import Checkpoint, StoredTensor, TensorReader, pickled_tensors_of, safetensors_of

Kind = Literal["LORA", "IA3"]
Tensors = dict[str, dict[str, torch.Tensor]]

_SUPPORTED = ("LORA", "IA3")
_KEY = re.compile(
    r"(?:base_model\.model\.)?(?P<module>.+?)\.(?P<part>lora_A|lora_B|ia3_l)(?:\.[^.]+)??(?:\.(?P<leaf>weight|bias))?"
)
_REFUSED = (
    "use_dora",
    "modules_to_save",
    "layer_replication",
    "target_parameters",
    "trainable_token_indices",
    "alora_invocation_tokens",
    "arrow_config",
    "use_qalora",
    "use_bdlora",
    "velora_config",
    "monteclora_config",
    "kasa_config",
    "mica",
)
# Initialisations that change the base model's own weights: without them the adapter means something else.
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga", "mica", "orthogonal")

_MERGE_KOREAN = "peft의 merge_and_unload()로 베이스 모델에 병합해 저장한 뒤, 그 폴더를 모델로 여세요."
_MERGE_ENGLISH = "Merge it into its base with peft's merge_and_unload(), save that, and open the folder as a model."


@dataclass(frozen=True)
class AdapterFiles:
    """`name` is the folder's own. `tensors`: checkpoint module name → part (`lora_A`, `lora_B`, `lora_B.bias`, `ia3_l`) → what the file
    says of it: values are read (`read_values`) only once the shapes are those that a base allows."""

    name: str
    kind: Kind
    base: str
    options: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, StoredTensor]]
    checkpoint: Checkpoint


def read_adapter(folder: Path) -> AdapterFiles:
    name = folder.name
    options = _read_options(name, folder)
    kind = options.get("peft_type")
    if kind not in _SUPPORTED:
        raise AdapterError(
            say(
                f"{name} 어댑터의 {kind} 방식은 지원하지 않아요. LoRA와 IA3 어댑터만 붙일 수 있어요.",
                f"Adapter {name} is of the kind {kind}, which cannot be attached; only LoRA and IA3 can.",
            )
        )
    _require_plain(name, options)
    base = str(options.get("base_model_name_or_path") or "").rstrip("/").rpartition("/")[2]
    checkpoint = _stored_tensors(name, folder)
    return AdapterFiles(name, kind, base, options, _by_module(name, checkpoint), checkpoint)


def _read_options(name: str, folder: Path) -> dict[str, Any]:
    path = folder / "adapter_config.json"
    if not path.is_file():
        raise AdapterError(
            say(
                f"{name} 어댑터를 찾을 수 없어요: {folder}에 adapter_config.json이 없어요. 어댑터 폴더의 경로를 확인하세요.",
                f"Adapter {name} was not found: there is no adapter_config.json in {folder}. Check the adapter's folder.",
            )
        )
    try:
        options = foreign_json.read(path)
    except (OSError, ValueError) as error:
        raise _broken(name, path) from error
    if not isinstance(options, dict):
        raise _broken(name, path)
    return options


def _require_plain(name: str, options: Mapping[str, Any]) -> None:
    used = [option for option in _REFUSED if options.get(option)]
    if options.get("bias") not in (None, "none"):
        used.append(f"bias={options['bias']}")
    init = options.get("init_lora_weights")
    if isinstance(init, str) and init.lower().startswith(_CHANGES_BASE):
        used.append(f"init_lora_weights={init}")
    if used:
        raise AdapterError(
            say(
                f"{name} 어댑터는 {', '.join(used)} 설정으로 학습되어 다른 어댑터와 한 번에 실행할 수 없어요. "
                f"{_MERGE_KOREAN}",
                f"Adapter {name} was trained with {', '.join(used)}, which cannot run beside other adapters. "
                f"{_MERGE_ENGLISH}",
            )
        )


def _by_module(name: str, checkpoint: Checkpoint) -> dict[str, dict[str, StoredTensor]]:
    modules: dict[str, dict[str, StoredTensor]] = {}
    for key, tensor in checkpoint.tensors.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise AdapterError(
                say(
                    f"{name} 어댑터에 LoRA나 IA3가 아닌 {key} 텐서가 있어요. {_MERGE_KOREAN}",
                    f"Adapter {name} holds the tensor {key}, which is neither LoRA nor IA3. {_MERGE_ENGLISH}",
                )
            )
        part = f"{match['part']}.bias" if match["leaf"] == "bias" else match["part"]
        modules.setdefault(match["module"], {})[part] = tensor
    if not modules:
        raise _broken(name, checkpoint.folder)
    return modules


def _stored_tensors(name: str, folder: Path) -> Checkpoint:
    safe, pickled = folder / "adapter_model.safetensors", folder / "adapter_model.bin"
    path = safe if safe.is_file() else pickled
    if not path.is_file():
        raise _broken(name, safe)
    try:
        stored = pickled_tensors_of(path) if path == pickled else safetensors_of(path)
    except WeightsError as error:
        raise _broken(name, path) from error
    return Checkpoint(folder, path == pickled, (path,), {tensor.key: tensor for tensor in stored})


def read_values(files: AdapterFiles, wanted: Mapping[str, Mapping[str, StoredTensor]]) -> Tensors:
    """In fp32, as plain peft keeps them whatever the base's precision."""
    reader = TensorReader(files.checkpoint)
    try:
        return {
            module: {part: reader.read(stored.key).to(torch.float32, copy=True) for part, stored in parts.items()}
            for module, parts in wanted.items()
        }
    except WeightsError as error:
        raise _broken(files.name, files.checkpoint.files[0]) from error


def _broken(name: str, path: Path) -> AdapterError:
    return AdapterError(
        say(
            f"{name} 어댑터의 {path} 파일이 없거나 망가졌거나 안전하지 않아 붙이지 않았어요. 다시 받거나 다시 학습하세요.",
            f"Adapter {name} was not attached: {path} is missing, damaged or unsafe. Fetch or train it again.",
        )
    )
