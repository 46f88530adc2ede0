"""Whose the folders are that kullm believes: settings, keys, the engine's address and compiled kernels are read only where nobody else can write.

As OpenSSH's StrictModes: a folder belongs to the user or to root, and others may not write there. A group may where it is the user's own,
as many systems set it up. Above it nobody may put another folder in its place.
"""

import contextlib
import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say


def check_homes() -> None:
    """Every folder of kullm's own that is there already, before anything in it is read."""
    for folder in paths.own_folders():
        check_folder(folder)
        for above in folder.parents:
            _check_above(above)


def check_file(path: Path) -> None:
    """A file of kullm's own. One that is not there can do no harm."""
    try:
        link, status = path.lstat(), path.stat()
    except FileNotFoundError:
        return
    if {link.st_uid, status.st_uid} - {os.getuid(), 0} or not stat.S_ISREG(status.st_mode):
        raise _not_ours(path, f"mv {shlex.quote(str(path))} {shlex.quote(f'{path}.old')}")
    if status.st_mode & 0o022 and not _only_ours(status):
        raise _writable(path)


def check_folder(folder: Path) -> None:
    try:
        status = folder.stat()
    except OSError:  # not there, or no folder: whoever wants to use it says so
        return
    if status.st_uid not in (os.getuid(), 0):
        raise _not_ours(folder, f"sudo chown -R {os.getuid()} {shlex.quote(str(folder))}")
    if status.st_mode & 0o022 and not _only_ours(status):
        raise _writable(folder)


def _check_above(folder: Path) -> None:
    """Who owns it is not ours to say; but anybody may put another folder in the place of ours where all may write."""
    with contextlib.suppress(OSError):
        mode = folder.stat().st_mode
        if mode & 0o002 and not mode & stat.S_ISVTX:
            raise _writable(folder)


def _only_ours(status: os.stat_result) -> bool:
    """Writable by a group that has no other member."""
    if status.st_mode & 0o002:
        return False
    try:
        user, group = pwd.getpwuid(os.getuid()), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    return status.st_gid == user.pw_gid and set(group.gr_mem) <= {user.pw_name}


def _not_ours(path: Path, command: str) -> ConfigError:
    return ConfigError(
        say(
            f"다른 사용자의 것이라 읽지 않았어요: {path}\n내 것이 맞다면 이렇게 고치세요: {command}",
            f"it belongs to another user and was not read: {path}\nIf it is yours, mend it with: {command}",
        )
    )


def _writable(path: Path) -> ConfigError:
    command = f"chmod go-w {shlex.quote(str(path))}"
    return ConfigError(
        say(
            f"다른 사람이 바꿀 수 있는 곳이라 읽지 않았어요: {path}\n이렇게 고치세요: {command}",
            f"others may write there, so nothing was read: {path}\nMend it with: {command}",
        )
    )
