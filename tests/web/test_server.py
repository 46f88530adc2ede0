"""The server of `kullm web` as a browser and as a stranger meet it: the real verb, the real app behind it."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from kullm_tui.web.server import MOST_APPS
from tests.kullm_command import kullm
from tests.web.verb import WebVerb

_SECONDS = 240.0


@pytest.fixture
async def web(tmp_path: Path) -> AsyncIterator[WebVerb]:
    async with WebVerb(tmp_path) as verb:
        yield verb


async def _admitted(session: ClientSession, web: WebVerb) -> tuple[str, dict[str, str]]:
    """Where the page is, and the cookie for it."""
    async with session.get(web.address) as door:
        assert door.status == 200
        lead = re.search(r'url=([^"]+)"', await door.text())
        assert lead
        cookie = door.headers["Set-Cookie"].partition(";")[0]
    return web.origin + lead[1], {"Cookie": cookie}


async def _drawn(socket: ClientWebSocketResponse, text: str) -> str:
    """What the app has drawn when `text` is in it."""
    drawn = b""
    async with asyncio.timeout(_SECONDS):
        while text.encode() not in drawn:
            message = await socket.receive()
            assert message.type is WSMsgType.BINARY, (message, drawn.decode(errors="replace"))
            drawn += message.data
    return drawn.decode()


async def _gone(pid: int) -> None:
    async with asyncio.timeout(_SECONDS):
        while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.05)


async def test_strangers_are_refused_and_the_browser_gets_its_app(web: WebVerb) -> None:
    async with ClientSession() as session:
        await _strangers_are_refused(session, web)
        page, cookie = await _admitted(session, web)
        await _a_second_opening_is_refused(session, web)
        await _the_page_is_its_own(session, page, cookie)
        await _other_pages_are_refused(session, web, page, cookie)
        await _the_app_is_drawn_and_ends_with_its_tab(session, web, page, cookie)


async def _strangers_are_refused(session: ClientSession, web: WebVerb) -> None:
    for path in ("/", "/?token=", "/?token=wrong", "/index.html", "/ws", "/terminal/js/textual.js"):
        async with session.get(web.origin + path) as answer:
            assert answer.status == 403, path
            assert "kullm web" in await answer.text() or path == "/ws"
    async with session.head(web.address) as answer:  # does not use the token up
        assert answer.status == 405
    async with session.get(web.address, headers={"Host": "rebound.example"}) as answer:
        assert answer.status == 403


async def _a_second_opening_is_refused(session: ClientSession, web: WebVerb) -> None:
    async with session.get(web.address) as answer:
        assert (answer.status, "한 번만" in await answer.text()) == (403, True)
        assert "Set-Cookie" not in answer.headers


async def _the_page_is_its_own(session: ClientSession, page: str, cookie: dict[str, str]) -> None:
    async with session.get(page, headers=cookie) as answer:
        text = await answer.text()
        assert answer.status == 200
        policy = answer.headers["Content-Security-Policy"]
    assert set(re.findall(r"https?://[^\s;\"']+", text + policy)) == set()
    assert "script-src 'self';" in policy
    assert policy.startswith("default-src 'none'")
    for asset in re.findall(r'(?:href|src)="([\w/.]+)"', text):
        async with session.get(page + asset, headers=cookie) as answer:
            assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-store"), asset
    async with session.get(f"{page}assets/../server.py", headers=cookie) as answer:
        assert answer.status == 404


async def _other_pages_are_refused(session: ClientSession, web: WebVerb, page: str, cookie: dict[str, str]) -> None:
    socket = page.replace("http:", "ws:") + "ws"
    for headers in (
        {"Origin": web.origin},
        {**cookie, "Origin": "http://evil.example"},
        {**cookie, "Origin": "http://127.0.0.1:1"},
        {**cookie},
        {**cookie, "Origin": "http://rebound.example", "Host": "rebound.example"},
    ):
        with pytest.raises(WSServerHandshakeError) as refused:
            await session.ws_connect(socket, headers=headers)
        assert refused.value.status == 403, headers
    assert psutil.Process(web.pid).children() == []


async def _the_app_is_drawn_and_ends_with_its_tab(
    session: ClientSession, web: WebVerb, page: str, cookie: dict[str, str]
) -> None:
    socket = page.replace("http:", "ws:") + "ws"
    headers = {**cookie, "Origin": web.origin}
    async with session.ws_connect(f"{socket}?width=100&height=30", headers=headers) as tab:
        await _drawn(tab, "엇이든 물어보세요")
        for odd in ("", "[]", "nonsense", '["stdin"]', '["stdin", ""]', '["resize", {"width": "x"}]', "[" * 500):
            await tab.send_str(odd)
        await tab.send_json(["focus"])
        await tab.send_json(["stdin", "\x1b[200~가나\r다라\x1b[201~"])
        await _drawn(tab, "다라")
        (child,) = psutil.Process(web.pid).children()
        assert os.getsid(child.pid) == child.pid
    await _gone(child.pid)


async def test_ctrl_c_ends_every_app(web: WebVerb) -> None:
    async with ClientSession() as session:
        page, cookie = await _admitted(session, web)
        headers = {**cookie, "Origin": web.origin}
        async with session.ws_connect(page.replace("http:", "ws:") + "ws", headers=headers) as tab:
            await _drawn(tab, "엇이든")
            (child,) = psutil.Process(web.pid).children()
            os.kill(web.pid, signal.SIGINT)
            async with asyncio.timeout(_SECONDS):
                kinds: set[Any] = {message.type async for message in tab}
            assert kinds <= {WSMsgType.BINARY}  # and then a farewell
    assert await web.ended() == 0
    assert not psutil.pid_exists(child.pid)


async def test_an_app_ends_when_its_server_is_killed(web: WebVerb) -> None:
    async with ClientSession() as session:
        page, cookie = await _admitted(session, web)
        headers = {**cookie, "Origin": web.origin}
        async with session.ws_connect(page.replace("http:", "ws:") + "ws", headers=headers) as tab:
            await _drawn(tab, "엇이든")
            (child,) = psutil.Process(web.pid).children()
            os.kill(web.pid, signal.SIGKILL)
            await _gone(child.pid)


def test_a_port_that_is_taken_or_none_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = kullm(tmp_path, "web", "--no-open", "--port", str(taken.getsockname()[1]))
    assert (done.returncode, done.stdout) == (1, "")
    assert "포트를 열지 못했어요" in done.stderr
    assert kullm(tmp_path, "web", "--port", "70000").returncode == 2


async def test_a_browser_is_led_by_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    """Its command line can be read by everybody on the machine."""
    programs = tmp_path / "programs"
    programs.mkdir()
    opener = programs / "xdg-open"
    opener.write_text(
        '#!/bin/sh\necho "$@" > opened.tmp\nstat -c %a "$1" >> opened.tmp\ncat "$1" >> opened.tmp\nmv opened.tmp opened\n'
    )
    opener.chmod(0o755)
    desktop = {"DISPLAY": ":0", "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    async with WebVerb(tmp_path, opens=True, env=desktop) as web:
        async with asyncio.timeout(_SECONDS):
            while not (tmp_path / "opened").exists():
                await asyncio.sleep(0.05)
        path, mode, lead = (tmp_path / "opened").read_text().split("\n", 2)
        assert (mode, f"url={web.address}" in lead) == ("600", True)
        assert web.address.partition("token=")[2] not in path
        assert {one.laddr.ip for one in psutil.Process(web.pid).net_connections()} == {"127.0.0.1"}
    assert not Path(path).exists()


@pytest.mark.soak
async def test_a_fifth_tab_is_refused_in_words(web: WebVerb) -> None:
    async with ClientSession() as session, AsyncExitStack() as tabs:
        page, cookie = await _admitted(session, web)
        socket, headers = page.replace("http:", "ws:") + "ws", {**cookie, "Origin": web.origin}
        for _ in range(MOST_APPS):
            tab = await tabs.enter_async_context(session.ws_connect(socket, headers=headers))
            await _drawn(tab, "엇이든")
        async with session.get(page, headers=cookie) as answer:
            assert (answer.status, "새로 고치세요" in await answer.text()) == (503, True)
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(socket, headers=headers)
        await tab.close()
        async with asyncio.timeout(_SECONDS):
            while True:
                async with session.get(page, headers=cookie) as answer:
                    if answer.status == 200:
                        break
