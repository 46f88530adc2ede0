"""The process in which strangers' templates run: it holds no file but its channel, no secret, and ends when it takes too much.

Started by `render_process` with nothing of the user's environment; whatever runs in here can answer text, and nothing else.
"""

import json
import resource
import signal
import socket
from contextlib import suppress

from kullm_tui.core.templates.marks import (
    MOST_CPU_SECONDS,
    MOST_MEMORY,
    REFUSED,
    RENDERED,
    receive,
    send,
)
from kullm_tui.core.templates.sandbox import TemplateFault, rendered

_MOST_REQUEST = MOST_MEMORY // 8


def serve() -> None:
    channel = socket.socket(fileno=0)
    _give_up()
    while True:
        try:
            request = receive(channel, most_bytes=_MOST_REQUEST)
        except (EOFError, OSError):
            return
        # The kernel ends the process when its time is up: nothing that runs in here can hold that off.
        signal.setitimer(signal.ITIMER_PROF, MOST_CPU_SECONDS)
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        send(channel, answer)


def _answer(request: bytes) -> bytes:
    try:
        source, variables = json.loads(request.decode("utf-8", "surrogatepass"))
        return RENDERED + rendered(source, variables).encode("utf-8", "surrogatepass")
    except TemplateFault as fault:
        return REFUSED + str(fault).encode("utf-8", "replace")
    except MemoryError:
        return REFUSED + b"it needs too much memory"


def _give_up() -> None:
    """Memory, and every right to open, write or start anything."""
    _import_the_rest()
    for what, most in (
        (resource.RLIMIT_AS, MOST_MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        try:
            resource.setrlimit(what, (most, most))
        except (OSError, ValueError):  # macOS bounds no address space
            continue


def _import_the_rest() -> None:
    """Jinja and Python import some of themselves when first used: once here, while files may still be opened."""
    rendered("{{ strftime_now('%Y') }}{{ [{'a': 1}] | tojson | wordwrap(5) | urlize | title | indent }}", {})
    with suppress(TemplateFault):
        rendered("{{ raise_exception('') }}", {})
    with suppress(TemplateFault):
        rendered("{% for", {})
