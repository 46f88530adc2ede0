"""Who is writing something: `host:pid@start`, so that what a dead program left unfinished can be told from what is under way."""

import os
import socket
from pathlib import Path


def this_writer() -> str:
    return f"{socket.gethostname()}:{os.getpid()}@{_started(os.getpid())}"


def is_dead(writer: str) -> bool:
    host, _, process = writer.rpartition(":")
    pid, _, started = process.partition("@")
    if host != socket.gethostname() or not pid.isdigit():
        return not writer  # on another machine: nothing can be said from here
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return bool(started) and started != _started(int(pid))


def is_elsewhere(writer: str) -> bool:
    """On another machine, where nobody can look from here whether it still runs."""
    return writer.rpartition(":")[0] != socket.gethostname()


def _started(pid: int) -> str:
    """When the process began, in the kernel's ticks: after a reboot a number is another program's. Empty on macOS."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
