"""From a system's name to whom to ask, and back again: a run that is taken up asks the same one as before, or nobody."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from evaluator.answer_store import System
from evaluator.answers import target_system
from kullm_tui.core.asking.target import Target, resolve
from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say


def answering_system(
    name: str, config: Config, decoding: Mapping[str, Any], *, adapter: str = ""
) -> tuple[Target, System]:
    """Whom to ask, and its row of the table."""
    target = resolve(name, config.endpoints, adapter=adapter)
    return target, target_system(target, decoding, precision=config.engine.precision)


def answering_again(system: System, config: Config) -> Target | None:
    """Whom to ask for the answers that are missing; None for answers that were imported.

    ConfigError where the same name would answer in another way than it did: its answers are not mixed.
    """
    source = system.source
    if "model" not in source:
        return None
    adapter = str(source.get("adapter", ""))
    name = str(source["model"]) if adapter else system.name
    target, now = answering_system(name, config, source.get("decoding", {}), adapter=adapter)
    if replace(now, name=system.name) != system:
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
