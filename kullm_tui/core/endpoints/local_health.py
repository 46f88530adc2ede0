"""What the running engine holds now, asked of it without starting one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kullm_tui.core.endpoints.local_engine import running_engine

_ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class EngineHealth:
    loaded: Mapping[str, int] = field(default_factory=dict)  # bytes, by the name under which each model was loaded
    in_use: frozenset[str] = frozenset()  # those that answer somebody just now
    budget: int | None = None  # bytes that all models may take together


def engine_health() -> EngineHealth | None:
    """None where no engine runs or it does not answer."""
    state = running_engine()
    if state is None:
        return None
    import httpx2

    try:
        answer = httpx2.get(
            f"{state.url}/health", headers={"Authorization": f"Bearer {state.token}"}, timeout=_ANSWER_SECONDS
        )
        facts = answer.json()
        loaded = facts["loaded"]
        return EngineHealth(
            {str(model["model"]): int(model["bytes"]) for model in loaded},
            frozenset(str(model["model"]) for model in loaded if model.get("in_use")),
            int(facts["memory_budget"]) if facts.get("memory_budget") else None,
        )
    except (httpx2.HTTPError, ValueError, KeyError, TypeError):
        return None
