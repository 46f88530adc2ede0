"""Where a stranger's template is rendered: in a child of its own, kept warm, ended when it takes too long or too much.

One child a template, so that one that burns its time holds up its own model's readers alone. What a child answers is text or
a reason, never an object. A template that went over its limits on a short conversation is not tried again for a while; a long
conversation may be at fault itself, and costs its own reader alone.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

import kullm_tui
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.templates.marks import MOST_SECONDS, RENDERED, receive, send

_MOST_CHILDREN = 4
_REST_SECONDS = 30.0
_SHORT = 64_000  # bytes of a conversation that no honest template takes a second for
_SERVE = "import sys; sys.path += sys.argv[1:]; from kullm_tui.core.templates.render_child import serve; serve()"


def run_template(source: str, variables: Mapping[str, Any]) -> str:
    """The rendered text; every failure of the template is a ConfigError."""
    return _child_for(source).render(variables)


def warm(source: str) -> None:
    """Starts the template's child without waiting, so that no request pays for it."""
    _child_for(source).warm()


@dataclass
class _Child:
    source: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _process: subprocess.Popen[bytes] | None = None
    _channel: socket.socket | None = None
    _resting_until: float = 0.0

    def warm(self) -> None:
        with self._lock:
            self._started()

    def render(self, variables: Mapping[str, Any]) -> str:
        request = json.dumps([self.source, variables], ensure_ascii=False).encode("utf-8", "surrogatepass")
        with self._lock:
            if time.monotonic() < self._resting_until:
                raise _unusable(_over_limits())
            answer = self._asked(request)
        text = answer[1:].decode("utf-8", "surrogatepass")
        if answer[:1] != RENDERED:
            raise _unusable(text)
        return text

    def _asked(self, request: bytes) -> bytes:
        channel, until = self._started(), time.monotonic() + MOST_SECONDS
        channel.settimeout(MOST_SECONDS)
        try:
            send(channel, request)
            return receive(channel, until=until)
        except (OSError, EOFError) as error:
            self.end()
            if len(request) - len(self.source) < _SHORT:
                self._resting_until = time.monotonic() + _REST_SECONDS
            raise _unusable(_over_limits()) from error

    def _started(self) -> socket.socket:
        if self._channel is not None and self._process is not None and self._process.poll() is None:
            return self._channel
        self.end()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _SERVE, *_folders()],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"TZ": os.environ["TZ"]} if "TZ" in os.environ else {},
                start_new_session=True,  # Ctrl-C is for the one who reads, not for it
            )
        self._channel = ours
        return ours

    def end(self) -> None:
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._channel = self._process = None


_children: OrderedDict[str, _Child] = OrderedDict()
_children_lock = threading.Lock()


def _child_for(source: str) -> _Child:
    with _children_lock:
        child = _children.setdefault(source, _Child(source))
        _children.move_to_end(source)
        oldest = _children.popitem(last=False)[1] if len(_children) > _MOST_CHILDREN else None
    if oldest is not None:
        with oldest._lock:
            oldest.end()
    return child


@atexit.register
def _end_all() -> None:
    for child in tuple(_children.values()):
        child.end()


def _folders() -> list[str]:
    """What the child imports from, and nothing else: no site-packages' start-up files run in it."""
    modules = (kullm_tui, jinja2, sys.modules["markupsafe"])  # which jinja2 stands on
    return list(dict.fromkeys(str(Path(str(module.__file__)).parents[1]) for module in modules))


def _over_limits() -> str:
    return say("정해진 시간이나 메모리를 넘겼어요", "it takes more time or memory than a template may")


def _unusable(reason: str) -> ConfigError:
    return ConfigError(
        say(
            f"모델의 대화 템플릿을 쓸 수 없어요: {reason}. 프로필에 다른 템플릿(예: chatml)을 지정하세요.",
            f"The model's chat template cannot be used: {reason}. Name another template (such as chatml) in its profile.",
        )
    )
