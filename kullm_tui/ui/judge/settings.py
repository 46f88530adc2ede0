"""By whom and by which rubric replies are judged in the app, and for how much in one session; kept in `judge.json`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from kullm_tui.core import habits

Mode = Literal["", "paper", "strict"]  # empty: with a reason where the judge is known for it
MODES: tuple[Mode, ...] = ("", "strict", "paper")
RUBRIC = "kullm-2023-ko"


@dataclass(frozen=True)
class JudgeSettings:
    rubric: str = RUBRIC  # a shipped one's name, or the path of the user's own .toml file
    model: str = ""  # empty: the strongest that the key offers
    mode: Mode = ""
    budget: float | None = None  # dollars; None: no limit


def last_settings() -> JudgeSettings:
    """Those used last. What is missing or broken is as at the beginning: a habit is no reason to fail."""
    facts = habits.recalled("judge.json")
    rubric, model, budget = facts.get("rubric"), facts.get("model"), facts.get("budget")
    mode = next((one for one in MODES if one == facts.get("mode")), MODES[0])
    limit = budget if isinstance(budget, int | float) and not isinstance(budget, bool) and budget >= 0 else None
    return JudgeSettings(
        rubric if isinstance(rubric, str) and rubric else RUBRIC, model if isinstance(model, str) else "", mode, limit
    )


def remember(settings: JudgeSettings) -> None:
    habits.remember("judge.json", asdict(settings))


def rubric_name(rubric: str) -> str:
    """As it stands on a verdict."""
    return Path(rubric).stem if rubric.endswith(".toml") else rubric
