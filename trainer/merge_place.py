"""Where a merged model or its export is made: a folder beside its place, locked, taken away whatever comes; and the process that makes it."""

from __future__ import annotations

import fcntl
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.errors import KullmError, NoSpace, WeightsError
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text

_SPARE_BYTES = 100_000_000


@contextmanager
def drafted(to: Path) -> Iterator[Path]:
    """A folder beside the place, its own while the lock is held; what an earlier, killed merge left there goes first."""
    if to.exists():
        raise WeightsError(
            say(
                f"이미 있어요: {to}. 다른 이름을 고르거나 먼저 지우세요.",
                f"{to} exists already. Choose another name, or remove it first.",
            )
        )
    draft, lock = to.with_name(f".{to.name}.merging"), to.with_name(f".{to.name}.merging.lock")
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with lock.open("a") as held:
            _lock(held.fileno(), to)
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            try:
                yield draft
            finally:
                shutil.rmtree(draft, ignore_errors=True)
                lock.unlink(missing_ok=True)
    except OSError as error:
        raise _disk_fault(to, error) from error


def _lock(descriptor: int, to: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise WeightsError(say(f"다른 kullm이 {to}에 쓰고 있어요.", f"Another kullm is writing {to}.")) from error


def require_space(draft: Path, needed: int) -> None:
    need = needed + _SPARE_BYTES
    free = shutil.disk_usage(draft).free
    if free < need:
        raise NoSpace(
            say(
                f"{size_text(need)}가 필요하지만 {draft.parent}에 {size_text(free)}만 남아 있어요. 공간을 비우거나 다른 디스크의 폴더를 고르세요.",
                f"This takes {size_text(need)}; {draft.parent} has {size_text(free)} left. Free some space or choose another disk.",
            )
        )


def _disk_fault(to: Path, error: OSError) -> KullmError:
    if is_full(error):
        return NoSpace(
            say(
                f"디스크가 가득 차서 {to} 쓰기를 끝내지 못했어요. 공간을 비우고 다시 해 보세요.",
                f"The disk is full: {to} was not written. Free some space and try again.",
            )
        )
    reason = cause_of(error)
    return WeightsError(
        say(
            f"{error.filename or to} 파일을 읽거나 쓰지 못했어요: {reason}",
            f"{error.filename or to} could not be read or written: {reason}",
        )
    )


def told(make: Callable[[], object]) -> int:
    """The exit code of a process that makes one: a fault is told on stderr, and an ending asked for unwinds, so that the draft is taken away."""
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        make()
    except KullmError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt
