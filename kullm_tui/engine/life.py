"""An engine's life: it listens, announces itself, warms up, and ends when idle or told to."""

import asyncio
import errno
import gc
import logging
import os
import socket
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING, Any

import uvicorn

from kullm_tui import __version__
from kullm_tui.core.causes import cause_of
from kullm_tui.core.config.settings import EngineSettings
from kullm_tui.core.endpoints.local_engine import EngineFiles, EngineState
from kullm_tui.core.errors import KullmError, ModelNotFound, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import all_profiles

if TYPE_CHECKING:
    from kullm_tui.engine.service import EngineService

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_QUEUE = 512  # connections that the system holds until they are accepted
_LAST_WORDS_SECONDS = 3
_QUIETLY: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "lifespan": "on",
    "server_header": False,
    "timeout_graceful_shutdown": _LAST_WORDS_SECONDS,
}


@dataclass(frozen=True)
class Listening:
    socket: socket.socket
    token: str = field(repr=False)
    any_host: bool

    @property
    def url(self) -> str:
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(frozen=True)
class Served:
    """What a public server offers: names of its own for models, and for models with an adapter."""

    models: Mapping[str, tuple[str, str | None]]  # offered name → model, adapter

    def behind(self, name: str, adapter: str | None) -> tuple[str, str | None]:
        """The model and adapter behind an offered name. Clients of a public server cannot name files of this machine."""
        if adapter is not None:
            raise UsageError(
                say("이 서버에서는 어댑터를 고를 수 없어요.", "This server lets clients choose no adapter.")
            )
        if name not in self.models:
            offered = ", ".join(sorted(self.models))
            raise ModelNotFound(
                say(
                    f"이 서버에는 {name} 모델이 없어요. 있는 모델: {offered}",
                    f"This server has no model {name}. It has: {offered}",
                )
            )
        return self.models[name]


def open_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, or asyncio leaves Nagle's algorithm on: every small answer on a kept connection then waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_QUEUE)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(_cannot_listen(host, port, error)) from error
    return listener


def _cannot_listen(host: str, port: int, error: Exception) -> str:
    if isinstance(error, OSError) and error.errno != errno.EADDRINUSE:
        return say(
            f"{host} 주소로 요청을 받을 수 없어요({cause_of(error)}). --host와 --port를 확인하세요.",
            f"Cannot listen on {host} ({cause_of(error)}). Check --host and --port.",
        )
    return say(
        f"{port}번 포트를 쓸 수 없어요. 다른 프로그램이 쓰고 있다면 --port로 다른 포트를 고르세요.",
        f"Port {port} cannot be used. If another program holds it, choose another with --port.",
    )


def serve_until_ended(
    settings: EngineSettings, listening: Listening, *, files: EngineFiles | None = None, served: Served | None = None
) -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    if served:
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
    if files:
        files.publish(EngineState(os.getpid(), listening.url, listening.token, __version__))
    try:
        asyncio.run(_serve(settings, listening, files, served))
    finally:
        listening.socket.close()
    return 0


class _Server(uvicorn.Server):
    """Takes its address down before it stops listening: whoever looks for an engine then starts another."""

    def __init__(self, config: uvicorn.Config, files: EngineFiles | None) -> None:
        super().__init__(config)
        self._files = files

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            listener.listen(_QUEUE)  # asyncio has just set it to what it accepts at once

    def end(self) -> None:
        state = self._files.read_state() if self._files else None
        if self._files and state and state.pid == os.getpid():
            self._files.state.unlink(missing_ok=True)
        self.should_exit = True

    async def last_words(self) -> None:
        """What uvicorn has just cancelled says so to its client; uvicorn itself would not wait for that."""
        under_way = set(self.server_state.tasks)
        if under_way:
            await asyncio.wait(under_way, timeout=_LAST_WORDS_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self.end()
        super().handle_exit(sig, frame)


async def _serve(
    settings: EngineSettings, listening: Listening, files: EngineFiles | None, served: Served | None
) -> None:
    # Imported here because torch is slow: the socket listens already, and a client's first request waits in its queue.
    gc.disable()  # nothing of thousands of modules is garbage
    import kullm_tui.weights  # noqa: F401, I001 - before anything of transformers
    from kullm_tui.engine.app import build_app
    from kullm_tui.engine.connections import ACCEPTED_AT_ONCE, PatientProtocol, most_connections
    from kullm_tui.engine.residency import Residency, Target, choose_device, find_target
    from kullm_tui.engine.service import EngineService
    from kullm_tui.engine.wire_errors import untold

    gc.freeze()
    gc.enable()

    def offered(name: str, adapter: str | None) -> Target:
        assert served
        model, own_adapter = served.behind(name, adapter)
        with untold(name):
            return replace(find_target(model, own_adapter), offered_as=name)

    residency = Residency(settings, device=choose_device(settings.device))
    service = EngineService(
        residency=residency,
        find=offered if served else find_target,
        names=(lambda: sorted(served.models)) if served else (lambda: sorted(all_profiles())),
        shut_down=lambda: server.end(),
        public=served is not None,
    )

    async def close() -> None:
        await server.last_words()
        await residency.close()

    app = build_app(service, token=listening.token, any_host=listening.any_host, on_close=close)
    PatientProtocol.most = most_connections()
    if files:
        files.publish(EngineState(os.getpid(), listening.url, listening.token, __version__, "serving"))
    server = _Server(uvicorn.Config(app, http=PatientProtocol, backlog=ACCEPTED_AT_ONCE, **_QUIETLY), files)
    beside = _warm_up(service, served) if served else _end_when_idle(server, service, settings.idle_minutes)
    task = asyncio.create_task(beside)
    await asyncio.sleep(
        0
    )  # a ctrl-c that came while torch was imported ends it here, not in the midst of uvicorn's start
    await server.serve(sockets=[listening.socket])
    task.cancel()


async def _warm_up(service: "EngineService", served: Served) -> None:
    """A server's first model is loaded before anybody asks."""
    name = next(iter(served.models))
    try:
        target = await service.target(name, None)
        async with service.residency.seat(target):
            logger.info("%s is ready", name)
    except KullmError as error:
        logger.error("%s cannot be loaded: %s", name, error)


async def _end_when_idle(server: _Server, service: "EngineService", idle_minutes: float) -> None:
    service.last_active = time.monotonic()
    while not server.should_exit:
        await asyncio.sleep(_LOOK_SECONDS)
        idle_seconds = time.monotonic() - service.last_active
        if service.active_requests == 0 and idle_seconds > idle_minutes * 60:
            logger.info("idle for %.0f s: ending", idle_seconds)
            server.end()
