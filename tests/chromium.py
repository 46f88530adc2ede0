"""A real Chromium without a window, spoken to over its DevTools pipe: pages as a phone and a desk show them, typed into as a keyboard and an input
method do, and whatever they ask the network for.

It has a profile of its own, which goes with it. Every address leads to a proxy on loopback that answers nothing and notes what was asked for;
those of loopback itself only where a page is not served from there.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.processes import MARK

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-pipe",
)  # fmt: skip
_ITS_OWN = (".google.com", ".googleapis.com", ".gvt1.com")  # what it asks for itself, whatever page it shows
_THEIR_READING, _THEIR_WRITING = 3, 4  # which descriptors the pipe is, by Chromium's word
_ABOVE = 10  # descriptors that neither of those is
_PHONE = 600  # CSS pixels; what is narrower is one, with twice as many dots
_SECONDS = 120.0
_AT_ONCE = 1 << 16


def installed() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


class Chromium:
    def __init__(self, to: int, back: int, proxy: "_Proxy") -> None:
        self._to, self._back, self._proxy = to, back, proxy
        self._number, self._waiting = 0, b""
        self._session = ""
        self._answers: dict[int, dict[str, Any]] = {}
        self.requests: list[str] = []  # what pages wanted, blocked or not

    @property
    def left(self) -> list[str]:
        """The hosts that were asked of the network, but for those of the browser's maker."""
        hosts = [urlsplit(one if "://" in one else f"//{one}").hostname or one for one in self._proxy.asked]
        return [one for one in hosts if not f".{one}".endswith(_ITS_OWN)]

    def open(self, file: Path, *, width: int = 1280, height: int = 900) -> None:
        """Laid out for that width, in CSS pixels."""
        if not self._session:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            self.call("Network.enable")
        is_phone = width < _PHONE
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if is_phone else 1, mobile=is_phone)  # fmt: skip
        self.requests.clear()
        self.call("Page.navigate", url=file.as_uri())
        self.wait_for("document.readyState == 'complete' && location.href != 'about:blank'")

    def asks(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        told = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def wait_for(self, expression: str) -> None:
        end = time.monotonic() + _SECONDS
        while not self.asks(expression):
            assert time.monotonic() < end, expression
            time.sleep(0.02)

    def picture(self, file: Path) -> None:
        """Of the whole page, as PNG."""
        told = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(told["data"]))

    # -- the keyboard ------------------------------------------------------------------------------------------------------

    def presses(self, key: str, number: int, *, text: str = "", control: bool = False, shift: bool = False, does: str = "") -> None:  # fmt: skip
        """`does`: what a browser with a window has the keys do."""
        code = f"Key{key.upper()}" if len(key) == 1 else key
        known = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": 2 * control + 8 * shift}
        down = {"text": text, "commands": [does] if does else []}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **known, **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)

    def composes(self, *syllables: Sequence[str]) -> None:
        """As an input method does: each stage of a syllable takes the place of the one before it, and the last is committed. Nothing waits for the answer to what went before."""
        told = []
        for stages in syllables:
            for stage in stages:
                at = {"selectionStart": len(stage), "selectionEnd": len(stage)}
                told.append(self._say("Input.dispatchKeyEvent", type="rawKeyDown", key="Process", windowsVirtualKeyCode=229))  # fmt: skip
                told.append(self._say("Input.imeSetComposition", text=stage, **at))
            told.append(self._say("Input.insertText", text=stages[-1]))
        for number in told:
            self._answer(number)

    # -- the protocol ------------------------------------------------------------------------------------------------------

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._answer(self._say(method, **parameters))

    def _say(self, method: str, **parameters: Any) -> int:
        self._number += 1
        asked = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            asked["sessionId"] = self._session
        os.write(self._to, json.dumps(asked).encode() + b"\0")
        return self._number

    def _answer(self, number: int) -> dict[str, Any]:
        while number not in self._answers:
            told = self._message()
            if told.get("method") == "Network.requestWillBeSent":
                self.requests.append(told["params"]["request"]["url"])
            elif told.get("method") == "Network.webSocketCreated":
                self.requests.append(told["params"]["url"])
            elif "id" in told:
                self._answers[told["id"]] = told
        told = self._answers.pop(number)
        assert "error" not in told, told
        answer: dict[str, Any] = told["result"]
        return answer

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._waiting:
            assert select.select([self._back], [], [], _SECONDS)[0], "Chromium says nothing"
            piece = os.read(self._back, _AT_ONCE)
            assert piece, "Chromium has ended"
            self._waiting += piece
        message, _, self._waiting = self._waiting.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told


class _Proxy:
    """Takes every connection, notes which address it is to lead to and closes it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                connection.settimeout(_SECONDS)
                _, _, rest = connection.recv(_AT_ONCE).decode(errors="replace").partition(" ")
                self.asked.append(rest.partition(" ")[0])

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()


@contextlib.contextmanager
def chromium(*, serves_here: bool = False) -> Iterator[Chromium]:
    """For tests with the mark `browser`, which are skipped where there is none. `serves_here`: its pages come from loopback."""
    program = installed()
    assert program
    proxy = _Proxy()
    with tempfile.TemporaryDirectory(prefix="chromium", ignore_cleanup_errors=True) as profile:
        through = (f"--user-data-dir={profile}", f"--proxy-server=http://127.0.0.1:{proxy.port}", *(() if serves_here else ("--proxy-bypass-list=<-loopback>",)))  # fmt: skip
        process, to, back = _started([program, *_FLAGS, *through, "about:blank"], Path(profile))
        browser = Chromium(to, back, proxy)
        try:
            yield browser
        finally:
            os.close(to)  # whoever hears nobody any more ends
            _ended(process)
            os.close(back)
            proxy.close()


def _started(command: list[str], home: Path) -> tuple[int, int, int]:
    """Its process, and our ends of the pipe."""
    theirs_in, to = os.pipe()
    back, theirs_out = os.pipe()
    reading, writing = (fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for one in (theirs_in, theirs_out))
    quiet = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    actions = [
        *((os.POSIX_SPAWN_DUP2, quiet, number) for number in (0, 1, 2)),
        (os.POSIX_SPAWN_DUP2, reading, _THEIR_READING),
        (os.POSIX_SPAWN_DUP2, writing, _THEIR_WRITING),
    ]
    kept = {name: os.environ[name] for name in ("PATH", MARK) if name in os.environ}
    environment = {**kept, "HOME": str(home), "LANG": "ko_KR.UTF-8"}
    process = os.posix_spawn(command[0], command, environment, file_actions=actions)
    for one in (theirs_in, theirs_out, reading, writing, quiet):
        os.close(one)
    return process, to, back


def _ended(process: int) -> None:
    end = time.monotonic() + _SECONDS
    while os.waitpid(process, os.WNOHANG)[0] == 0:
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return
        time.sleep(0.02)
