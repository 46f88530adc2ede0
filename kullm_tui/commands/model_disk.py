"""`kullm models remove` and `prune`: what models take on the disk, and giving it back."""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.commands.columns import aligned
from kullm_tui.commands.confirm import can_ask, confirmed
from kullm_tui.core import weights_cache
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.hub_cache import Leftover, discard, leftover_of, remove_repository, repository_folder, size_of
from kullm_tui.core.korean import particle
from kullm_tui.core.language import say
from kullm_tui.core.models import Profile, all_profiles, resolve
from kullm_tui.core.profiles import forget_profile
from kullm_tui.core.text import size_text, terminal_safe
from kullm_tui.core.weights_cache import CachedWeights


def remove(args: argparse.Namespace) -> int:
    """The user's entry of that name, and what was downloaded for it unless another profile uses it too."""
    ref = resolve(args.name)
    repository = ref.profile.repository if ref.kind in ("profile", "repository") else ""
    forgotten = ref.kind in ("profile", "endpoint") and forget_profile(args.name)
    sharing = _sharing(repository, args.name) if ref.kind == "profile" else []
    freed = 0
    if not sharing:
        freed = _remove_quantised(ref.profile) + (remove_repository(repository) if repository else 0)
    if forgotten:
        _tell(
            say(f"{args.name}{particle(args.name, '을/를')} 목록에서 뺐습니다.", f"{args.name} was taken off the list.")
        )
    if freed:
        _tell(say(f"{size_text(freed)}를 비웠습니다.", f"{size_text(freed)} set free."))
    if not forgotten and not freed:
        raise KullmError(_nothing_to_remove(args.name, repository, sharing))
    return 0


def _sharing(repository: str, name: str) -> list[str]:
    return [other.name for other in all_profiles().values() if other.repository == repository and other.name != name]


def prune(args: argparse.Namespace) -> int:
    """Quantised weights, which the next load makes anew, and files of the hub that nothing leads to any more."""
    quantised = weights_cache.list_cached()
    profiles = all_profiles().values()
    pinned = tuple(profile.revision for profile in profiles if profile.revision)
    repositories = sorted({profile.repository for profile in profiles if profile.repository})
    leftovers = [left for left in (leftover_of(one, pinned=pinned) for one in repositories) if left]
    if not quantised and not leftovers:
        _tell(say("비울 것이 없습니다.", "There is nothing to prune."))
        return 0
    found: list[CachedWeights | Leftover] = [*quantised, *leftovers]
    total = sum(one.bytes for one in found)
    for line in aligned(
        [_quantised_row(one) for one in quantised] + [_leftover_row(one) for one in leftovers], right=[0]
    ):
        print(terminal_safe(line))
    if not args.yes and not _agreed(total):
        _tell(say("그대로 두었습니다.", "Nothing was removed."))
        return 1
    outcomes = [_freed(one) for one in found]
    _tell(say(f"{size_text(sum(outcomes))}를 비웠습니다.", f"{size_text(sum(outcomes))} set free."))
    return 0 if all(outcomes) else 1


@dataclass(frozen=True)
class DiskUse:
    """What one profile takes here."""

    downloaded: int
    quantised: int


def disk_use(profile: Profile) -> DiskUse:
    folder = repository_folder(profile.repository) if profile.repository else None
    return DiskUse(
        downloaded=size_of(folder) if folder else 0,
        quantised=sum(entry.bytes for entry in _quantised_of(profile)),
    )


def _quantised_of(profile: Profile) -> list[CachedWeights]:
    place = repository_folder(profile.repository) if profile.repository else Path(profile.folder).expanduser()
    if not (profile.repository or profile.folder):
        return []
    return [
        entry for entry in weights_cache.list_cached() if Path(entry.source).resolve().is_relative_to(place.resolve())
    ]


def _remove_quantised(profile: Profile) -> int:
    return sum(weights_cache.remove(key) for key in {entry.key for entry in _quantised_of(profile)})


def _freed(entry: CachedWeights | Leftover) -> int:
    """0 where a download or the engine is at work on it, which is said."""
    try:
        if isinstance(entry, CachedWeights):
            return weights_cache.remove(entry.key)
        discard(entry)
    except KullmError as error:
        _tell(str(error))
        return 0
    return entry.bytes


def _quantised_row(entry: CachedWeights) -> list[str]:
    day = time.strftime("%Y-%m-%d", time.localtime(entry.last_used))
    what = say(f"양자화한 가중치 {entry.precision}", f"quantised weights {entry.precision}")
    if not entry.complete:
        what = say("만들다 만 양자화 가중치", "unfinished quantised weights")
    return [size_text(entry.bytes), what.strip(), say(f"{day}에 씀", f"used {day}"), entry.model]


def _leftover_row(entry: Leftover) -> list[str]:
    return [size_text(entry.bytes), say("쓰이지 않는 내려받은 파일", "unused downloads"), "", entry.repository]


def _agreed(total: int) -> bool:
    if not can_ask():
        raise UsageError(
            say(
                f"모두 {size_text(total)}입니다. 지우려면 `kullm models prune --yes`로 하세요.",
                f"{size_text(total)} in all. To remove them: `kullm models prune --yes`.",
            )
        )
    question = say(
        f"모두 {size_text(total)}입니다. 양자화한 가중치는 다음에 올릴 때 다시 만듭니다. 지울까요?",
        f"{size_text(total)} in all; quantised weights are made again at the next load. Remove them?",
    )
    return confirmed(question)


def _nothing_to_remove(name: str, repository: str, sharing: list[str]) -> str:
    if repository and sharing:
        others = ", ".join(sharing)
        return say(
            f"{repository}의 파일은 {others}도 쓰므로 지우지 않았습니다.",
            f"The files of {repository} are used by {others} too; they were not removed.",
        )
    return say(
        f"{name}: 내려받은 파일도, 직접 등록한 항목도 없어 지울 것이 없습니다.",
        f"{name}: nothing is downloaded and it is no entry of yours; there is nothing to remove.",
    )


def _tell(text: str) -> None:
    print(terminal_safe(text), file=sys.stderr)
