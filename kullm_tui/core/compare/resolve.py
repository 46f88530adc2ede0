"""From what a user names to the contestants of a comparison; the usual three where nobody is named."""

from collections.abc import Sequence
from dataclasses import dataclass

from kullm_tui.core.asking.target import Target, resolve_here
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.models.profiles import all_profiles
from kullm_tui.core.models.resolve import is_downloaded
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
    found = tuple(_entrant(name, endpoints) for name in names)
    require_contestants([one.contestant for one in found])
    return found


def _entrant(name: str, endpoints: Sequence[EndpointSettings]) -> Entrant:
    target = resolve_here(name, endpoints)
    return Entrant(Contestant(target.name, target.adapter), target)
