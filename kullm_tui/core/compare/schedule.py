"""Whether contestants answer together or take turns, and why: what their bases need against what the engine may take.

Adapters over one base need it once, and endpoints need nothing of this machine. The engine swaps by itself where the
models of a wave need the room of earlier ones; waves only see to it that nobody is asked for while it has to stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.config.settings import Config, EngineSettings
from kullm_tui.core.endpoints.local_health import EngineHealth, engine_health
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.memory import memory_here
from kullm_tui.core.models.memory_need import budget_of, memory_need
from kullm_tui.core.models.resolve import ModelRef, local_folder, resolve
from kullm_tui.core.models.weights_cache import list_cached
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.text import size_text

_COUNTS = {2: "두", 3: "세", 4: "네"}


@dataclass(frozen=True)
class Plan:
    waves: tuple[tuple[int, ...], ...]  # the places that stream together, wave after wave; endpoints are in the first
    why: str  # a sentence for the app

    @property
    def together(self) -> bool:
        return len(self.waves) == 1


@dataclass
class _Base:
    """One set of weights, and the columns that stand on it."""

    name: str
    need: int | None
    loaded: bool
    places: list[int]


def plan_contest(contestants: Sequence[Contestant], config: Config) -> Plan:
    """It reads the disk and asks the engine. A contestant that cannot be had is no reason to refuse: its column says so."""
    health = engine_health() or EngineHealth()
    far, bases = _bases(contestants, config, health)
    room = _room(config, health, bases)
    waves = _waves(list(bases.values()), room)
    waves = [sorted([*far, *waves[0]]), *waves[1:]] if waves else [far]
    korean, english = _why(len(contestants), far, list(bases.values()), len(waves), room)
    return Plan(tuple(map(tuple, waves)), say(f"{korean} 답해요.", english))


def _bases(
    contestants: Sequence[Contestant], config: Config, health: EngineHealth
) -> tuple[list[int], dict[str, _Base]]:
    """The places of endpoints, and the bases of the others by their folders, those that are loaded first."""
    cached = list_cached()
    far: list[int] = []
    bases: dict[str, _Base] = {}
    loaded = set(_loaded(config, health).values())
    for place, contestant in enumerate(contestants):
        base = _base_of(contestant.model, config)
        if base is None:
            bases[contestant.model] = _Base(contestant.model, None, loaded=False, places=[place])
        elif base.kind == "endpoint":
            far.append(place)
        elif _key(base) in bases:
            bases[_key(base)].places.append(place)
        else:
            need = memory_need(base.profile, config.engine.precision, cached)
            bases[_key(base)] = _Base(base.name, need, _key(base) in loaded, [place])
    return far, dict(sorted(bases.items(), key=lambda entry: not entry[1].loaded))


def _base_of(model: str, config: Config) -> ModelRef | None:
    """What is loaded for it: the model itself, or what it is an adapter over; None for what nothing here has."""
    try:
        reference = resolve(model, endpoints=config.endpoints)
        return resolve(reference.profile.base or "") if reference.profile.kind == "adapter" else reference
    except KullmError:
        return None


def _key(base: ModelRef) -> str:
    folder = _folder(base)
    return str(folder) if folder else base.name


def _folder(base: ModelRef) -> Path | None:
    try:
        return local_folder(base)
    except KullmError:
        return None


def _loaded(config: Config, health: EngineHealth) -> dict[str, str]:
    """What the engine holds, by the names under which it was loaded: the keys of the bases."""
    bases = ((name, _base_of(name, config)) for name in health.loaded)
    return {name: _key(base) for name, base in bases if base}


def _room(config: Config, health: EngineHealth, bases: Mapping[str, _Base]) -> int:
    """Bytes for the contest: what the engine may take, less the models that answer somebody else just now."""
    loaded = _loaded(config, health)
    foreign = [name for name in health.in_use if loaded.get(name) not in bases]
    return max(0, _budget(config.engine, health) - sum(health.loaded[name] for name in foreign))


def _budget(engine: EngineSettings, health: EngineHealth) -> int:
    if health.budget is not None:  # it was decided when the engine started
        return health.budget
    return budget_of(engine, memory_here(engine.device))


def _waves(bases: Sequence[_Base], room: int) -> list[list[int]]:
    """Bases in order, each with the one before it for as long as they fit. An unknown need takes a wave of its own."""
    waves: list[list[int]] = []
    left = -1
    for base in bases:
        need = room if base.need is None else base.need
        if not waves or need > left:
            waves.append([])
            left = room
        waves[-1] += base.places
        left -= need
    return [sorted(wave) for wave in waves]


def _why(count: int, far: Sequence[int], bases: Sequence[_Base], waves: int, room: int) -> tuple[str, str]:
    """The reason, without naming anybody: in a blind comparison it is read before the vote."""
    all_of = f"{_COUNTS.get(count, str(count))} 모델이"
    if not bases:
        return f"{all_of} 모두 다른 곳에서 돌아서 같이", "All run elsewhere, so they answer together."
    if waves > 1:
        if not all(base.need for base in bases):
            return (
                f"메모리가 얼마나 들지 모르는 모델이 있어 {waves}번에 나누어 차례로",
                f"What some of them need is not known, so they answer in {waves} turns.",
            )
        wanted = size_text(sum(base.need or 0 for base in bases))
        return (
            f"메모리가 부족해서(필요 {wanted}, 남은 메모리 {size_text(room)}) {waves}번에 나누어 차례로 바꿔 가며",
            f"There is not enough memory for all (they need {wanted} of {size_text(room)}), so they answer in {waves} turns, "
            "one swapped for the other.",
        )
    if len(bases) == 1 and not far and len(bases[0].places) > 1:
        name = bases[0].name
        return (
            f"{all_of} 한 베이스 모델({name})을 함께 써서 같이",
            f"All stand on one base ({name}), so they answer together.",
        )
    return f"{all_of} 메모리에 함께 들어가서 같이", "All fit into memory, so they answer together."
