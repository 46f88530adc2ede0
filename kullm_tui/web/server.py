"""The server behind `kullm web`: a page with a terminal in it on loopback, and an app of its own for each tab.

The terminal in the page is textual-serve's (xterm.js, its fonts); its server is not used: it asks nobody who he is, and its page fetches a font from elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from aiohttp import WSMsgType, web

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.foreign_json import parsed
from kullm_tui.core.language import say
from kullm_tui.web.access import Access
from kullm_tui.web.app_process import AppProcess
from kullm_tui.web.page import ASSETS, page

MOST_APPS = 4
_LARGEST_MESSAGE = 16 * 1024 * 1024  # bytes of a paste
_FAREWELL_SECONDS = 1.0
_LOOPBACK = "127.0.0.1"
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebApps:
    """The pages, and the apps that are looked at."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._tabs: set[asyncio.Task[Any]] = set()
        self.application = web.Application(middlewares=[self._guard])
        self.application.add_routes(
            [
                web.get("/", self._door, allow_head=False),
                web.get(access.path, self._page),
                web.get(f"{access.path}ws", self._tab),
                web.static(f"{access.path}assets", ASSETS),
                web.static(f"{access.path}terminal", str(resources.files("textual_serve") / "static")),
            ]
        )

    async def close(self) -> None:
        """Every app has ended then."""
        for tab in self._tabs:
            tab.cancel()
        if self._tabs:
            await asyncio.wait(self._tabs)

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        why_not = self._access.foreign(host, origin, needs_origin=request.path.endswith("/ws"))
        if not why_not and request.path != "/":
            why_not = self._access.stranger("; ".join(request.headers.getall("Cookie", [])))
        if why_not:
            return _kept_close(web.Response(status=403, text=why_not), "")
        try:
            response = await handler(request)
        except web.HTTPException as refused:
            response = web.Response(status=refused.status, text=refused.reason)
        return response if response.prepared else _kept_close(response, host)

    async def _door(self, request: web.Request) -> web.Response:
        """A page of our own leads on, not a redirection: a browser that came from elsewhere would not send the cookie along."""
        if why_not := self._access.admit(request.query.get("token", "")):
            return web.Response(status=403, text=why_not)
        text = f'<!doctype html><meta http-equiv="refresh" content="0; url={self._access.path}">'
        return web.Response(text=text, content_type="text/html", headers={"Set-Cookie": self._access.cookie})

    async def _page(self, request: web.Request) -> web.Response:
        if len(self._tabs) >= MOST_APPS:
            return web.Response(status=503, text=_too_many())
        socket = f"ws://{request.headers['Host']}{self._access.path}ws"
        return web.Response(text=page(socket), content_type="text/html")

    async def _tab(self, request: web.Request) -> web.StreamResponse:
        if len(self._tabs) >= MOST_APPS:
            return web.Response(status=503, text=_too_many())
        tab = asyncio.current_task()
        assert tab
        self._tabs.add(tab)
        # No heartbeat: a computer that slept finds its app again, and a tab that was closed closes its connection.
        socket = web.WebSocketResponse(timeout=_FAREWELL_SECONDS, max_msg_size=_LARGEST_MESSAGE)
        try:
            await socket.prepare(request)
            await _serve(socket, _cells(request, "width", 80), _cells(request, "height", 24))
        except asyncio.CancelledError:  # by `close`: its app has ended
            tab.uncancel()
        finally:
            self._tabs.discard(tab)
        return socket


async def _serve(socket: web.WebSocketResponse, columns: int, lines: int) -> None:
    app = await AppProcess.begin(columns, lines)
    try:
        async with asyncio.TaskGroup() as group:
            drawing = group.create_task(_draw(app, socket))
            await _hear(app, socket)
            drawing.cancel()
    finally:
        await asyncio.shield(app.end())
        await socket.close()


async def _draw(app: AppProcess, socket: web.WebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):
        async for drawing in app.drawings():
            await socket.send_bytes(drawing)
    await socket.close()


async def _hear(app: AppProcess, socket: web.WebSocketResponse) -> None:
    with contextlib.suppress(ConnectionError):  # the app has ended
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await _obey(app, message.data)


async def _obey(app: AppProcess, text: str) -> None:
    """What the page says; anything that is none of its messages is left alone."""
    try:
        message = parsed(text)
    except ValueError:
        return
    match message:
        case ["stdin", str(keys)]:
            await app.type(keys)
        case ["resize", {"width": int(columns), "height": int(lines)}]:
            await app.resize(columns, lines)
        case ["focus" | "blur" as change]:
            await app.look(focused=change == "focus")


def _cells(request: web.Request, name: str, default: int) -> int:
    given = request.query.get(name, "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 5 else default


def _kept_close(response: web.StreamResponse, host: str) -> web.StreamResponse:
    """Nothing of another address is shown or asked, and no other page may show or keep this one.

    The terminal writes style sheets as it goes, so inline ones are let through: no text of strangers becomes HTML here.
    """
    response.headers.update(
        {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
            f"img-src 'self' data:; connect-src 'self' ws://{host or _LOOPBACK}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "Cache-Control": "no-store",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
    )
    return response


def _too_many() -> str:
    return say(
        f"탭이 이미 {MOST_APPS}개 열려 있어요. 하나를 닫고 새로 고치세요.",
        f"{MOST_APPS} tabs are open already. Close one and reload.",
    )


async def serve(port: int, tell: Callable[[str], Awaitable[None]]) -> None:
    """Until ctrl-c or SIGTERM. `tell` is given the one address."""
    access = Access()
    apps = WebApps(access)
    runner = web.AppRunner(apps.application, access_log=None, shutdown_timeout=_FAREWELL_SECONDS)
    await runner.setup()
    try:
        listening = await _listening(runner, port)
        over = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, over.set)
        telling = asyncio.ensure_future(tell(f"http://{_LOOPBACK}:{listening}/?token={access.token}"))
        await over.wait()
        telling.cancel()
    finally:
        await apps.close()
        await runner.cleanup()


async def _listening(runner: web.AppRunner, port: int) -> int:
    try:
        await web.TCPSite(runner, _LOOPBACK, port).start()
    except OSError as error:
        why = cause_of(error)
        raise KullmError(
            say(
                f"{port}번 포트를 열지 못했어요({why}). --port로 다른 포트를 정하거나, 빼고 다시 해 보세요.",
                f"port {port} could not be opened ({why}). Choose another with --port, or leave it out.",
            )
        ) from error
    return int(runner.addresses[0][1])
