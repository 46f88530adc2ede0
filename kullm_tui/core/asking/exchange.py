"""One question on its way and its answer coming back, for `kullm ask` and the app alike.

It starts the engine where one is needed, has the model loaded, and journals every piece before it hands it on. What is
shown, and how the journal ends, is the caller's.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal

from kullm_tui.core.asking.target import Target, start_engine
from kullm_tui.core.asking.thinking import Delta, Resorted, Said, ThinkingWish, Thought
from kullm_tui.core.endpoints.client import load_model, stream_chat
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished, LoadProgress, Progress
from kullm_tui.core.endpoints.local_engine import await_end, running_engine
from kullm_tui.core.endpoints.sdk import import_sdk
from kullm_tui.core.errors import EngineGone
from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import Journal

_TICK_SECONDS = 0.25


@dataclass(frozen=True)
class Starting:
    """The engine is being started: its process, then the libraries that it imports."""

    phase: Literal["process", "importing"] = "process"


Piece = Starting | LoadProgress | Said | Progress | Finished


async def exchange(
    target: Target,
    messages: Sequence[Message],
    decoding: Mapping[str, Any],
    journal: Journal,
    *,
    thinking: ThinkingWish = "fold",
) -> AsyncGenerator[Piece, None]:
    """The answer in pieces, then one Finished. Closing the generator, or cancelling its task, stops the generation.

    An engine may end between being found and being asked. While nothing was shown, another is started, once.
    """
    begun = False
    for last_try in (False, True):
        try:
            async with aclosing(_journalled(_answer(target, messages, decoding, thinking), journal)) as pieces:
                async for piece in pieces:
                    begun = begun or isinstance(piece, Said)
                    yield piece
            return
        except EngineGone:
            if begun or last_try or target.endpoint:
                raise


async def _answer(
    target: Target, messages: Sequence[Message], decoding: Mapping[str, Any], thinking: ThinkingWish
) -> AsyncGenerator[Piece, None]:
    endpoint = target.endpoint
    engine = None
    if endpoint is None:
        if await asyncio.to_thread(running_engine) is None:
            yield Starting()
        # The SDK on one core while the engine's own libraries come in on another.
        sdk = asyncio.create_task(asyncio.to_thread(import_sdk))
        endpoint = await asyncio.to_thread(start_engine, _in_silence)
        await sdk
        engine = await asyncio.to_thread(running_engine)
        if engine and engine.phase == "importing":
            yield Starting("importing")
    else:
        await asyncio.to_thread(import_sdk)
    try:
        if endpoint.local:
            async for step in _loading(endpoint, target.model, decoding.get("adapter")):
                yield step
        answer = stream_chat(endpoint, model=target.model, messages=messages, decoding=decoding, thinking=thinking)
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                yield piece
    except EngineGone:
        if engine:
            await asyncio.to_thread(await_end, engine)
        raise


async def _loading(endpoint: Endpoint, model: str, adapter: str | None) -> AsyncGenerator[LoadProgress, None]:
    async with aclosing(load_model(endpoint, model, adapter)) as steps:
        async for step in steps:
            yield step


async def _journalled(pieces: AsyncGenerator[Piece, None], journal: Journal) -> AsyncGenerator[Piece, None]:
    """Each piece, kept before it is shown; in a pause the journal still looks at the clock."""
    async with aclosing(pieces):
        while True:
            step = asyncio.ensure_future(_next(pieces))
            try:
                while not (await asyncio.wait({step}, timeout=_TICK_SECONDS))[0]:
                    await asyncio.to_thread(journal.tick)
            finally:
                if not step.done():  # the generator can only be closed once nothing runs in it
                    step.cancel()
                    await asyncio.wait({step})
            piece = step.result()
            if piece is None:
                return
            if isinstance(piece, Delta):
                await asyncio.to_thread(journal.feed, piece.text)
            elif isinstance(piece, Thought):
                await asyncio.to_thread(journal.think, piece.text)
            elif isinstance(piece, Resorted):
                await asyncio.to_thread(journal.resort, piece.thinking, piece.text)
            yield piece


async def _next(pieces: AsyncGenerator[Piece, None]) -> Piece | None:
    return await anext(pieces, None)


def _in_silence(_: str) -> None:
    """`Starting` has said it."""
