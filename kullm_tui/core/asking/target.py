"""From the name of a model to whom to ask: the local engine, or an endpoint of the configuration."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.config.settings import EndpointSettings, load_config
from kullm_tui.core.endpoints.client import configured_endpoint, engine_endpoint
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.local_engine import ensure_engine
from kullm_tui.core.errors import AdapterError, ModelNotFound
from kullm_tui.core.extras import require_local
from kullm_tui.core.language import say
from kullm_tui.core.models import resolve as models
from kullm_tui.core.models.adapters import is_adapter, list_adapters, read_adapter_folder
from kullm_tui.core.rules import did_you_mean


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
    """An adapter's name stays; a folder is made absolute, since the engine works elsewhere. AdapterError for neither."""
    folder = paths.typed(name)
    if is_adapter(folder):
        return str(folder.resolve())
    stored = [adapter.name for adapter in list_adapters()]
    profiles = {profile.name: profile for profile in models.all_profiles().values() if profile.kind == "adapter"}
    if name in stored or name in profiles or (models.REPOSITORY.fullmatch(name) and not folder.exists()):
        return name
    hint = did_you_mean(name, [*stored, *profiles])
    raise AdapterError(
        say(
            f"'{name}' 어댑터가 없어요.{hint} "
            f"adapter_config.json이 있는 폴더나 {paths.adapters_dir()} 안의 이름을 쓰세요.",
            f"There is no adapter '{name}'.{hint} "
            f"Give a folder that holds adapter_config.json, or a name in {paths.adapters_dir()}.",
        )
    )


def split_adapter(text: str, endpoints: Sequence[EndpointSettings] = ()) -> tuple[str, str]:
    """`MODEL+ADAPTER` → the two; `+ADAPTER` takes the model that it was trained on. What is a model as it stands stays whole."""
    model, plus, adapter = text.rpartition("+")
    at_endpoint = any(text.startswith(f"{one.name}/") for one in endpoints)
    if not plus or not adapter or at_endpoint or paths.typed(text).is_dir():
        return text, ""
    if model:
        return model, adapter
    base = base_of(adapter)
    if not base:
        raise AdapterError(
            say(
                f"{adapter}: 어느 모델의 어댑터인지 알 수 없어요. 모델+{adapter} 형식으로 적어 주세요.",
                f"{adapter}: it is not known which model it was trained on. Write MODEL+{adapter}.",
            )
        )
    return base, adapter


def prompted_by(target: Target, adapter: str) -> Target:
    """The target with the adapter's own template, where its files say one: the engine prompts so."""
    folder = _local_adapter(adapter)
    template = read_adapter_folder(folder).template if folder and target.endpoint is None else ""
    return replace(target, template=template) if template else target


def base_of(adapter: str) -> str:
    """The model that an adapter of this machine was trained on, if it is one of these; else empty.

    Never an endpoint's, whatever its files say: whose adapter is asked means this machine.
    """
    folder = _local_adapter(adapter)
    base = read_adapter_folder(folder).base if folder else ""
    try:
        known = models.resolve(base, endpoints=load_config().endpoints) if base else None
        return base if known and known.profile.kind != "endpoint" else ""
    except ModelNotFound:
        return ""


def _local_adapter(name: str) -> Path | None:
    places = (paths.typed(name), paths.adapters_dir() / name)
    return next((folder for folder in places if is_adapter(folder)), None)
