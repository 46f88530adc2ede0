"""The engine's routes. A handler reads the body, takes a seat at a model, orders, and writes the answer."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from kullm_tui import __version__
from kullm_tui.core import foreign_json
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.engine import replies
from kullm_tui.engine.access import AccessGuard
from kullm_tui.engine.answering import Letterhead, answers, unless_gone
from kullm_tui.engine.generation import Finished, Order
from kullm_tui.engine.openapi import openapi_document
from kullm_tui.engine.orders import chat_order, completion_orders
from kullm_tui.engine.protocol import Body, ChatRequest, CompletionRequest, LoadRequest, UnloadRequest
from kullm_tui.engine.residency import Seat
from kullm_tui.engine.service import EngineService
from kullm_tui.engine.streams import chat_stream, completion_stream, event_stream, loading_stream
from kullm_tui.engine.wire_errors import RequestError, error_response, from_validation

logger = logging.getLogger(__name__)

_BodyType = TypeVar("_BodyType", bound=Body)


def build_app(
    service: EngineService, *, token: str, any_host: bool, public: bool, on_close: Callable[[], Awaitable[None]]
) -> Starlette:
    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await on_close()

    routes = [
        Route("/health", health),
        Route("/openapi.json", describe),
        Route("/v1/models", list_models),
        Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        Route("/v1/completions", completions, methods=["POST"]),
        Route("/v1/models/load", load, methods=["POST"]),
    ]
    if not public:  # on a public server one client must not take another's model away
        routes += [
            Route("/v1/models/unload", unload, methods=["POST"]),
            Route("/v1/shutdown", shutdown, methods=["POST"]),
        ]
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
    return JSONResponse(
        {
            "status": "ok",
            "version": __version__,
            "pid": os.getpid(),
            "loaded": loaded,
            "memory_budget": service.residency.budget_bytes,
            "active_requests": service.active_requests,
        }
    )


async def describe(_request: Request) -> Response:
    return JSONResponse(openapi_document())


async def list_models(request: Request) -> Response:
    names = await asyncio.to_thread(_service(request).names)
    models = [{"id": name, "object": "model", "created": 0, "owned_by": "kullm"} for name in names]
    return JSONResponse({"object": "list", "data": models})


async def chat_completions(request: Request) -> Response:
    body = await _body(request, ChatRequest)
    async with AsyncExitStack() as stack:
        seat = await _take_seat(request, stack, body.model, body.adapter)
        chat = await unless_gone(request, asyncio.to_thread(chat_order, body, seat))
        orders = [_numbered(chat.order, place) for place in range(body.n)]
        letterhead = Letterhead(body.model, "chat.completion")
        if body.stream:
            events = chat_stream(seat, orders, letterhead, closing=chat.closing if body.with_usage else None)
            response: Response = event_stream(events, stack.pop_all())
        else:
            choices = await unless_gone(request, _collect(seat, orders))
            vocabulary, wanted = seat.resident.vocabulary, body.wanted_logprobs is not None
            written = [
                replies.chat_choice(place, choice, vocabulary, with_logprobs=wanted)
                for place, choice in enumerate(choices)
            ]
            closing = replies.closing_fields(_finished(choices), prompts=1)
            response = JSONResponse(letterhead.with_choices(*written) | closing | chat.closing)
    return response


async def completions(request: Request) -> Response:
    body = await _body(request, CompletionRequest)
    async with AsyncExitStack() as stack:
        seat = await _take_seat(request, stack, body.model, body.adapter)
        prompts = await unless_gone(request, asyncio.to_thread(completion_orders, body, seat))
        orders = [_numbered(order, place) for order in prompts for place in range(body.n)]
        letterhead = Letterhead(body.model, "text_completion")
        echoes = [_echo(order, seat) if body.echo else None for order in orders]
        if body.stream:
            events = completion_stream(seat, orders, letterhead, echoes, usage=body.with_usage, prompts=len(prompts))
            response: Response = event_stream(events, stack.pop_all())
        else:
            choices = await unless_gone(request, _collect(seat, orders))
            vocabulary, wanted = seat.resident.vocabulary, body.logprobs is not None
            written = [
                replies.completion_choice(place, choice, vocabulary, echo, with_logprobs=wanted)
                for place, (choice, echo) in enumerate(zip(choices, echoes, strict=True))
            ]
            closing = replies.closing_fields(_finished(choices), prompts=len(prompts))
            response = JSONResponse(letterhead.with_choices(*written) | closing)
    return response


async def load(request: Request) -> Response:
    body = await _body(request, LoadRequest)
    service = _service(request)
    target = await service.target(body.model, body.adapter)
    return StreamingResponse(loading_stream(service, target, body), media_type="text/event-stream")


async def unload(request: Request) -> Response:
    body = await _body(request, UnloadRequest)
    service = _service(request)
    return JSONResponse({"unloaded": await service.residency.unload(await service.target(body.model, None))})


async def shutdown(request: Request) -> Response:
    _service(request).shut_down()
    return JSONResponse({"status": "ending"})


# Steps.


async def _take_seat(request: Request, stack: AsyncExitStack, model: str, adapter: str | None) -> Seat:
    service = _service(request)
    await stack.enter_async_context(service.working())
    target = await service.target(model, adapter)
    seat = service.residency.seat(target)
    entered: Seat = await unless_gone(request, seat.__aenter__())
    stack.push_async_exit(seat)
    return entered


async def _collect(seat: Seat, orders: list[Order]) -> list[replies.Choice]:
    choices = [replies.Choice() for _ in orders]
    async for place, event in answers(seat.resident, orders):
        choices[place].add(event)
    return choices


async def _body(request: Request, form: type[_BodyType]) -> _BodyType:
    raw = await request.body()
    try:
        content: Any = foreign_json.parsed(raw)
    except (ValueError, RecursionError):
        raise RequestError(say("본문이 올바른 JSON이 아니에요.", "The body is not valid JSON.")) from None
    try:
        return form.model_validate(content)
    except ValidationError as error:
        raise from_validation(error) from None


def _numbered(order: Order, place: int) -> Order:
    """The n-th reply to one prompt: with a seed, each has its own that follows from it."""
    seed = order.sampling.seed
    if place == 0 or seed is None:
        return order
    return replace(order, sampling=replace(order.sampling, seed=seed + place))


def _echo(order: Order, seat: Seat) -> replies.Echo:
    return replies.Echo(seat.resident.vocabulary.decode(order.prompt), order.prompt)


def _finished(choices: list[replies.Choice]) -> list[Finished]:
    return [choice.finished for choice in choices if choice.finished]


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
