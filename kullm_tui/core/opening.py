"""Opening the conversations for the app, which must come up whatever the file is like.

A damaged file is kept aside under a name that says when, and what can be read of it goes into a new one. A newer kullm's is refused, untouched.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from kullm_tui.core.database_errors import newest_backup
from kullm_tui.core.errors import StoreDamaged, StoreError
from kullm_tui.core.language import say
from kullm_tui.core.store import Store

_KEPT_DELETED_S = 7 * 86400.0
# What SQLite may have beside the file belongs to it: a new file must never find the log of the old one.
_BESIDE = ("-wal", "-shm", "-journal", "")


def open_store(path: Path) -> Store:
    """The store; its `notice` says where a damaged file has gone. StoreError for one that cannot be used here."""
    with contextlib.suppress(StoreDamaged):
        return _sound(path)
    with _alone(path.parent):
        with contextlib.suppress(StoreDamaged):  # another kullm has put it aside meanwhile
            return _sound(path)
        return _begun_anew(path)


def open_again(store: Store) -> Store:
    """In place of one whose file turned out damaged, or was put aside by another kullm that found it so."""
    store.close()
    with _alone(store.path.parent):
        return _sound(store.path) if store.is_moved else _begun_anew(store.path)


def _begun_anew(path: Path) -> Store:
    """The damaged file aside, a new one with what can be read of it."""
    from kullm_tui.core.rescue import rescue, told

    aside = _put_aside(path)
    _sound(path).close()
    rescued = rescue(aside, path)
    store = _sound(path)
    backup = newest_backup(path)
    lines = (
        say(
            f"대화 파일이 깨져 있어 따로 옮겨 두었습니다: {aside}",
            f"The conversations were damaged. Their file was put aside: {aside}",
        ),
        told(rescued),
        say(f"이전 백업이 있습니다: {backup}", f"There is an earlier backup: {backup}") if backup else "",
        store.notice,
    )
    store.notice = "\n".join(filter(None, lines))
    return store


def _sound(path: Path) -> Store:
    store = Store(path)
    try:
        store.conversations(limit=1)
        store.purge_deleted(older_than_s=_KEPT_DELETED_S)
    except StoreError:
        store.close()
        raise
    return store


def _put_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}")
    try:
        for ending in _BESIDE:
            file = path.with_name(path.name + ending)
            if file.exists():
                file.rename(aside.with_name(aside.name + ending))
    except OSError as error:
        raise StoreError(
            say(
                f"깨진 대화 파일을 옮기지 못했습니다({error.strerror}): {path}\n폴더의 권한을 확인하세요.",
                f"the damaged conversations could not be put aside ({error.strerror}): {path}\n"
                "Check the permissions of its folder.",
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
