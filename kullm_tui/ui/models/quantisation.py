"""Models being made into 4-bit by the engine, ahead of their first question; outlives the screen that asked for it.

What is done when it is stopped stays on the disk: the next time, or the first question, goes on from there.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Literal

from kullm_tui.core.asking.target import resolve, start_engine
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.endpoints.client import load_model, unload_model
from kullm_tui.core.endpoints.endpoint import Endpoint, LoadProgress
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.models.resolve import ModelRef, local_folder
from kullm_tui.core.text import terminal_safe
from kullm_tui.ui.models.works import Works

State = Literal["starting", "loading", "done", "stopped", "failed"]

_STOP_TRIES = 20
_STOP_WAIT_SECONDS = 0.25
_IN_USE = "model_in_use"


@dataclass
class Quantisation:
    name: str
    state: State = "starting"
    progress: LoadProgress = field(default_factory=lambda: LoadProgress("loading"))
    error: str = ""
    _task: "asyncio.Task[None] | None" = field(default=None, repr=False)
    _wants_end: bool = False  # the load itself is to end, not only our watching it

    @property
    def active(self) -> bool:
        return self.state in ("starting", "loading")


class Quantising(Works[Quantisation]):
    def start(self, ref: ModelRef) -> Quantisation:
        """ModelNotFound where the files are not here yet."""
        local_folder(ref)
        running = self.under_way(ref.name)
        if running:
            return running
        one = self._all[ref.name] = Quantisation(ref.name)
        one._task = asyncio.get_running_loop().create_task(self._run(one))
        return one

    def stop(self, name: str) -> None:
        one = self.under_way(name)
        if one and one._task:
            one._wants_end = True
            one._task.cancel()

    def close(self) -> None:
        """The app ends; the engine goes on with what it has begun."""
        for one in self._all.values():
            if one._task:
                one._task.cancel()

    async def _run(self, one: Quantisation) -> None:
        endpoint: Endpoint | None = None
        model = one.name
        try:
            model = (await asyncio.to_thread(resolve, one.name, load_config().endpoints)).model
            endpoint = await asyncio.to_thread(start_engine, lambda _: None)
            one.state = "loading"
            async with aclosing(load_model(endpoint, model, precision="4bit")) as steps:
                async for step in steps:
                    one.progress = step
            one.state = "done"
        except asyncio.CancelledError:
            one.state = "stopped"
            if endpoint and one._wants_end:
                await _call_off(endpoint, model)
        except KullmError as error:
            one.state, one.error = "failed", terminal_safe(str(error))
        self._ended(one)


async def _call_off(endpoint: Endpoint, model: str) -> None:
    """End the load itself, unless somebody else waits for it too; the engine learns a little later that we left."""
    for _ in range(_STOP_TRIES):
        try:
            await unload_model(endpoint, model)
        except EndpointError as error:
            if error.code != _IN_USE:
                return  # the engine has gone, and the load with it
            await asyncio.sleep(_STOP_WAIT_SECONDS)
        else:
            return
