"""The adapter that a training starts from: its method and template, which the recipe takes over, and whether it may be trained on. Torch-free.

Read from its files alone. What peft can do and this trainer does not, such as ranks that differ by layer, is refused by name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import AdapterError, ConfigError, ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import CONFIGURATION, adapter_folder, read_adapter_folder
from kullm_tui.core.models.resolve import resolve

_METHODS: dict[str, Literal["lora", "ia3"]] = {"LORA": "lora", "IA3": "ia3"}
_NOT_TRAINED = (
    "use_rslora",
    "use_dora",
    "rank_pattern",
    "alpha_pattern",
    "lora_bias",
    "layers_to_transform",
    "exclude_modules",
    "modules_to_save",
    "target_parameters",
)


@dataclass(frozen=True)
class StartingAdapter:
    folder: Path
    base: str  # as its files call it; empty: they do not say
    template: str
    method: dict[str, Any]  # values of a recipe's method


def starting_adapter(name: str) -> StartingAdapter:
    """AdapterError where it is not there, or is of a kind that is not trained on."""
    folder = adapter_folder(name)
    if folder is None:
        raise AdapterError(
            say(
                f"학습을 시작할 어댑터 '{name}'을 찾을 수 없어요. `kullm adapters list`에 있는 이름이나 폴더를 model.adapter에 적어 주세요.",
                f"The adapter '{name}' to start from is not there. Name one of `kullm adapters list`, or a folder, as model.adapter.",
            )
        )
    options = foreign_json.fields(folder / CONFIGURATION)
    facts = read_adapter_folder(folder)
    return StartingAdapter(folder, facts.base, facts.template, _method(name, options))


def require_fitting(adapter: StartingAdapter, *, base: str, template: str) -> None:
    """Of another base or another template it would begin with an answer to questions that nobody asks."""
    if adapter.base and not _is_same(adapter.base, base):
        raise AdapterError(
            say(
                f"{adapter.folder.name} 어댑터와 레시피의 베이스가 달라요(어댑터 {adapter.base}, 레시피 {base}). model.base={adapter.base} 값으로 바꾸세요.",
                f"The adapter {adapter.folder.name} was trained over {adapter.base}, but the recipe's base is {base}. Set model.base={adapter.base}.",
            )
        )
    if adapter.template and adapter.template != template:
        raise ConfigError(
            say(
                f"{adapter.folder.name} 어댑터와 레시피의 템플릿이 달라요(어댑터 {adapter.template}, 레시피 {template}). "
                f"model.template={adapter.template} 값으로 바꾸세요.",
                f"The adapter {adapter.folder.name} learnt in the template {adapter.template}, but the recipe says {template}. "
                f"Set model.template={adapter.template}.",
            )
        )


def _method(name: str, options: dict[str, Any]) -> dict[str, Any]:
    kind, targets = _METHODS.get(str(options.get("peft_type"))), options.get("target_modules")
    used = [option for option in _NOT_TRAINED if options.get(option)]
    if kind is None or not isinstance(targets, list) or used:
        why = ", ".join(used) or f"{options.get('peft_type')}, target_modules={targets}"
        raise AdapterError(
            say(
                f"'{name}' 어댑터에서는 학습을 시작할 수 없어요({why}). 층마다 같은 LoRA나 IA3 어댑터만 이어서 배울 수 있어요. "
                "`kullm adapters merge`로 합쳐 그 모델을 베이스로 쓰세요.",
                f"Training cannot start from the adapter '{name}' ({why}): only plain LoRA and IA3 adapters are trained on. "
                "Merge it with `kullm adapters merge`, and use that model as the base.",
            )
        )
    shared = {"kind": kind, "targets": tuple(sorted(map(str, targets)))}
    return shared if kind == "ia3" else shared | {"rank": int(options["r"]), "alpha": float(options["lora_alpha"])}


def _is_same(one: str, other: str) -> bool:
    """By what both names stand for. A name from another computer stands for nothing here: the shapes decide when it is loaded."""
    try:
        left, right = (resolve(name) for name in (one, other))
    except ModelNotFound:
        return True
    if left.profile.repository and right.profile.repository:
        return left.profile.repository.lower() == right.profile.repository.lower()
    return left.folder is None or right.folder is None or left.folder.resolve() == right.folder.resolve()
