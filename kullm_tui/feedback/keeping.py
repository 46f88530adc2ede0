"""The model that the chat answers with: what was trained is kept as that, and rolled back to what was before it.

It is the configuration's `model`, so the app and `kullm ask` agree. What was before is remembered in `kept-models.json`, with what the
app was used with then, the newest last:

    {kept: [{model, when, before: {model, session}}]}
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kullm_tui.core import habits
from kullm_tui.core.asking.target import Target, resolve_here
from kullm_tui.core.config.edit import set_value
from kullm_tui.core.config.settings import Config, load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import DEMO

_MEMORY = "kept-models.json"


@dataclass(frozen=True)
class Switch:
    """What answered before and what answers now."""

    before: str
    now: str

    @property
    def changes(self) -> bool:
        return self.before != self.now


def keep_model(name: str) -> Switch:
    """From now on this one is the chat's. KullmError, and nothing changed, where it could not answer."""
    config = load_config()
    now = full_name(resolve_here(name, config.endpoints))
    before = chat_model(config)
    if now == before:
        return Switch(before, now)
    kept = {
        "model": now,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "before": {"model": config.model, "session": dict(habits.recalled(habits.SESSION))},
    }
    _remember([*_kept(), kept])  # first: what was before must not be lost
    set_value("model", now)
    return Switch(before, now)


def roll_back() -> Switch:
    """To what was before the last that was kept. UsageError where nothing was, or something else was chosen since."""
    config, kept = load_config(), _kept()
    if not kept:
        raise UsageError(
            say(
                "되돌릴 것이 없어요. `kullm adapters keep 이름`으로 바꾼 적이 없어요.",
                "There is nothing to roll back: nothing was kept with `kullm adapters keep NAME`.",
            )
        )
    *others, last = kept
    now, before = str(last["model"]), last["before"]
    if config.model != now:
        raise _chosen_since(config.model, now, str(before["model"]))
    if before["model"]:
        resolve_here(before["model"], config.endpoints)
    set_value("model", before["model"])
    if before["session"]:
        habits.remember(habits.SESSION, before["session"])
    _remember(others)
    return Switch(now, chat_model(load_config()))


def chat_model(config: Config) -> str:
    """What a new conversation of the app is asked with: what was used last, unless the configuration names another since."""
    session = habits.recalled(habits.SESSION)
    model, adapter = session.get("model"), session.get("adapter")
    if not model or session.get("configured") != config.model:
        return config.model or DEMO
    return f"{model}+{adapter}" if adapter else str(model)


def full_name(target: Target) -> str:
    """As `-m` and the configuration take it."""
    return f"{target.name}+{target.adapter}" if target.adapter else target.name


def _kept() -> list[Mapping[str, Any]]:
    listed = habits.recalled(_MEMORY).get("kept")
    whole = (one for one in listed if _is_whole(one)) if isinstance(listed, list) else ()
    return list(whole)


def _is_whole(one: object) -> bool:
    before = one.get("before") if isinstance(one, dict) else None
    return isinstance(before, dict) and isinstance(before.get("model"), str) and isinstance(before.get("session"), dict)


def _remember(kept: list[Mapping[str, Any]]) -> None:
    habits.remember(_MEMORY, {"kept": kept})


def _chosen_since(model: str, kept: str, before: str) -> UsageError:
    chosen = model or DEMO
    return UsageError(
        say(
            f"{kept} 뒤에 대화 모델이 바뀌었어요(지금은 {chosen}). 그 전으로 돌아가려면: kullm config set model {before or DEMO}",
            f"The chat's model was changed to {chosen} since {kept} was kept. To go back to what was before: "
            f"kullm config set model {before or DEMO}",
        )
    )
