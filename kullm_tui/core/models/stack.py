"""What is loaded for a name: a base's folder, perhaps an adapter over it, and the profile that says how to prompt them."""

from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.errors import AdapterError, ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import adapter_folder, prompted_as
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.resolve import local_folder, resolve


@dataclass(frozen=True)
class Stack:
    profile: Profile
    folder: Path  # of the base
    adapter: Path | None = None


def stack_of(name: str, adapter: str = "") -> Stack:
    """Folders that exist: it looks at the disk. ModelNotFound and AdapterError say what is missing."""
    reference = resolve(name)
    profile = reference.profile
    if profile.kind == "endpoint":
        raise ModelNotFound(
            say(
                f"{name}: 엔드포인트의 모델이라 엔진이 실행할 수 없어요.",
                f"{name} lives at an endpoint; the engine cannot run it.",
            )
        )
    if profile.kind == "adapter":
        if not profile.base:
            raise AdapterError(say(f"{name}: 베이스 모델이 적혀 있지 않아요.", f"{name}: no base model is named."))
        base = resolve(profile.base)
        if not adapter:
            return Stack(profile, local_folder(base), local_folder(reference))
        reference, profile = base, base.profile  # two are not laid over each other: the one that was named counts
    if not adapter:
        return Stack(profile, local_folder(reference))
    folder = adapter_folder(adapter)
    if folder is None:
        raise AdapterError(
            say(
                f"{adapter}: 어댑터를 찾을 수 없어요. adapter_config.json이 든 폴더나 내려받은 어댑터의 이름을 쓰세요.",
                f"{adapter}: no such adapter. Name a folder that holds adapter_config.json, or one that is downloaded.",
            )
        )
    return Stack(prompted_as(profile, folder), local_folder(reference), folder)
