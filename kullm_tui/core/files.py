"""Small files published whole: a reader sees the old text or the new one, never a part."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.errors import ConfigError, KullmError, NoSpace
from kullm_tui.core.language import say

_DOOMED = ".doomed-"


def is_there(path: Path) -> bool:
    """A name that no file can have is not there."""
    try:
        return path.exists()
    except OSError:
        return False


def discard(folder: Path) -> None:
    """Delete a folder so that it is never seen half deleted under its own name."""
    with suppress(FileNotFoundError):
        folder.replace(folder.with_name(f"{_DOOMED}{os.getpid()}-{folder.name}"))
    for doomed in folder.parent.glob(f"{_DOOMED}*"):
        shutil.rmtree(doomed, ignore_errors=True)


def publish(path: Path, text: str, *, mode: int) -> None:
    """Write the file through a neighbour of it; a symbolic link keeps pointing to where it pointed."""
    publish_bytes(path, text.encode("utf-8"), mode=mode)


def publish_bytes(path: Path, content: bytes, *, mode: int) -> None:
    target = path.resolve()
    with told_in_words(path):
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        finally:
            Path(name).unlink(missing_ok=True)


def clear_drafts(folder: Path, name: str = "*") -> None:
    """What writers of such files left that were killed; for one who is alone with them."""
    for draft in folder.glob(f".{name}.*"):
        draft.unlink(missing_ok=True)


@contextmanager
def told_in_words(path: Path) -> Iterator[None]:
    """Why this file could not be written, and what to do."""
    try:
        yield
    except OSError as error:
        raise _translated(error, path) from error


def sync_folder(folder: Path) -> None:
    """What was renamed in it stays so, should the machine stop now."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _translated(error: OSError, path: Path) -> KullmError:
    reason = cause_of(error)
    if is_full(error):
        return NoSpace(
            say(
                f"디스크가 가득 차서 파일을 쓰지 못했어요: {path}\n공간을 비우고 다시 해 보세요.",
                f"the disk is full: {path} was not written. Free some space and try again.",
            )
        )
    return ConfigError(
        say(
            f"파일을 쓰지 못했어요({reason}): {path}\n폴더의 권한을 확인하거나 다른 곳에 써 보세요. kullm의 폴더는 KULLM_HOME으로 바꿔요.",
            f"a file could not be written ({reason}): {path}\n"
            "Check the folder's permissions, or write elsewhere; kullm's own folders are moved with KULLM_HOME.",
        )
    )
