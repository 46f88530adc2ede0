"""Every model that can be chosen, with what of it is on this machine and whether it would fit: the facts of a browser."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import foreign_json
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.hub.cache import PART_SUFFIX, repository_folder
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.disk import DiskUse, disk_use
from kullm_tui.core.models.profiles import LicenceClass, Profile, all_profiles, user_profiles
from kullm_tui.core.models.resolve import is_downloaded, local_folder, resolve
from kullm_tui.core.models.weights_cache import CachedWeights, list_cached

State = Literal["remote", "cannot-run", "missing", "partial", "here", "quantised"]
Fit = Literal["fits", "tight", "too-large", "unknown"]

# As the engine shares out what is free (`engine/memory.py`).
_SHARE = 0.9
_BESIDE_BYTES = 500_000_000  # torch and its libraries, roughly, before any model
# Keys and values of a full context, as a part of the 4-bit weights, where no file is here to say: Polyglot 5.8B's 28 layers of
# 4,096 over 2,048 tokens are 0.94 GB beside 3.3 GB.
_CONTEXT_SHARE = 0.3
_CACHE_BYTES = 2  # of a key or value, in bf16


@dataclass(frozen=True)
class Entry:
    profile: Profile
    state: State
    disk: DiskUse
    need: int | None  # bytes of memory in 4-bit with one full context; None: not known
    fit: Fit
    own: bool  # an entry of the user's, which can be taken off the list
    recommended: bool = False  # for this machine

    @property
    def name(self) -> str:
        return self.profile.name


def catalogue(memory: Memory, endpoints: Sequence[EndpointSettings] = ()) -> tuple[Entry, ...]:
    """What is recommended for this machine first. Reads the disk, so not for the thread that draws."""
    profiles = all_profiles()
    own = set(user_profiles())
    cached = list_cached()
    listed = [_entry(profile, profile.name in own, memory, cached) for profile in profiles.values()]
    listed += [_endpoint_entry(endpoint) for endpoint in endpoints if endpoint.name not in profiles]
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


def _entry(profile: Profile, own: bool, memory: Memory, cached: Sequence[CachedWeights]) -> Entry:
    use = disk_use(profile, cached)
    if profile.kind == "endpoint":
        return Entry(profile, "remote", use, None, "unknown", own)
    need = _need(profile)
    fit = _fit(need, memory)
    advised = fit == "fits" and profile.answers_in_korean and profile.verified and profile.runs_here
    return Entry(profile, _state(profile, use, cached), use, need, fit, own, recommended=advised)


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
        blobs = repository_folder(profile.repository) / "blobs" if profile.repository else None
        begun = bool(blobs and any(part.stat().st_size for part in blobs.glob(f"*{PART_SUFFIX}")))
        return "partial" if begun else "missing"
    quantised = disk_use(base, cached).quantised if base else use.quantised
    return "quantised" if quantised else "here"


def _base_of(profile: Profile) -> Profile | None:
    """What an adapter stands on, where it is one of the profiles."""
    return all_profiles().get(profile.base or "")


def _need(profile: Profile) -> int | None:
    holder = _base_of(profile) if profile.kind == "adapter" else profile
    if holder is None or not holder.size_4bit_gb:
        return None
    weights = int(holder.size_4bit_gb * 1e9)
    return weights + (context_bytes(holder) or int(weights * _CONTEXT_SHARE)) + _BESIDE_BYTES


def _fit(need: int | None, memory: Memory) -> Fit:
    if need is None:
        return "unknown"
    if need > memory.total * _SHARE:
        return "too-large"
    return "fits" if memory.free is None or need <= memory.free * _SHARE else "tight"


def context_bytes(profile: Profile) -> int | None:
    """Keys and values of one full context, from the model's own configuration; None where it is not here."""
    if not is_downloaded(profile):
        return None
    config = _config(local_folder(resolve(profile.name)))
    layers, heads, width = (_number(config, *names) for names in _SHAPE)
    if not (layers and heads and width):
        return None
    kv_heads = _number(config, "num_key_value_heads") or heads
    head = _number(config, "head_dim") or width // heads
    context = profile.context or _number(config, "max_position_embeddings") or 2048
    return 2 * layers * kv_heads * head * _CACHE_BYTES * context


_SHAPE = (("num_hidden_layers", "n_layer"), ("num_attention_heads", "n_head"), ("hidden_size", "n_embd"))


def _number(config: dict[str, Any], *names: str) -> int:
    found = (config.get(name) for name in names)
    return next((one for one in found if isinstance(one, int) and not isinstance(one, bool) and one > 0), 0)


def _config(folder: Path) -> dict[str, Any]:
    try:
        value = foreign_json.read(folder / "config.json")
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
