"""Opening a database of ours for whoever must go on whatever the file is like: the app its conversations, everybody the verdicts.

A damaged file is kept aside under a name that says when, and what can be read of it goes into a new one. A newer kullm's is refused, untouched.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import NoSpace, StoreBusy, StoreDamaged, StoreError, StoreMoved
from kullm_tui.core.language import say
from kullm_tui.core.store.database import CONVERSATIONS
from kullm_tui.core.store.errors import Contents, newest_backup, with_particle
from kullm_tui.core.store.store import Store

_KEPT_DELETED_S = 7 * 86400.0
# What SQLite may have beside the file belongs to it: a new file must never find the log of the old one.
_BESIDE = ("-wal", "-shm", "-journal", "")


class Opened(Protocol):
    notice: str | None

    def close(self) -> None: ...


T = TypeVar("T", bound=Opened)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of file: how one is opened and found sound, and what is read of a damaged one."""

    contents: Contents
    sound: Callable[[Path], T]  # StoreDamaged for one that is not
    rescue: Callable[[Path, Path], str]  # from the damaged into the whole one; what is told of it


def open_store(path: Path) -> Store:
    """The conversations. StoreError for a file that cannot be used here."""
    return opened(path, _KIND)


def opened(path: Path, kind: Kind[T]) -> T:
    """What is in the file; its `notice` says where a damaged one has gone."""
    if path.exists() and not _left_off(path).exists():
        with contextlib.suppress(StoreDamaged):
            found = kind.sound(path)
            if not _left_off(path).exists():
                return found
            found.close()  # a rescue began meanwhile, and will put another file in this one's place
    with _alone(path.parent):
        if aside := _aside_of_a_rescue_that_ended(path):
            return _rescued_from(aside, path, kind)
        with contextlib.suppress(StoreDamaged):  # another kullm has put it aside meanwhile
            return kind.sound(path)
        return _begun_anew(path, kind)


@contextlib.contextmanager
def open_to_read(path: Path) -> Iterator[Store]:
    """For looking only: where the disk is full or takes no writes, a copy elsewhere is read in the file's place."""
    with contextlib.ExitStack() as stack:
        try:
            store = Store(path)
        except (StoreBusy, StoreDamaged, StoreMoved):
            raise
        except (NoSpace, StoreError) as error:
            try:
                copy = Path(stack.enter_context(tempfile.TemporaryDirectory())) / path.name
                for ending in ("", "-wal"):
                    if ending == "" or path.with_name(path.name + ending).exists():
                        shutil.copyfile(path.with_name(path.name + ending), copy.with_name(copy.name + ending))
                store = Store(copy)
            except (OSError, NoSpace, StoreError):
                raise error from None
        yield stack.enter_context(store)


def open_again(store: Store) -> Store:
    """In place of one whose file turned out damaged, or was put aside by another kullm that found it so."""
    store.close()
    with _alone(store.path.parent):
        return _sound(store.path) if store.is_moved else _begun_anew(store.path, _KIND)


def _begun_anew(path: Path, kind: Kind[T]) -> T:
    """The damaged file aside, a new one with what can be read of it."""
    return _rescued_from(_put_aside(path, kind.contents), path, kind)


def _rescued_from(aside: Path, path: Path, kind: Kind[T]) -> T:
    """The new file takes its place when it is whole. Where it cannot be made, the damaged one goes back."""
    draft = path.with_name(f"{path.name}.rescued-{os.getpid()}")
    with contextlib.ExitStack() as undo:
        undo.callback(_left_off(path).unlink, missing_ok=True)
        undo.callback(_move, aside, path)
        for ending in _BESIDE:
            undo.callback(draft.with_name(draft.name + ending).unlink, missing_ok=True)
        kind.sound(draft).close()
        told = kind.rescue(aside, draft)
        draft.replace(path)
        undo.pop_all()
    _left_off(path).unlink(missing_ok=True)
    found = kind.sound(path)
    backup = newest_backup(path)
    korean = with_particle(kind.contents, "이/가")
    english = kind.contents.english[:1].upper() + kind.contents.english[1:]
    lines = (
        say(
            f"{korean} 깨져 있어 따로 옮겨 두었어요: {aside}",
            f"{english} were damaged. Their file was put aside: {aside}",
        ),
        told,
        say(f"이전 백업이 있어요: {backup}", f"There is an earlier backup: {backup}") if backup else "",
        found.notice,
    )
    found.notice = "\n".join(filter(None, lines))
    return found


def _sound(path: Path) -> Store:
    store = Store(path)
    try:
        store.conversations(limit=1)
        store.purge_deleted(older_than_s=_KEPT_DELETED_S)
    except StoreError:
        store.close()
        raise
    return store


def _rescue(damaged: Path, whole: Path) -> str:
    from kullm_tui.core.store.salvaged_conversations import rescue_conversations, rescue_text

    return rescue_text(rescue_conversations(damaged, whole))


_KIND = Kind(CONVERSATIONS, _sound, _rescue)


def _left_off(path: Path) -> Path:
    """Says while a rescue goes on which file is being read: one that was killed is begun again."""
    return path.with_name(f"{path.name}.rescuing")


def _aside_of_a_rescue_that_ended(path: Path) -> Path | None:
    """None where there was none, or where conversations were begun since: those are not overwritten."""
    mark = _left_off(path)
    if not mark.exists():
        return None
    aside = path.with_name(mark.read_text())
    if aside.exists() and not path.exists():
        return aside
    mark.unlink()
    return None


def _move(path: Path, to: Path) -> None:
    for ending in _BESIDE:
        file = path.with_name(path.name + ending)
        if file.exists():
            file.rename(to.with_name(to.name + ending))


def _put_aside(path: Path, contents: Contents) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    try:
        _left_off(path).write_text(aside.name)
        _move(path, aside)
    except OSError as error:
        raise StoreError(
            say(
                f"깨진 {with_particle(contents, '을/를')} 옮기지 못했어요({cause_of(error)}): {path}\n폴더의 권한을 확인하세요.",
                f"{contents.english} are damaged and could not be put aside ({cause_of(error)}): {path}\n"
                "Check the permissions of the folder.",
            )
        ) from error
    return aside


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
