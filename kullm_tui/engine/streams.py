"""Answers that arrive piece by piece, as server-sent events."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict

from starlette.responses import Response, StreamingResponse

from kullm_tui.core.errors import KullmError
from kullm_tui.engine import replies
from kullm_tui.engine.answering import ResponseEnvelope, answers
from kullm_tui.engine.generation import Finished, GenerationRequest, PromptScored
from kullm_tui.engine.protocol import LoadRequest
from kullm_tui.engine.residency import Seat, Target
from kullm_tui.engine.service import EngineService
from kullm_tui.engine.wire_errors import error_object
from kullm_tui.weights.progress import LoadProgress

_BETWEEN_NEWS = 0.1  # seconds; a load tells of each of hundreds of tensors


async def chat_stream(
    seat: Seat, asked: list[GenerationRequest], envelope: ResponseEnvelope, *, closing: replies.Json | None
) -> AsyncGenerator[replies.Json, None]:
    for place in range(len(asked)):
        yield envelope.with_choices(replies.chat_opening(place), suffix=".chunk")
    finished: list[Finished] = []
    async with aclosing(answers(seat, asked)) as events:
        async for place, event in events:
            chunk = replies.chat_chunk(place, event, seat.resident.vocabulary)
            if chunk:
                yield envelope.with_choices(chunk, suffix=".chunk")
            if isinstance(event, Finished):
                finished.append(event)
    if closing is not None:
        yield envelope.with_choices(suffix=".chunk") | replies.closing_fields(finished, prompts=1) | closing


async def completion_stream(
    seat: Seat,
    asked: list[GenerationRequest],
    envelope: ResponseEnvelope,
    echoes: list[replies.Echo | None],
    *,
    usage: bool,
    prompts: int,
) -> AsyncGenerator[replies.Json, None]:
    vocabulary = seat.resident.vocabulary
    shown = [len(echo.text) if echo else 0 for echo in echoes]  # characters of each choice
    for place, echo in enumerate(echoes):
        if echo and not asked[place].score_prompt:
            yield envelope.with_choices(replies.echo_chunk(place, None, echo, vocabulary))
    finished: list[Finished] = []
    async with aclosing(answers(seat, asked)) as events:
        async for place, event in events:
            echo = echoes[place]
            if echo and isinstance(event, PromptScored):
                yield envelope.with_choices(replies.echo_chunk(place, event, echo, vocabulary))
            elif chunk := replies.completion_chunk(place, event, vocabulary, text_before=shown[place]):
                shown[place] += len(chunk["text"])
                yield envelope.with_choices(chunk)
            if isinstance(event, Finished):
                finished.append(event)
    if usage:
        yield envelope.with_choices() | replies.closing_fields(finished, prompts=prompts)


async def loading_stream(service: EngineService, target: Target, body: LoadRequest) -> AsyncIterator[bytes]:
    loop, changed, newest = asyncio.get_running_loop(), asyncio.Event(), list[LoadProgress]()

    def tell(progress: LoadProgress) -> None:
        newest[:] = [progress]
        changed.set()

    def watch(progress: LoadProgress) -> None:
        loop.call_soon_threadsafe(tell, progress)

    async def sit() -> None:
        async with service.working(), service.residency.seat(target, precision=body.precision, watch=watch):
            pass

    is_here = any(resident.folder == target.folder for resident in service.residency.residents)
    sitting = asyncio.ensure_future(sit())
    sitting.add_done_callback(lambda _: changed.set())
    try:
        if not is_here:  # reading it begins with its configuration and tokenizer, of which no bytes are counted
            yield _sse({"status": "loading", "phase": "open", "done": 0, "total": 0})
        while await changed.wait() and not sitting.done():
            changed.clear()
            yield _sse({"status": "loading", **asdict(newest[0])})
            await asyncio.wait({sitting}, timeout=_BETWEEN_NEWS)
        await sitting
        yield _sse({"status": "ready", "model": body.model})
    except KullmError as error:
        yield _sse(error_object(error)[1])
    finally:
        sitting.cancel()


def event_stream(events: AsyncGenerator[replies.Json, None], stack: AsyncExitStack) -> Response:
    """The events as SSE. The seat is given back when the last one is sent, or when the client leaves."""

    async def lines() -> AsyncIterator[bytes]:
        async with stack, aclosing(events):
            try:
                async for event in events:
                    yield _sse(event)
            except KullmError as error:
                yield _sse(error_object(error)[1])
            yield b"data: [DONE]\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


def _sse(event: replies.Json) -> bytes:
    return b"data: " + json.dumps(event, ensure_ascii=False).encode() + b"\n\n"
