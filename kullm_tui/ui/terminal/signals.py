"""An app that is told to end puts the terminal back in order, and a reply in progress ends as a stopped one."""

import asyncio
import os
import signal
from collections.abc import Callable

_SIGNALLED = 128
_LAST_WORDS_SECONDS = 4.0  # after which a terminal that has gone away no longer holds the process


def end_on_signals(end: Callable[[int], None]) -> None:
    """`end` is called in the running loop, with the exit code."""

    def signalled(number: int) -> None:
        # A terminal that was closed takes no more output, and Textual waits for it to be written.
        signal.signal(signal.SIGALRM, lambda *_: os._exit(_SIGNALLED + number))
        signal.setitimer(signal.ITIMER_REAL, _LAST_WORDS_SECONDS)
        end(_SIGNALLED + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, signalled, number)
