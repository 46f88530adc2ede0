"""Between the event loop and the batch's thread: requests go down, events come back up, and a client who leaves is noticed."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from starlette.requests import ClientDisconnect, Request

from kullm_tui.engine.generation import Event, Failed, Finished, Generation, GenerationRequest
from kullm_tui.engine.replies import Json
from kullm_tui.engine.residency import Resident, Seat

_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class ResponseEnvelope:
    """What every chunk of one answer carries."""

    model: str
    kind: str  # OpenAI's "object"
    id: str = field(default_factory=lambda: f"cmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def with_choices(self, *choices: Json, suffix: str = "") -> Json:
        return {
            "id": self.id,
            "object": self.kind + suffix,
            "created": self.created,
            "model": self.model,
            "choices": list(choices),
        }


async def answers(seat: Seat, requests: Sequence[GenerationRequest]) -> AsyncGenerator[tuple[int, Event], None]:
    """Every event of every request, with its place in the list. Leaving the loop early cancels the rest."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[tuple[int, Event]] = asyncio.Queue()

    def generation(place: int, request: GenerationRequest) -> Generation:
        def emit(event: Event) -> None:
            loop.call_soon_threadsafe(arrived.put_nowait, (place, event))

        return Generation(request, emit, owner=seat.owner)

    generations = [generation(place, request) for place, request in enumerate(requests)]
    _submit(seat.resident, generations)
    open_requests = len(generations)
    try:
        while open_requests:
            place, event = await arrived.get()
            if isinstance(event, Failed):
                raise event.error
            if isinstance(event, Finished):
                open_requests -= 1
            yield place, event
    finally:
        for one in generations:
            one.cancelled.set()


def _submit(resident: Resident, generations: list[Generation]) -> None:
    """Equal requests with beams are the best results of one search; everything else joins the batch."""
    if generations[0].request.num_beams == 1:
        for one in generations:
            resident.batch.submit(one)
        return
    groups: dict[tuple[int, ...], list[Generation]] = {}
    for one in generations:
        groups.setdefault(one.request.prompt, []).append(one)
    for group in groups.values():
        resident.beams.submit(group)


async def unless_gone(request: Request, work: Coroutine[Any, Any, _Answer]) -> _Answer:
    """The work's result; the work is cancelled as soon as the client closes the connection."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        continue
