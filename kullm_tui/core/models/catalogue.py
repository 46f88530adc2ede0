"""Every model that can be chosen, with what of it is on this machine and whether it would fit: the facts of a browser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.hub.cache import has_begun
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.disk import DiskUse, disk_use
from kullm_tui.core.models.memory_need import Fit, budget_of, fit_of, memory_need
from kullm_tui.core.models.profiles import LicenceClass, Profile, all_profiles, user_profiles
from kullm_tui.core.models.resolve import is_downloaded
from kullm_tui.core.models.weights_cache import CachedWeights, list_cached

State = Literal["remote", "cannot-run", "missing", "partial", "here", "quantised"]


@dataclass(frozen=True)
class Entry:
    profile: Profile
    state: State
    disk: DiskUse
    need: int | None  # bytes of memory with one full context, as the engine is set to load it; None: not known
    fit: Fit
    own: bool  # an entry of the user's, which can be taken off the list
    recommended: bool = False  # for this machine
    most: int = 0  # bytes that models may take here at all

    @property
    def name(self) -> str:
        return self.profile.name


def catalogue(memory: Memory, config: Config) -> tuple[Entry, ...]:
    """What is recommended for this machine first. Reads the disk, so not for the thread that draws."""
    profiles = all_profiles()
    own = set(user_profiles())
    cached = list_cached()
    listed = [_entry(profile, profile.name in own, memory, config, cached) for profile in profiles.values()]
    listed += [_endpoint_entry(endpoint) for endpoint in config.endpoints if endpoint.name not in profiles]
    return tuple(sorted(listed, key=_rank))


def _rank(entry: Entry) -> tuple[bool, bool, int]:
    """Of the recommended those with the freer licence first, then the largest; all others as they stand in their files."""
    if not entry.recommended:
        return True, True, 0
    return False, entry.profile.licence_class != "commercial", -(entry.need or 0)


def licence_class_of(profile: Profile) -> LicenceClass | None:
    """None for an endpoint whose model's licence nobody named."""
    return profile.licence_class if profile.licence or profile.kind != "endpoint" else None


def total_on_disk(entries: Iterable[Entry]) -> int:
    """Each repository once, though several profiles may use it."""
    places = {entry.profile.repository or entry.name: entry.disk for entry in entries}
    return sum(use.downloaded + use.quantised for use in places.values())


def _entry(profile: Profile, own: bool, memory: Memory, config: Config, cached: Sequence[CachedWeights]) -> Entry:
    use = disk_use(profile, cached)
    if profile.kind == "endpoint":
        return Entry(profile, "remote", use, None, "unknown", own)
    need = memory_need(profile, config.engine.precision, cached)
    fit = fit_of(need, memory, config.engine)
    most = budget_of(config.engine, memory, idle=True)
    advised = fit == "fits" and profile.answers_in_korean and profile.verified and profile.runs_here
    return Entry(profile, _state(profile, use, cached), use, need, fit, own, recommended=advised, most=most)


def _endpoint_entry(endpoint: EndpointSettings) -> Entry:
    """All models of a configured endpoint in one row; which of them, is asked when it is used."""
    profile = Profile(
        name=f"{endpoint.name}/", title=endpoint.name, kind="endpoint", endpoint=endpoint.base_url, key=endpoint.key
    )
    return Entry(profile, "remote", DiskUse(0, 0), None, "unknown", own=True)


def _state(profile: Profile, use: DiskUse, cached: Sequence[CachedWeights]) -> State:
    if not profile.runs_here:
        return "cannot-run"
    base = _base_of(profile)
    if not is_downloaded(profile) or (profile.base and not (base and is_downloaded(base))):
        return "partial" if profile.repository and has_begun(profile.repository) else "missing"
    quantised = disk_use(base, cached).quantised if base else use.quantised
    return "quantised" if quantised else "here"


def _base_of(profile: Profile) -> Profile | None:
    """What an adapter stands on, where it is one of the profiles."""
    return all_profiles().get(profile.base or "")
