"""What was chosen last and is chosen again at the next start: one JSON object a file, in the state folder."""

import json
from collections.abc import Mapping
from typing import Any

from kullm_tui.core import paths
from kullm_tui.core.files import publish

SESSION = "session.json"  # what the chat was used with; it counts as long as the configuration names no other model


def recalled(name: str) -> Mapping[str, Any]:
    """Empty for what is missing or broken: a habit is no reason not to start."""
    try:
        facts = json.loads((paths.state_dir() / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def remember(name: str, facts: Mapping[str, Any]) -> None:
    publish(paths.state_dir() / name, json.dumps(facts, ensure_ascii=False, indent=1) + "\n", mode=0o600)
