"""Who can answer here: models on this disk, adapters over them, endpoints; what each needs, and what is loaded now. All of it blocks."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from kullm_tui.core.config.keys import get_key
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.endpoints.local_health import engine_health
from kullm_tui.core.language import say
from kullm_tui.core.memory import Memory, memory_here
from kullm_tui.core.models.adapters import Adapter, list_adapters
from kullm_tui.core.models.catalogue import Entry, catalogue
from kullm_tui.core.models.profiles import all_profiles
from kullm_tui.core.text import size_text

Group = Literal["here", "adapter", "endpoint", "missing"]
_SMALL = 1e8  # bytes; less is no share of a memory worth telling


@dataclass(frozen=True)
class ModelChoice:
    """Whom to ask from now on."""

    model: str
    adapter: str = ""


@dataclass(frozen=True)
class Answerer:
    """Something that a question can be put to, or that could be downloaded for it."""

    group: Group
    model: str
    adapter: str
    title: str
    detail: str
    need: int | None  # bytes of memory; None: not known, or not of this machine
    loaded: bool
    fits: bool
    own: bool = False  # an entry of the user's

    def matches(self, words: Sequence[str]) -> bool:
        """Whether all of the words, in small letters, are somewhere in what is said of it."""
        said = f"{self.model} {self.adapter} {self.title} {self.detail}".lower()
        return all(word in said for word in words)


@dataclass(frozen=True)
class Answerers:
    rows: tuple[Answerer, ...]
    memory: Memory


def answerers(config: Config) -> Answerers:
    memory = memory_here(config.engine.device)
    loaded = loaded_models()
    entries = catalogue(memory, config)
    needs = {entry.name: entry for entry in entries}
    rows = [_of_entry(entry, loaded) for entry in entries if _can_be_asked(entry)]
    rows += [_of_adapter(adapter, needs) for adapter in list_adapters()]
    order: Sequence[Group] = ("here", "adapter", "endpoint", "missing")
    return Answerers(tuple(sorted(rows, key=lambda row: (order.index(row.group), not row.own))), memory)


def loaded_models() -> dict[str, int]:
    """The models that the running engine holds, with their bytes; none where it does not run or answer."""
    health = engine_health()
    return dict(health.loaded) if health else {}


def memory_used(config: Config) -> str:
    """`4.1/24 GB`: what loaded models take of the device's memory; empty where nothing is loaded."""
    used = sum(loaded_models().values())
    total = memory_here(config.engine.device).total
    if used < _SMALL:
        return size_text(used) if used else ""
    return f"{used / 1e9:.1f}/{total / 1e9:.0f} GB"


def endpoint_of(name: str, endpoints: Sequence[EndpointSettings]) -> EndpointSettings | None:
    """The endpoint behind `NAME/` or `NAME/MODEL`, or behind a profile of one; None for a model of this machine."""
    before = name.partition("/")[0]
    configured = next((one for one in endpoints if one.name == before), None)
    profile = all_profiles().get(before)
    if configured or profile is None or profile.kind != "endpoint":
        return configured
    return EndpointSettings(before, profile.endpoint, profile.key)


def at_endpoint(endpoint: EndpointSettings, model: str, title: str = "") -> Answerer:
    """One of the models that an endpoint offers."""
    detail = title or endpoint.base_url
    return Answerer("endpoint", f"{endpoint.name}/{model}", "", model, detail, None, loaded=False, fits=True, own=True)


def as_typed(typed: str) -> Answerer:
    detail = say("적은 이름 그대로 쓰기", "use the name as typed")
    return Answerer("here", typed, "", typed, detail, None, loaded=False, fits=True)


def headings() -> dict[Group, str]:
    """Over those that can be asked at once, in the order of a list."""
    return {
        "here": say("이 컴퓨터", "On this machine"),
        "adapter": say("어댑터", "Adapters"),
        "endpoint": say("엔드포인트", "Endpoints"),
    }


def _can_be_asked(entry: Entry) -> bool:
    """A provider that the app knows of is nobody's to ask before its key is here."""
    if entry.profile.kind == "endpoint" and not entry.own:
        return not entry.profile.key or get_key(entry.profile.key) is not None
    return entry.state != "cannot-run"


def _of_entry(entry: Entry, loaded: Collection[str]) -> Answerer:
    profile = entry.profile
    group: Group = "endpoint" if profile.kind == "endpoint" else "here"
    if entry.state in ("missing", "partial"):
        group = "missing"
    detail = profile.endpoint if profile.kind == "endpoint" else profile.about
    return Answerer(
        group,
        entry.name,
        "",
        profile.called,
        detail,
        entry.need,
        entry.name in loaded,
        entry.fit != "too-large",
        entry.own,
    )


def _of_adapter(adapter: Adapter, needs: dict[str, Entry]) -> Answerer:
    """An adapter whose base is not known is tried over the model that is chosen."""
    base = needs.get(adapter.base)
    need = base.need if base else None
    return Answerer(
        "adapter",
        adapter.base,
        adapter.name,
        adapter.name,
        f"{adapter.method} · {adapter.base or '?'}",
        need,
        loaded=False,
        fits=base is None or base.fit != "too-large",
    )
