"""From what a user names to a contestant and whom to ask for it: `kullm-5.8b`, `demo-base+mine`, an adapter's own name."""

from collections.abc import Sequence
from dataclasses import dataclass

from kullm_tui.core import paths
from kullm_tui.core.asking.target import Target, adapter_for_engine, base_of, choose_target, prompted_by
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.errors import AdapterError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import list_adapters
from kullm_tui.core.models.profiles import all_profiles
from kullm_tui.core.models.resolve import is_downloaded, local_folder, resolve
from kullm_tui.core.store.contestant import Contestant, require_contestants

# The paper's three systems, each by the first of its sizes that is downloaded.
_USUAL = (("koalpaca-12.8b", "koalpaca-5.8b"), ("kovicuna-7b",), ("kullm-12.8b", "kullm-5.8b", "kullm3"))
_DEMOS = ("demo-koalpaca", "demo-kovicuna", "demo-kullm")


@dataclass(frozen=True)
class Entrant:
    contestant: Contestant  # named in full, as its votes are kept
    target: Target


def usual_contestants() -> tuple[Contestant, ...]:
    """KoAlpaca, KoVicuna and KULLM as far as they are downloaded; the demo's three where fewer than two of them are."""
    profiles = all_profiles()
    here = [
        next((name for name in sizes if name in profiles and is_downloaded(profiles[name])), "") for sizes in _USUAL
    ]
    names = list(filter(None, here))
    return tuple(map(Contestant, names if len(names) > 1 else _DEMOS))


def entrants(names: Sequence[str], endpoints: Sequence[EndpointSettings]) -> tuple[Entrant, ...]:
    """All of them, or the first fault: a name that nothing has, files that are not here, one contestant twice."""
    found = tuple(entrant(contestant_named(name), endpoints) for name in names)
    require_contestants([one.contestant for one in found])
    return found


def contestant_named(name: str) -> Contestant:
    """MODEL, MODEL+ADAPTER, or an adapter of the user's, which stands over its base."""
    if paths.typed(name).is_dir() and "/" in name:
        return Contestant(name)
    model, plus, adapter = name.partition("+")
    if not plus and name not in all_profiles() and name in {one.name for one in list_adapters()}:
        model, adapter = "", name
    if adapter and not model:
        model = base_of(adapter)
        if not model:
            raise AdapterError(
                say(
                    f"{adapter}: 어느 베이스의 어댑터인지 몰라요. 베이스+{adapter}처럼 적어 주세요.",
                    f"The base of {adapter} is not known. Write BASE+{adapter}.",
                )
            )
    return Contestant(model, adapter)


def entrant(contestant: Contestant, endpoints: Sequence[EndpointSettings]) -> Entrant:
    """Whom to ask. Any KullmError says what is missing and what to do."""
    target = choose_target(_under(contestant), endpoints)
    adapter = contestant.adapter
    if target.endpoint and adapter:
        raise UsageError(
            say(
                f"{contestant.label}: 어댑터는 이 컴퓨터에서 돌리는 모델에만 얹을 수 있어요.",
                f"{contestant.label}: an adapter goes over a model that runs on this machine.",
            )
        )
    if target.endpoint is None:
        reference = resolve(target.name)
        local_folder(reference)
        if reference.profile.kind == "adapter" and reference.profile.base:
            local_folder(resolve(reference.profile.base))
        if adapter:
            adapter = adapter_for_engine(adapter)
            target = prompted_by(target, adapter)
    return Entrant(Contestant(target.name, adapter), target)


def _under(contestant: Contestant) -> str:
    """The model that the adapter stands over: two are not laid over each other, so it is the base of one that is an adapter itself."""
    profile = all_profiles().get(contestant.model)
    if contestant.adapter and profile and profile.kind == "adapter" and profile.base:
        return profile.base
    return contestant.model
