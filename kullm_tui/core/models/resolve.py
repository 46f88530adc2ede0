"""From the name that a user typed to a model: its profile, and the folder where its files are.

A name is a profile's, an endpoint with a model behind the slash, a folder, or a repository of the hub, looked for in this order.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from kullm_tui.core import paths
from kullm_tui.core.errors import ModelNotFound
from kullm_tui.core.hub.cache import cached_snapshot
from kullm_tui.core.language import say
from kullm_tui.core.models.folder_profile import context_of, profile_of_folder
from kullm_tui.core.models.profiles import (
    PAPER_DECODING,
    Decoding,
    Kind,
    LicenceClass,
    Profile,
    all_profiles,
    shipped_profiles,
)
from kullm_tui.core.rules import did_you_mean

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import EndpointSettings

__all__ = [
    "PAPER_DECODING",
    "Decoding",
    "Kind",
    "LicenceClass",
    "ModelRef",
    "Profile",
    "all_profiles",
    "is_downloaded",
    "local_folder",
    "profile_named",
    "resolve",
    "shipped_profiles",
]

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_FOLDER_LIKE = re.compile(r"(\.{0,2}|~[^/]*)/|\.{1,2}\Z|~\Z")


@dataclass(frozen=True)
class ModelRef:
    name: str
    kind: Literal["profile", "folder", "repository", "endpoint"]
    profile: Profile
    folder: Path | None  # where its files are, if they are here


def profile_named(name: str) -> Profile:
    profiles = all_profiles()
    if name in profiles:
        return profiles[name]
    raise _unknown(name, list(profiles))


def resolve(name: str, *, endpoints: Sequence["EndpointSettings"] = ()) -> ModelRef:
    """What the name means. ModelNotFound names the nearest; that files are missing here is no error yet."""
    profiles = all_profiles()
    if name in profiles:
        return _from_profile(name, profiles[name])
    at_endpoint = _at_endpoint(name, profiles, endpoints)
    if at_endpoint:
        return at_endpoint
    folder = paths.typed(name)
    if name and folder.is_dir():
        return ModelRef(name, "folder", _completed(profile_of_folder(folder, name)), folder.resolve())
    if _FOLDER_LIKE.match(name):
        raise ModelNotFound(
            say(f"{name} 폴더가 없어요. 경로를 확인하세요.", f"There is no folder {name}. Check the path.")
        )
    if REPOSITORY.fullmatch(name):
        return _from_repository(name, profiles)
    raise _unknown(name, [*profiles, *(f"{endpoint.name}/" for endpoint in endpoints)])


def local_folder(ref: ModelRef) -> Path:
    """The folder that holds the model's files now."""
    if ref.profile.kind == "endpoint":
        raise ModelNotFound(
            say(
                f"{ref.name}: 엔드포인트의 모델이라 이 컴퓨터에 파일이 없어요.",
                f"{ref.name} lives at an endpoint; none of its files are on this machine.",
            )
        )
    if ref.folder:
        return ref.folder
    if ref.profile.folder:
        raise ModelNotFound(
            say(
                f"{ref.name} 모델의 폴더가 없어요: {ref.profile.folder}. 옮겼다면 `kullm models add {ref.name} --folder 새폴더`로 다시 등록하세요.",
                f"The folder of {ref.name}, {ref.profile.folder}, is gone. If it moved: `kullm models add {ref.name} --folder NEW`.",
            )
        )
    raise ModelNotFound(
        say(
            f"{ref.name} 모델을 아직 내려받지 않았어요. `kullm models pull {ref.name}` 명령으로 받으세요.",
            f"{ref.name} is not downloaded yet. Fetch it with `kullm models pull {ref.name}`.",
        )
    )


def is_downloaded(profile: Profile) -> bool:
    return _folder_of(profile) is not None


def _from_profile(name: str, profile: Profile) -> ModelRef:
    if profile.kind == "endpoint":
        return ModelRef(name, "endpoint", profile, None)
    return ModelRef(name, "profile", _completed(profile), _folder_of(profile))


def _folder_of(profile: Profile) -> Path | None:
    if profile.folder:
        folder = paths.typed(profile.folder)
        return folder.resolve() if folder.is_dir() else None
    return cached_snapshot(profile.repository, profile.revision) if profile.repository else None


def _at_endpoint(
    name: str, profiles: Mapping[str, Profile], endpoints: Sequence["EndpointSettings"]
) -> ModelRef | None:
    before, slash, model = name.partition("/")
    configured = next((endpoint for endpoint in endpoints if endpoint.name == before), None)
    known = profiles.get(before)
    if configured is None and (known is None or known.kind != "endpoint"):
        return None
    if not slash or not model:
        raise ModelNotFound(
            say(
                f"엔드포인트 {before}에서 쓸 모델을 {before}/모델이름 형식으로 적어 주세요.",
                f"Name the model at the endpoint {before} too, as {before}/MODEL.",
            )
        )
    if configured:
        profile = Profile(
            name=name, title=name, kind="endpoint", endpoint=configured.base_url, model=model, key=configured.key
        )
    else:
        assert known is not None
        profile = replace(known, name=name, title=name, model=model, context=0, description="")
    return ModelRef(name, "endpoint", profile, None)


def _from_repository(name: str, profiles: Mapping[str, Profile]) -> ModelRef:
    """A repository that a profile speaks of is prompted as that profile says."""
    for profile in profiles.values():
        if profile.repository.lower() == name.lower() and profile.revision is None:
            return ModelRef(name, "repository", _completed(profile), _folder_of(profile))
    folder = cached_snapshot(name, None)
    if folder:
        profile = replace(profile_of_folder(folder, name), folder="", repository=name, source=f"Hugging Face: {name}")
    else:
        profile = Profile(name=name, title=name, repository=name, template="plain", source=f"Hugging Face: {name}")
    return ModelRef(name, "repository", _completed(profile), folder)


def _completed(profile: Profile) -> Profile:
    """What the profile leaves open, from its base or from the files that are here."""
    if profile.kind == "adapter":
        base = _base_profile(profile.base or "")
        return _like_base(profile, base) if base else profile
    folder = None if profile.context else _folder_of(profile)
    return replace(profile, context=context_of(folder)) if folder else profile


def _base_profile(name: str) -> Profile | None:
    """None for a base that is not known, not here or itself an adapter: said when the base is wanted."""
    base = all_profiles().get(name)
    if base is None:
        folder = cached_snapshot(name, None) if REPOSITORY.fullmatch(name) else paths.typed(name)
        if not name or folder is None or not (folder / "config.json").is_file():
            return None
        base = profile_of_folder(folder, name)
    return _completed(base) if base.kind == "weights" else None


def _like_base(adapter: Profile, base: Profile) -> Profile:
    return replace(
        adapter,
        context=adapter.context or base.context,
        eos=adapter.eos or base.eos,
        bos=base.bos if adapter.bos is None else adapter.bos,
        pad=base.pad if adapter.pad is None else adapter.pad,
    )


def _unknown(name: str, known: Sequence[str]) -> ModelNotFound:
    hint = did_you_mean(name, known)
    return ModelNotFound(
        say(
            f"'{name}' 모델이 없어요.{hint} `kullm models list --all`로 목록을 볼 수 있어요.",
            f"There is no model '{name}'.{hint} `kullm models list --all` shows them.",
        )
    )
