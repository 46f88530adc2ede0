"""From what a user names to whom to ask: a model or an adapter over it on this machine, or a model at an endpoint."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kullm_tui.core import paths
from kullm_tui.core.config.settings import EndpointSettings, load_config
from kullm_tui.core.endpoints.client import configured_endpoint, engine_endpoint
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.local_engine import ensure_engine
from kullm_tui.core.errors import AdapterError, KullmError, ModelNotFound, UsageError
from kullm_tui.core.extras import require_local
from kullm_tui.core.language import say
from kullm_tui.core.models import resolve as models
from kullm_tui.core.models.adapters import adapter_folder, is_adapter, list_adapters, prompted_as, read_adapter_folder
from kullm_tui.core.rules import did_you_mean


@dataclass(frozen=True)
class Target:
    name: str  # as the user knows it
    model: str  # as the other side knows it
    template: str | None
    endpoint: Endpoint | None  # None: the local engine
    adapter: str = ""  # over the model, as the engine knows it; never at an endpoint


def resolve(name: str, endpoints: Sequence[EndpointSettings], *, adapter: str = "") -> Target:
    """`MODEL`, `MODEL+ADAPTER`, an adapter's own name, or a model and its adapter apart. Any KullmError says what to do.

    ModelNotFound and AdapterError for an unknown name, UsageError for an adapter at an endpoint, KeyMissing for an
    endpoint whose key is not there, MissingExtra without torch. That files are not downloaded is no error here.
    """
    model, adapter = split_adapter(name, endpoints, apart=adapter)
    reference = models.resolve(model, endpoints=endpoints)
    if reference.profile.kind == "endpoint":
        return _at_endpoint(reference, adapter)
    require_local()
    if adapter and reference.profile.kind == "adapter" and reference.profile.base:
        # Two are not laid over each other: the one that was named counts, over the base of the other.
        reference = models.resolve(reference.profile.base)
    # A folder is named in full, since the engine, and the next `--continue`, work elsewhere.
    known_as = str(reference.folder) if reference.kind == "folder" else reference.name
    if not adapter:
        return Target(known_as, known_as, reference.profile.template, None)
    adapter = _adapter_for_engine(adapter)
    folder = adapter_folder(adapter)
    profile = prompted_as(reference.profile, folder) if folder else reference.profile
    return Target(known_as, known_as, profile.template, None, adapter)


def resolve_here(name: str, endpoints: Sequence[EndpointSettings], *, adapter: str = "") -> Target:
    """The same, of whom an answer can be had at once: a KullmError also for files that are not here."""
    target = resolve(name, endpoints, adapter=adapter)
    if target.endpoint is None:
        reference = models.resolve(target.name)
        models.local_folder(reference)
        if reference.profile.kind == "adapter" and reference.profile.base:
            models.local_folder(models.resolve(reference.profile.base))
    return target


def split_adapter(text: str, endpoints: Sequence[EndpointSettings] = (), *, apart: str = "") -> tuple[str, str]:
    """The model and the adapter that a text names, unless the adapter is given apart; it is empty for a model alone.

    A model's name and a folder may have a "+" in them, an adapter's folder too: what is a model as it stands stays whole,
    and else the sign counts behind which an adapter of this machine stands. An adapter alone stands over its base.
    """
    if apart:
        return text, apart
    splits = [(text[:at], text[at + 1 :]) for at in range(len(text) - 1, -1, -1) if text[at] == "+" and text[at + 1 :]]
    known = [split for split in splits if _is_adapter_here(split[1])]
    kind = _kind_of(text, endpoints)
    if kind == "endpoint" and known:
        return known[0]  # no part of a model's name but an adapter of this machine, which `resolve` refuses there
    if kind:
        return text, ""
    if text in {one.name for one in list_adapters()}:
        splits = known = [("", text)]
    if not splits:
        return text, ""
    over_model = (split for split in known if not split[0] or _kind_of(split[0], endpoints))
    model, adapter = next(over_model, (known or splits)[0])
    return model or _base_required(adapter), adapter


def base_of(adapter: str) -> str:
    """The model that an adapter of this machine was trained on, if it is one of these; else empty.

    Never an endpoint's, whatever its files say: whose adapter is asked means this machine.
    """
    folder = adapter_folder(adapter)
    base = read_adapter_folder(folder).base if folder else ""
    kind = _kind_of(base, load_config().endpoints) if base else ""
    return "" if kind == "endpoint" or not kind else base


def start_engine(narrate: Callable[[str], None]) -> Endpoint:
    state = ensure_engine(narrate=narrate)
    return engine_endpoint(state.url, state.token)


def _at_endpoint(reference: models.ModelRef, adapter: str) -> Target:
    name, profile = reference.name, reference.profile
    if adapter:
        raise UsageError(
            say(
                f"{name}+{adapter}: 어댑터는 이 컴퓨터에서 돌리는 모델에만 얹을 수 있어요. "
                "어댑터를 빼거나, 이 컴퓨터에 있는 베이스 모델의 이름을 쓰세요.",
                f"{name}+{adapter}: an adapter goes over a model that runs on this machine. "
                "Leave the adapter out, or name its base on this machine.",
            )
        )
    settings = EndpointSettings(name.partition("/")[0], profile.endpoint, profile.key)
    return Target(name, profile.model, None, configured_endpoint(settings))


def _kind_of(name: str, endpoints: Sequence[EndpointSettings]) -> str:
    """A model's kind; empty for what is none. What is there and broken is a model too: it is told when it is used."""
    try:
        return models.resolve(name, endpoints=endpoints).profile.kind
    except ModelNotFound:
        return ""
    except KullmError:
        return "weights"


def _base_required(adapter: str) -> str:
    base = base_of(adapter)
    if base:
        return base
    folder = adapter_folder(adapter)
    gone = read_adapter_folder(folder).base if folder else ""
    if gone:
        raise AdapterError(
            say(
                f"{adapter} 어댑터의 베이스가 이제 없어요: {gone}\n베이스를 다시 받거나 제자리에 두고, 다른 이름으로 있으면 베이스+{adapter} 형식으로 적어 주세요.",
                f"The base of the adapter {adapter} is gone: {gone}\n"
                f"Fetch it again or put it back; if it is here under another name, write BASE+{adapter}.",
            )
        )
    raise AdapterError(
        say(
            f"{adapter}: 어느 모델의 어댑터인지 알 수 없어요. 베이스+{adapter} 형식으로 적어 주세요.",
            f"{adapter}: it is not known which model it was trained on. Write BASE+{adapter}.",
        )
    )


def _is_adapter_here(name: str) -> bool:
    return is_adapter(paths.typed(name)) or name in _known_adapters()


def _known_adapters() -> list[str]:
    """The user's own, and those that a profile speaks of."""
    profiles = (profile.name for profile in models.all_profiles().values() if profile.kind == "adapter")
    return [*(adapter.name for adapter in list_adapters()), *profiles]


def _adapter_for_engine(name: str) -> str:
    """An adapter's name stays; a folder is made absolute, since the engine works elsewhere. AdapterError for neither."""
    folder = paths.typed(name)
    if is_adapter(folder):
        return str(folder.resolve())
    known = _known_adapters()
    if name in known or (models.REPOSITORY.fullmatch(name) and not folder.exists()):
        return name
    hint = did_you_mean(name, known)
    raise AdapterError(
        say(
            f"'{name}' 어댑터가 없어요.{hint} "
            f"adapter_config.json이 있는 폴더나 {paths.adapters_dir()} 안의 이름을 쓰세요.",
            f"There is no adapter '{name}'.{hint} "
            f"Give a folder that holds adapter_config.json, or a name in {paths.adapters_dir()}.",
        )
    )
