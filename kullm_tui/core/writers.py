"""Who is writing something: `host:pid`, so that what a dead program left unfinished can be told from what is under way."""

import os
import socket


def this_writer() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def is_dead(writer: str) -> bool:
    host, _, pid = writer.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return not writer  # on another machine: nothing can be said from here
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
