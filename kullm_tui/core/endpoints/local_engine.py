"""Finding, starting and ending the local engine: one a user, version and forced path, whoever needs it first starts it.

starting.lock   held by the `kullm` that starts an engine: two at once elect one
alive.lock      held by the engine for as long as it lives: the kernel lets go of it even after kill -9
engine.json     its address and token, 0600, published once it listens
engine.log      what it had to say
"""

import fcntl
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from kullm_tui import __version__
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.errors import EngineStartError
from kullm_tui.core.language import say
from kullm_tui.core.processor import forced_path
from kullm_tui.core.trust import check_file

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_POLL_SECONDS = 0.02
_LOG_LIMIT_BYTES = 5_000_000
# Not the engine's business, so not in its environment.
_SECRETS = ("OPENAI_API_KEY", "DEEPL_AUTH_KEY", "KULLM_API_KEY")
# Engines that this process started. They outlive it; a Popen that is dropped before its process ends complains.
_started: list["subprocess.Popen[bytes]"] = []


Phase = Literal[
    "importing", "serving"
]  # it listens before its libraries are there, which take seconds from a cold disk


@dataclass(frozen=True)
class EngineState:
    pid: int
    url: str
    token: str = field(repr=False)
    version: str
    phase: Phase = "importing"


class EngineFiles:
    """Every file name of the engine of one user, version and installation, on one path of the processor."""

    def __init__(self) -> None:
        installation = hashlib.sha256(f"{sys.prefix}\0{Path(__file__).parent}".encode()).hexdigest()[:8]
        name = "-".join(filter(None, (__version__, installation, forced_path())))
        self.folder = paths.private_dir(paths.state_dir() / "engine" / name)
        self.starting_lock = self.folder / "starting.lock"
        self.alive_lock = self.folder / "alive.lock"
        self.state = self.folder / "engine.json"
        self.log = self.folder / "engine.log"

    def publish(self, state: EngineState) -> None:
        draft = self.state.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(asdict(state)))
        draft.replace(self.state)

    def read_state(self) -> EngineState | None:
        check_file(self.state)
        try:
            state = EngineState(**foreign_json.read(self.state))
            return state if type(state.pid) is int and state.pid > 1 else None
        except (OSError, ValueError, TypeError):
            return None


def running_engine() -> EngineState | None:
    """The engine that lives now and has said where it listens."""
    files = EngineFiles()
    state = files.read_state()
    return state if state and _is_locked(files.alive_lock) else None


def ensure_engine(*, narrate: Callable[[str], None] | None = None) -> EngineState:
    """The running engine, started if there was none."""
    for engine in _started:
        engine.poll()  # or one that has ended stays a zombie of this process
    state = running_engine()
    if state:
        return state
    files = EngineFiles()
    with _locked(files.starting_lock):
        state = running_engine()
        if state:
            return state
        if narrate:
            narrate(say("엔진을 시작하는 중", "starting the engine"))
        return _start(files)


def await_end(engine: EngineState) -> None:
    """Of one that broke off: its connections go before its lock does, and whoever looks in between finds it alive. Bounded."""

    def has_ended() -> bool:
        found = running_engine()
        return found is None or found.pid != engine.pid

    _wait(has_ended, _STOP_SECONDS)


def stop_engine() -> bool:
    """Ends the engine; False if none was running. A reply in progress is cut off."""
    files = EngineFiles()
    state = files.read_state()
    if not state or not _is_locked(files.alive_lock):
        return False
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        _signal(state.pid, signal_number)
        if _wait(lambda: not _is_locked(files.alive_lock), _STOP_SECONDS):
            break
    for engine in _started:
        engine.poll()
    files.state.unlink(missing_ok=True)
    return True


def _start(files: EngineFiles) -> EngineState:
    # An engine that is ending has taken its address down and still holds its lock for its last words.
    _wait(lambda: not _is_locked(files.alive_lock), _STOP_SECONDS)
    files.state.unlink(missing_ok=True)
    if files.log.exists() and files.log.stat().st_size > _LOG_LIMIT_BYTES:
        files.log.replace(files.log.with_suffix(".log.1"))
    environment = {name: value for name, value in os.environ.items() if name not in _SECRETS}
    with files.log.open("ab") as log:
        log_start = log.tell()
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "kullm_tui.engine"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=files.folder,
            env=environment,
            start_new_session=True,  # ctrl-c in the terminal that started it is not meant for the engine
        )
    _started.append(child)
    _wait(lambda: running_engine() is not None or child.poll() is not None, _START_SECONDS)
    state = running_engine()
    if state:
        return state
    child.kill()
    child.wait()
    reason = files.log.read_bytes()[log_start:].decode(errors="replace").strip().splitlines()[-1:]
    raise EngineStartError(
        say(
            f"엔진을 시작하지 못했어요: {''.join(reason)}\n자세한 기록: {files.log}",
            f"The engine did not start: {''.join(reason)}\nThe whole log: {files.log}",
        )
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as lock:
        if not _wait(lambda: _try_lock(lock.fileno()), _START_SECONDS):
            raise EngineStartError(
                say(
                    f"다른 kullm이 엔진을 시작하고 있으나 끝나지 않아요. 잠금 파일: {path}",
                    f"Another kullm is starting the engine and does not finish. The lock: {path}",
                )
            )
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def hold_alive_lock(files: EngineFiles) -> int | None:
    """For the engine: the lock's descriptor, to be kept open for life, or None where another engine lives."""
    descriptor = os.open(files.alive_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    # Someone may be looking at the lock just now; an engine that lives holds it much longer than a look.
    if _wait(lambda: _try_lock(descriptor), 1.0):
        return descriptor
    os.close(descriptor)
    return None


def _is_locked(path: Path) -> bool:
    try:
        with path.open("a") as lock:
            fcntl.flock(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
