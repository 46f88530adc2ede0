"""The models that are loaded: found by name, loaded once, kept within the budget, dropped when others need the room."""

import asyncio
import gc
import hashlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from kullm_tui.core.config.settings import EngineSettings, Precision
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.stack import stack_of
from kullm_tui.engine.apart import apart
from kullm_tui.engine.batch import Batch
from kullm_tui.engine.beams import BeamSearch
from kullm_tui.engine.memory import budget_for, least_need, limits_for, too_large
from kullm_tui.engine.vocabulary import Vocabulary
from kullm_tui.engine.wire_errors import RequestError
from kullm_tui.weights.adapters import AdapterRack, PreparedAdapter
from kullm_tui.weights.footprint import footprint
from kullm_tui.weights.loading import LoadedModel, load_model
from kullm_tui.weights.progress import LoadProgress

logger = logging.getLogger(__name__)

Watcher = Callable[[LoadProgress], None]


@dataclass(frozen=True)
class Target:
    """What a name in a request means: a folder of weights, perhaps an adapter, and the profile that says how to prompt it."""

    name: str
    profile: Profile
    folder: Path
    adapter: Path | None = None
    offered_as: str | None = None  # by a public server, whose clients see this instead of the name, which may be a path

    @property
    def shown(self) -> str:
        return self.offered_as or self.name


@dataclass
class Resident:
    """One loaded model with everything that runs on it."""

    name: str
    folder: Path
    precision: Precision
    loaded: LoadedModel
    vocabulary: Vocabulary
    rack: AdapterRack
    batch: Batch
    beams: BeamSearch
    context: int
    adapters: dict[Path, str] = field(default_factory=dict)  # by folder, as the rack names them
    in_use: int = 0
    last_used: float = field(default_factory=time.monotonic)

    @property
    def bytes_held(self) -> int:
        return self.loaded.bytes_used + self.batch.bytes_held + self.rack.bytes

    def close(self) -> None:
        self.batch.close()
        self.beams.close()


@dataclass(frozen=True)
class Seat:
    """A resident model as one request uses it: with an adapter or without, and that one's way of prompting."""

    resident: Resident
    profile: Profile
    adapter: str | None
    owner: str = ""  # whose request it is


class Residency:
    def __init__(self, settings: EngineSettings, *, device: torch.device) -> None:
        self._settings = settings
        self._device = device
        self._budget = budget_for(device, settings.memory_gb)
        self._residents: dict[tuple[Path, Precision], Resident] = {}
        self._loads: dict[tuple[Path, Precision], asyncio.Future[Resident]] = {}
        self._changing = asyncio.Lock()
        self._watchers: dict[tuple[Path, Precision], set[Watcher]] = {}
        self._waiting: Counter[tuple[Path, Precision]] = Counter()  # who waits for a load
        self._called_off: set[tuple[Path, Precision]] = set()
        self._closing = False

    @property
    def residents(self) -> list[Resident]:
        return list(self._residents.values())

    @property
    def budget_bytes(self) -> int:
        return self._budget.total

    @asynccontextmanager
    async def seat(
        self, target: Target, *, precision: Precision | None = None, watch: Watcher | None = None
    ) -> AsyncIterator[Seat]:
        """The model, loaded if it was not; it stays for as long as the block runs."""
        key = target.folder, precision or self._settings.precision
        watchers = self._watchers.setdefault(key, set())
        if watch:
            watchers.add(watch)
        try:
            resident = await self._resident(target, precision)
        finally:
            if watch:
                watchers.discard(watch)
        resident.in_use += 1
        try:
            yield Seat(resident, target.profile, await self._attach(resident, target))
        finally:
            resident.in_use -= 1
            resident.last_used = time.monotonic()

    async def unload(self, target: Target) -> bool:
        """False if it was not loaded; a model that answers somebody just now stays. A load that nobody waits for is called off."""
        stopped = await self._call_off(target)
        async with self._changing:
            found = [resident for resident in self.residents if resident.folder == target.folder]
            if any(resident.in_use for resident in found):
                raise _in_use(target)
            for resident in found:
                await self._drop(resident)
            return stopped or bool(found)

    async def _call_off(self, target: Target) -> bool:
        """Whether loads of the model were ended; what a first load has made stays, for the next to go on with."""
        loads = {key: load for key, load in self._loads.items() if key[0] == target.folder}
        if any(self._waiting[key] for key in loads):
            raise _in_use(target)
        self._called_off.update(loads)
        await asyncio.gather(*loads.values(), return_exceptions=True)
        return bool(loads)

    async def close(self) -> None:
        self._closing = True
        for resident in self.residents:
            await self._drop(resident)

    async def _resident(self, target: Target, precision: Precision | None) -> Resident:
        while True:
            for (folder, loaded_precision), resident in self._residents.items():
                if folder == target.folder and precision in (None, loaded_precision):
                    resident.last_used = time.monotonic()
                    return resident
            key = target.folder, precision or self._settings.precision
            if key not in self._loads:
                self._loads[key] = asyncio.ensure_future(self._load(target, key[1]))
                self._loads[key].add_done_callback(partial(self._forget_load, key))
            # Shielded: a load that has begun goes on when its client leaves, since the next one will want it.
            self._waiting[key] += 1
            try:
                resident = await asyncio.shield(self._loads[key])
            finally:
                self._waiting[key] -= 1
            if resident in self._residents.values():
                return resident

    def _forget_load(self, key: tuple[Path, Precision], load: asyncio.Future[Resident]) -> None:
        self._loads.pop(key)
        self._called_off.discard(key)
        if not load.cancelled() and (error := load.exception()):
            logger.info(
                "loading %s ended: %s", key[0], error
            )  # asked for here, or asyncio complains when nobody waited

    async def _load(self, target: Target, precision: Precision) -> Resident:
        async with self._changing:
            return await self._load_alone(target, precision)

    async def _load_alone(self, target: Target, precision: Precision) -> Resident:
        trusted = target.name in self._settings.trust_remote_code

        def cancelled() -> bool:
            return self._closing or (target.folder, precision) in self._called_off

        need = await apart(
            footprint, target.folder, precision, self._device, trust_remote_code=trusted, cancelled=cancelled
        )
        context = target.profile.context
        await self._make_room(target, precision, least_need(need, context))
        loaded = await apart(
            load_model,
            target.folder,
            precision=precision,
            device=self._device,
            progress=partial(self._report, (target.folder, precision)),
            cancelled=cancelled,
            trust_remote_code=trusted,
        )
        room = self._budget.room_beside(self._used())
        rack, structure = AdapterRack(loaded.model), threading.Lock()
        limits = limits_for(need, context=context, room=room, max_rows=self._settings.max_rows)
        resident = Resident(
            name=target.shown,
            folder=target.folder,
            precision=precision,
            loaded=loaded,
            vocabulary=await asyncio.to_thread(Vocabulary, target.folder, target.profile),
            rack=rack,
            batch=Batch(loaded.model, rack, limits, structure),
            beams=BeamSearch(loaded.model, rack, structure),
            context=context,
        )
        self._residents[target.folder, precision] = resident
        logger.info("loaded %s (%s), %.2f GB", target.name, precision, loaded.bytes_used / 1e9)
        return resident

    async def _make_room(self, target: Target, precision: Precision, need: int) -> None:
        while need > self._budget.room_beside(self._used()):
            idle = [resident for resident in self.residents if not resident.in_use]
            if not idle:
                break
            await self._drop(min(idle, key=lambda one: one.last_used))
        room = self._budget.room_beside(self._used())
        if need > room:
            smaller = None
            if precision != "4bit":
                four_bit = await apart(footprint, target.folder, "4bit", self._device)
                smaller = least_need(four_bit, target.profile.context)
            raise too_large(target.shown, need, room, smaller)

    async def _drop(self, resident: Resident) -> None:
        self._residents.pop((resident.folder, resident.precision))
        await asyncio.to_thread(resident.close)
        logger.info("unloaded %s", resident.name)
        del resident
        gc.collect()

    def _used(self) -> int:
        return sum(resident.bytes_held for resident in self.residents)

    def _report(self, key: tuple[Path, Precision], progress: LoadProgress) -> None:
        for watch in tuple(self._watchers.get(key, ())):
            watch(progress)

    async def _attach(self, resident: Resident, target: Target) -> str | None:
        """The rack's name for the adapter; a folder whose content changed is attached anew."""
        if target.adapter is None:
            return None
        folder, name = target.adapter, _adapter_key(target.adapter)
        if name not in resident.rack.names:
            prepared = await apart(resident.rack.prepare, name, folder)
            await asyncio.wrap_future(resident.batch.between_tokens(partial(_add_once, resident.rack, name, prepared)))
        stale = resident.adapters.get(folder, name)
        if stale != name and resident.in_use == 1:  # nobody else is here who might still use it
            await asyncio.wrap_future(resident.batch.between_tokens(lambda: resident.rack.detach(stale)))
        resident.adapters[folder] = name
        return name


def _add_once(rack: AdapterRack, name: str, prepared: PreparedAdapter) -> None:
    if name not in rack.names:  # two requests may have asked for it at once
        rack.add(prepared)


def _in_use(target: Target) -> RequestError:
    return RequestError(
        say(
            f"{target.shown}: 답변 중인 모델은 내릴 수 없어요. 답변이 끝난 뒤에 다시 시도하세요.",
            f"{target.shown} is answering somebody and cannot be unloaded now. Try again when it has finished.",
        ),
        status=409,
        code="model_in_use",
    )


def choose_device(setting: str) -> torch.device:
    if setting == "auto":
        setting = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(setting)


def find_target(name: str, adapter: str | None) -> Target:
    """A request's model and adapter, as folders that exist. Blocking: it looks at the disk."""
    stack = stack_of(name, adapter or "")
    return Target(name, stack.profile, stack.folder, stack.adapter)


def _adapter_key(folder: Path) -> str:
    """Changes with the files, so that a retrained adapter in the same folder is not mistaken for the old one."""
    stamps = sorted(
        (entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in os.scandir(folder) if entry.is_file()
    )
    return hashlib.sha256(repr((str(folder), stamps)).encode()).hexdigest()[:16]
