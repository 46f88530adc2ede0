"""Who may talk to the engine: bearers of its token, from this machine's own programs, with bodies of a sane size.

A web page in the user's browser can reach a loopback port too. It cannot know the token; its Origin gives it away, and
a rebound host name shows in Host.
"""

import asyncio
import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kullm_tui.core.language import say, speaking
from kullm_tui.engine.burden import Burden, Share
from kullm_tui.engine.connections import owner_of
from kullm_tui.engine.wire_errors import RequestError, error_object, error_response, server_ends

MOST_BYTES = 32 * 1024 * 1024
_BODIES_OF_ONE = 2 * MOST_BYTES
_BODIES_OF_ALL = 8 * MOST_BYTES
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}


class AccessGuard:
    def __init__(self, app: ASGIApp, *, token: str, any_host: bool) -> None:
        self._app = app
        self._bodies = Burden(of_one=_BODIES_OF_ONE, of_all=_BODIES_OF_ALL)
        self._token = token.encode()
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with speaking(headers.get("accept-language")):
            fault = self._fault(headers)
            if fault:
                status, body = error_object(fault)
                challenge = {"WWW-Authenticate": "Bearer"} if status == 401 else None
                await JSONResponse(body, status, challenge)(scope, receive, send)
                return
            with self._bodies.share(owner_of(scope.get("client"))) as share:
                await self._answered(scope, _measured(receive, share), send)

    async def _answered(self, scope: Scope, receive: Receive, send: Send) -> None:
        """By the app, or, where the server ends before it has begun to answer, by a word of that."""
        begun = False

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:  # uvicorn's patience with what is under way is over
            if not begun:
                await error_response(server_ends())(scope, receive, send)

    def _fault(self, headers: Headers) -> RequestError | None:
        if not self._any_host and _host_name(headers.get("host", "")) not in _LOOPBACK:
            return RequestError(
                say("이 주소로는 엔진을 부를 수 없어요.", "The engine does not answer under this host name."),
                status=403,
                code="forbidden_host",
            )
        if "origin" in headers:
            return RequestError(
                say("웹 페이지에서는 엔진을 부를 수 없어요.", "The engine does not answer web pages."),
                status=403,
                code="forbidden_origin",
            )
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), self._token):
            return RequestError(
                say(
                    "토큰이 없거나 틀려요. Authorization: Bearer 헤더에 엔진의 토큰을 넣으세요.",
                    "The token is missing or wrong. Send the engine's token as Authorization: Bearer.",
                ),
                status=401,
                code="unauthorized",
            )
        length = headers.get("content-length", "0")
        return _too_much() if length.isdigit() and int(length) > MOST_BYTES else None


def _measured(receive: Receive, share: Share) -> Receive:
    """`receive`, ending in an error when a body without Content-Length outgrows the limit, or all bodies theirs."""

    async def counted() -> Message:
        message = await receive()
        share.add(len(message.get("body", b"")))
        if share.carried > MOST_BYTES:
            raise _too_much()
        return message

    return counted


def _too_much() -> RequestError:
    return RequestError(
        say("요청이 너무 커요(32 MB까지).", "The request is too large (32 MB at most)."), status=413, code="too_large"
    )


def _host_name(host: str) -> str:
    name, _, port = host.rpartition(":")
    return (name if port.isdigit() and name else host).lower()
