"""The engine's routes. A handler reads the body, takes a seat at a model, asks its batch, and writes the answer."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kullm_tui import __version__
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.engine import replies
from kullm_tui.engine.access import AccessGuard
from kullm_tui.engine.answering import ResponseEnvelope, answers, unless_gone
from kullm_tui.engine.bodies import read_body
from kullm_tui.engine.connections import owner_of
from kullm_tui.engine.generation import Finished, GenerationRequest
from kullm_tui.engine.openapi import openapi_document
from kullm_tui.engine.prepare import answer_size, prepared_chat, prepared_completions, replies_to
from kullm_tui.engine.protocol import ChatRequest, CompletionRequest, LoadRequest, UnloadRequest
from kullm_tui.engine.residency import Seat
from kullm_tui.engine.service import EngineService
from kullm_tui.engine.streams import chat_stream, completion_stream, event_stream, loading_stream
from kullm_tui.engine.wire_errors import RequestError, error_response, refused_in_public, untold

logger = logging.getLogger(__name__)


def build_app(
    service: EngineService, *, token: str, any_host: bool, on_close: Callable[[], Awaitable[None]]
) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        service.turnstile.close()
        await on_close()

    routes = [
        Route("/health", health),
        Route("/openapi.json", describe),
        Route("/v1/models", list_models),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
    ]
    # On a public server no client decides which models are loaded, in which precision, and for how long.
    own = {"/v1/models/load": load, "/v1/models/unload": unload, "/v1/shutdown": shutdown}
    routes += [Route(path, refuse if service.public else handler, methods=["POST"]) for path, handler in own.items()]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(AccessGuard, token=token, any_host=any_host)],
        exception_handlers={
            KullmError: _say_error,
            HTTPException: _say_http_error,
            ClientDisconnect: _say_nothing,
            Exception: _say_bug,
        },
    )
    app.state.service = service
    return app


# Handlers.


async def health(request: Request) -> Response:
    service = _service(request)
    loaded = [
        {
            "model": resident.name,
            "precision": resident.precision,
            "bytes": resident.bytes_held,
            "in_use": resident.in_use,
        }
        for resident in service.residency.residents
    ]
    facts = {
        "status": "ok",
        "version": __version__,
        "loaded": loaded,
        "active_requests": service.active_requests,
    }
    of_this_machine = {"pid": os.getpid(), "memory_budget": service.residency.budget_bytes}
    return JSONResponse(facts if service.public else facts | of_this_machine)


async def describe(_request: Request) -> Response:
    return JSONResponse(openapi_document())


async def list_models(request: Request) -> Response:
    names = await asyncio.to_thread(_service(request).names)
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "kullm"} for name in names]
    return JSONResponse({"object": "list", "data": models})


async def chat_completions(request: Request) -> Response:
    turnstile = _service(request).turnstile
    body = await read_body(request, ChatRequest, turnstile, _owner(request))
    async with AsyncExitStack() as stack:
        seat = await _take_seat(request, stack, body.model, body.adapter)
        chat = await unless_gone(request, turnstile.run(seat.owner, partial(prepared_chat, body, seat)))
        asked = replies_to([chat.request], body.n)
        stack.enter_context(_service(request).answers.share(seat.owner)).add(answer_size(asked))
        envelope = ResponseEnvelope(body.model, "chat.completion")
        if body.stream:
            events = chat_stream(seat, asked, envelope, closing=chat.closing if body.with_usage else None)
            response: Response = event_stream(events, stack.pop_all())
        else:
            choices = await unless_gone(request, _collect(seat, asked))
            vocabulary, wanted = seat.resident.vocabulary, body.wanted_logprobs is not None
            written = (
                replies.chat_choice(place, choice, vocabulary, with_logprobs=wanted)
                for place, choice in enumerate(choices)
            )
            closing = replies.closing_fields(_finished(choices), prompts=1) | chat.closing
            response = await turnstile.run(seat.owner, partial(_whole, envelope.with_choices() | closing, written))
    return response


async def completions(request: Request) -> Response:
    turnstile = _service(request).turnstile
    body = await read_body(request, CompletionRequest, turnstile, _owner(request))
    async with AsyncExitStack() as stack:
        seat = await _take_seat(request, stack, body.model, body.adapter)
        prompts = await unless_gone(request, turnstile.run(seat.owner, partial(prepared_completions, body, seat)))
        asked = replies_to(prompts, body.n)
        stack.enter_context(_service(request).answers.share(seat.owner)).add(answer_size(asked))
        envelope = ResponseEnvelope(body.model, "text_completion")
        echoes = await unless_gone(request, turnstile.run(seat.owner, partial(_echoes, prompts, body.n, seat)))
        if body.stream:
            events = completion_stream(seat, asked, envelope, echoes, usage=body.with_usage, prompts=len(prompts))
            response: Response = event_stream(events, stack.pop_all())
        else:
            choices = await unless_gone(request, _collect(seat, asked))
            vocabulary, wanted = seat.resident.vocabulary, body.logprobs is not None
            written = (
                replies.completion_choice(place, choice, vocabulary, echo, with_logprobs=wanted)
                for place, (choice, echo) in enumerate(zip(choices, echoes, strict=True))
            )
            closing = replies.closing_fields(_finished(choices), prompts=len(prompts))
            response = await turnstile.run(seat.owner, partial(_whole, envelope.with_choices() | closing, written))
    return response


async def load(request: Request) -> Response:
    service = _service(request)
    body = await read_body(request, LoadRequest, service.turnstile, _owner(request))
    target = await service.target(body.model, body.adapter)
    return StreamingResponse(loading_stream(service, target, body), media_type="text/event-stream")


async def unload(request: Request) -> Response:
    service = _service(request)
    body = await read_body(request, UnloadRequest, service.turnstile, _owner(request))
    return JSONResponse({"unloaded": await service.residency.unload(await service.target(body.model, None))})


async def shutdown(request: Request) -> Response:
    _service(request).shut_down()
    return JSONResponse({"status": "ending"})


async def refuse(_request: Request) -> Response:
    return error_response(refused_in_public())


# Steps.


async def _take_seat(request: Request, stack: AsyncExitStack, model: str, adapter: str | None) -> Seat:
    service = _service(request)
    await stack.enter_async_context(service.working())
    target = await service.target(model, adapter)
    seat = service.residency.seat(target)
    with untold(model) if service.public else nullcontext():
        entered: Seat = await unless_gone(request, seat.__aenter__())
    stack.push_async_exit(seat)
    return replace(entered, owner=_owner(request))


async def _collect(seat: Seat, asked: list[GenerationRequest]) -> list[replies.Choice]:
    choices = [replies.Choice() for _ in asked]
    async for place, event in answers(seat, asked):
        choices[place].add(event)
    return choices


def _echoes(prompts: list[GenerationRequest], n: int, seat: Seat) -> list[replies.Echo | None]:
    """One for each reply; those to one prompt share it."""
    once = [
        replies.Echo(seat.resident.vocabulary.decode(one.prompt), one.prompt) if one.echo else None for one in prompts
    ]
    return [echo for echo in once for _ in range(n)]


def _whole(fields: replies.Json, choices: Iterable[replies.Json]) -> Response:
    return Response(replies.written(fields, choices), media_type="application/json")


def _finished(choices: list[replies.Choice]) -> list[Finished]:
    return [choice.finished for choice in choices if choice.finished]


def _owner(request: Request) -> str:
    return owner_of(request.client)


def _service(request: Request) -> EngineService:
    service: EngineService = request.app.state.service
    return service


# Errors.


async def _say_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, KullmError)
    return error_response(error)


async def _say_http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return error_response(
        RequestError(
            error.detail, status=error.status_code, code="not_found" if error.status_code == 404 else "invalid_request"
        )
    )


async def _say_nothing(_request: Request, _error: Exception) -> Response:
    return Response(status_code=499)


async def _say_bug(_request: Request, error: Exception) -> Response:
    logger.error("a request failed", exc_info=error)
    return error_response(
        KullmError(
            say(
                "엔진 안에서 오류가 났어요. `kullm engine logs`를 보세요.",
                "The engine failed. See `kullm engine logs`.",
            )
        )
    )
