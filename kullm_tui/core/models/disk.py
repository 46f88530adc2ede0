"""What models take on this disk, and giving it back: downloads, quantised weights, what nothing needs any more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.errors import KullmError
from kullm_tui.core.hub.cache import Leftover, discard, leftover_of, remove_repository, repository_folder, size_of
from kullm_tui.core.language import say
from kullm_tui.core.models import weights_cache
from kullm_tui.core.models.profiles import Profile, all_profiles, forget_profile, user_profiles
from kullm_tui.core.models.resolve import ModelRef
from kullm_tui.core.models.weights_cache import CachedWeights
from kullm_tui.core.text import size_text


@dataclass(frozen=True)
class DiskUse:
    """What one profile takes here."""

    downloaded: int
    quantised: int


@dataclass(frozen=True)
class Removal:
    """What removing a model does; `kept_for` names the profiles because of which its files stay."""

    forgets: bool  # an entry of the user's own
    frees: int
    kept_for: tuple[str, ...]


def disk_use(profile: Profile, cached: Sequence[CachedWeights] | None = None) -> DiskUse:
    """`cached` spares reading the weights cache again for each of many profiles."""
    folder = repository_folder(profile.repository) if profile.repository else None
    return DiskUse(
        downloaded=size_of(folder) if folder else 0,
        quantised=sum(entry.bytes for entry in quantised_of(profile, cached)),
    )


def quantised_of(profile: Profile, cached: Sequence[CachedWeights] | None = None) -> list[CachedWeights]:
    if not (profile.repository or profile.folder):
        return []
    place = repository_folder(profile.repository) if profile.repository else paths.typed(profile.folder)
    place = place.resolve()
    entries = weights_cache.list_cached() if cached is None else cached
    return [entry for entry in entries if Path(entry.source).resolve().is_relative_to(place)]


def removal_of(ref: ModelRef) -> Removal:
    """What `remove_model` would do, for a question to name."""
    sharing = _sharing(ref)
    use = disk_use(ref.profile)
    return Removal(
        forgets=ref.kind in ("profile", "endpoint") and ref.name in user_profiles(),
        frees=0 if sharing else use.quantised + (use.downloaded if _repository_of(ref) else 0),
        kept_for=sharing,
    )


def remove_model(ref: ModelRef) -> Removal:
    """The user's entry of that name, and what was downloaded for it unless another profile uses it too."""
    removal, repository = removal_of(ref), _repository_of(ref)
    if removal.forgets:
        forget_profile(ref.name)
    freed = 0
    if not removal.kept_for:
        freed = sum(map(weights_cache.remove, {entry.key for entry in quantised_of(ref.profile)}))
        freed += remove_repository(repository) if repository else 0
    return replace(removal, frees=freed)


def nothing_to_remove(ref: ModelRef, removal: Removal) -> str:
    """Why nothing went."""
    repository = _repository_of(ref)
    if repository and removal.kept_for:
        others = ", ".join(removal.kept_for)
        return say(
            f"{repository}의 파일은 {others}도 쓰므로 지우지 않았어요.",
            f"The files of {repository} are used by {others} too; they were not removed.",
        )
    return say(
        f"{ref.name}: 내려받은 파일도, 직접 등록한 항목도 없어 지울 것이 없어요.",
        f"{ref.name}: nothing is downloaded and it is no entry of yours; there is nothing to remove.",
    )


def prunable() -> list[CachedWeights | Leftover]:
    """Quantised weights, which the next load makes anew, and files of the hub that nothing leads to any more."""
    profiles = all_profiles().values()
    pinned = tuple(profile.revision for profile in profiles if profile.revision)
    repositories = sorted({profile.repository for profile in profiles if profile.repository})
    leftovers = [left for left in (leftover_of(one, pinned=pinned) for one in repositories) if left]
    return [*weights_cache.list_cached(), *leftovers]


def prune_all(entries: Sequence[CachedWeights | Leftover]) -> tuple[list[int], list[KullmError]]:
    """What each of them gave back, 0 where a download or the engine is at work on it, and what that said."""
    freed, refused = [], []
    for entry in entries:
        try:
            freed.append(weights_cache.remove(entry.key) if isinstance(entry, CachedWeights) else discard(entry))
        except KullmError as error:
            freed.append(0)
            refused.append(error)
    return freed, refused


def nothing_to_prune() -> str:
    return say("비울 것이 없어요.", "There is nothing to prune.")


def freed_text(freed: int) -> str:
    return say(f"{size_text(freed)}를 비웠어요.", f"{size_text(freed)} set free.")


def _repository_of(ref: ModelRef) -> str:
    return ref.profile.repository if ref.kind in ("profile", "repository") else ""


def _sharing(ref: ModelRef) -> tuple[str, ...]:
    repository = ref.profile.repository
    if ref.kind != "profile" or not repository:
        return ()
    others = all_profiles().values()
    return tuple(other.name for other in others if other.repository == repository and other.name != ref.name)
