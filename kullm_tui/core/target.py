"""From the name of a model to whom to ask: the local engine, or an endpoint of the configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core import models, paths
from kullm_tui.core.chat_client import Endpoint, configured_endpoint, engine_endpoint
from kullm_tui.core.config import EndpointSettings
from kullm_tui.core.engine_process import ensure_engine
from kullm_tui.core.extras import require_local


@dataclass(frozen=True)
class Target:
    name: str  # as the user knows it
    model: str  # as the other side knows it
    template: str | None
    endpoint: Endpoint | None  # None: the local engine


def choose_target(name: str, endpoints: Sequence[EndpointSettings]) -> Target:
    """ModelNotFound for an unknown name, KeyMissing for an endpoint whose key is not there, MissingExtra without torch."""
    reference = models.resolve(name, endpoints=endpoints)
    profile = reference.profile
    if profile.kind == "endpoint":
        settings = EndpointSettings(name.partition("/")[0], profile.endpoint, profile.key)
        return Target(name, profile.model, None, configured_endpoint(settings))
    require_local()
    # A folder is named in full, since the engine, and the next `--continue`, work elsewhere.
    known_as = str(reference.folder) if reference.kind == "folder" else reference.name
    return Target(known_as, known_as, profile.template, None)


def start_engine(narrate: Callable[[str], None]) -> Endpoint:
    state = ensure_engine(narrate=narrate)
    return engine_endpoint(state.url, state.token)


def adapter_for_engine(name: str) -> str:
    """An adapter's name stays; a folder is made absolute, since the engine works elsewhere."""
    if (paths.adapters_dir() / name).is_dir() or not Path(name).is_dir():
        return name
    return str(Path(name).resolve())
