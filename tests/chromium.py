"""A real Chromium without a window, spoken to over its DevTools protocol. What it would fetch from beyond this machine goes to a proxy, which counts and refuses it."""

import asyncio
import base64
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientSession, ClientWebSocketResponse

_SECONDS = 240.0
_POLL_SECONDS = 0.05
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
)  # fmt: skip
PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")


class Chromium:
    """One page."""

    def __init__(self, profile: Path, *, width: int = 1280, height: int = 800) -> None:
        self._profile = profile
        self._size = f"--window-size={width},{height}"
        self.asked: list[str] = []  # addresses that the page wanted
        self.refused: list[str] = []  # what went to the proxy, Chromium's own questions to its maker among it
        self._number = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}

    async def __aenter__(self) -> Self:
        self._proxy = await asyncio.start_server(self._refuse, "127.0.0.1", 0)
        port = self._proxy.sockets[0].getsockname()[1]
        assert PROGRAM
        self._process = await asyncio.create_subprocess_exec(
            *(
                PROGRAM,
                *_FLAGS,
                self._size,
                f"--proxy-server=http://127.0.0.1:{port}",
                f"--user-data-dir={self._profile}",
            ),
            "about:blank",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self._session = ClientSession()
        address = await self._page_address()
        self._socket: ClientWebSocketResponse = await self._session.ws_connect(address, max_msg_size=0)
        self._listening = asyncio.create_task(self._listen())
        await self.does("Page.enable")
        await self.does("Runtime.enable")
        await self.does("Network.enable")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.cancel()
        await self._session.close()
        self._process.terminate()
        await self._process.wait()
        self._proxy.close()

    async def does(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(_SECONDS):
            return await answer

    async def opens(self, address: str) -> None:
        await self.does("Page.navigate", url=address)

    async def says(self, expression: str) -> Any:
        """What a JavaScript expression is worth in the page."""
        result = await self.does("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def waits_for(self, expression: str) -> None:
        async with asyncio.timeout(_SECONDS):
            while not await self.says(f"Boolean({expression})"):
                await asyncio.sleep(_POLL_SECONDS)

    async def presses(
        self, key: str, number: int, *, text: str = "", control: bool = False, shift: bool = False, does: str = ""
    ) -> None:
        """`does`: what a browser with a window has the keys do."""
        code = f"Key{key.upper()}" if len(key) == 1 else key
        known: dict[str, Any] = {
            "key": key,
            "code": code,
            "windowsVirtualKeyCode": number,
            "modifiers": 2 * control + 8 * shift,
        }
        kind = "keyDown" if text else "rawKeyDown"
        commands = [does] if does else []
        await self.does("Input.dispatchKeyEvent", type=kind, text=text, commands=commands, **known)
        await self.does("Input.dispatchKeyEvent", type="keyUp", **known)

    async def composes(self, *stages: str) -> None:
        """As an input method does: each stage takes the place of the one before it, and the last is committed."""
        told = []
        for stage in stages:
            at = {"selectionStart": len(stage), "selectionEnd": len(stage)}
            told.append(
                self.does("Input.dispatchKeyEvent", type="rawKeyDown", key="Process", windowsVirtualKeyCode=229)
            )
            told.append(self.does("Input.imeSetComposition", text=stage, **at))
        told.append(self.does("Input.insertText", text=stages[-1]))
        await asyncio.gather(*told)  # in this order, and none waits for the one before

    async def picture(self, path: Path) -> None:
        shown = await self.does("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(shown["data"]))

    async def _page_address(self) -> str:
        async with asyncio.timeout(_SECONDS):
            while not (port := self._debugging_port()):
                await asyncio.sleep(_POLL_SECONDS)
            while True:
                async with self._session.get(f"http://127.0.0.1:{port}/json") as listed:
                    for one in await listed.json():
                        if one["type"] == "page":
                            return str(one["webSocketDebuggerUrl"])
                await asyncio.sleep(_POLL_SECONDS)

    def _debugging_port(self) -> str:
        file = self._profile / "DevToolsActivePort"
        return file.read_text().partition("\n")[0] if file.exists() else ""

    async def _listen(self) -> None:
        async for message in self._socket:
            told = message.json()
            if told.get("method") == "Network.requestWillBeSent":
                self.asked.append(told["params"]["request"]["url"])
            if told.get("method") == "Network.webSocketCreated":
                self.asked.append(told["params"]["url"])
            if answer := self._answers.pop(told.get("id", 0), None):
                answer.set_result(told.get("result", told))

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = (await reader.readline()).decode(errors="replace")
        self.refused.append(line)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()
