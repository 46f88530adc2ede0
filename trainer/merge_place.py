"""Where a merged model is made: a folder beside its place, locked, renamed when it is whole, taken away when it is not."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
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
                f"이미 있는 폴더예요: {to}. 다른 폴더를 고르거나 먼저 지우세요.",
                f"{to} exists already. Choose another folder, or remove it first.",
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
        raise WeightsError(
            say(f"다른 kullm이 {to}에 병합하고 있어요.", f"Another kullm is merging into {to}.")
        ) from error


def require_space(draft: Path, needed: int) -> None:
    need = needed + _SPARE_BYTES
    free = shutil.disk_usage(draft).free
    if free < need:
        raise NoSpace(
            say(
                f"병합하려면 {size_text(need)}가 필요하지만 {draft.parent}에 {size_text(free)}만 남아 있어요. 공간을 비우거나 다른 디스크의 폴더를 고르세요.",
                f"Merging takes {size_text(need)}; {draft.parent} has {size_text(free)} left. Free some space or choose another disk.",
            )
        )


def _disk_fault(to: Path, error: OSError) -> KullmError:
    if is_full(error):
        return NoSpace(
            say(
                f"디스크가 가득 차서 {to} 폴더를 만들지 못했어요. 공간을 비우고 다시 해 보세요.",
                f"The disk is full: {to} was not made. Free some space and try again.",
            )
        )
    reason = cause_of(error)
    return WeightsError(
        say(
            f"{error.filename or to} 파일을 읽거나 쓰지 못했어요: {reason}",
            f"{error.filename or to} could not be read or written: {reason}",
        )
    )
