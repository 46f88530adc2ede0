"""From a system's name to whom to ask, and back again: a run that is taken up asks the same one as before, or nobody."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evaluator.answer_store import System
from evaluator.answers import target_system
from kullm_tui.core.asking.target import Target, choose_target, prompted_by
from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import ConfigError, UsageError
from kullm_tui.core.language import say


def answering_system(model: str, adapter: str, config: Config, decoding: Mapping[str, Any]) -> tuple[Target, System]:
    """Whom to ask, and its row of the table."""
    target = choose_target(model, config.endpoints)
    precision = config.engine.precision
    if not adapter:
        return target, target_system(target, decoding, precision=precision)
    if target.endpoint:
        raise UsageError(
            say(
                f"{model}: 어댑터는 이 컴퓨터에서 돌리는 모델에만 얹을 수 있어요.",
                f"{model}: an adapter goes over a model that runs on this machine.",
            )
        )
    return target, target_system(prompted_by(target, adapter), decoding, adapter, precision=precision)


def answering_again(system: System, config: Config) -> Target | None:
    """Whom to ask for the answers that are missing; None for answers that were imported.

    ConfigError where the same name would answer in another way than it did: its answers are not mixed.
    """
    if "model" not in system.source:
        return None
    model, adapter = system.name, ""
    if "adapter" in system.source:
        model = str(system.source["model"])
        adapter = system.name.removeprefix(f"{model}+")
    target, now = answering_system(model, adapter, config, system.source.get("decoding", {}))
    if now != system:
        raise ConfigError(
            say(
                f"{system.name}: 그때와 모델, 템플릿이나 주소가 달라져서 답을 섞을 수 없어요. 새로 평가하세요.",
                f"{system.name}: its model, template or address is another than then, and its answers are not mixed. "
                "Evaluate it anew.",
            )
        )
    return target


def imported_system(name: str, file: Path, sha256: str) -> System:
    return System(name, {"file": file.name, "sha256": sha256})
