"""Ctrl-c and SIGTERM ask the run to save and end at its next micro-batch. A second ctrl-c ends it at once; a second SIGTERM is the same request.

A batch system sends SIGTERM to every process of a job, and the supervisor and torchrun pass on what they got: one request comes several times.
"""

import os
import signal
from types import FrameType

STOPPED = 130


class Interrupt:
    def __init__(self) -> None:
        self.wanted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._asked)

    def __call__(self) -> bool:
        return self.wanted

    def _asked(self, number: int, _frame: FrameType | None) -> None:
        if self.wanted and number == signal.SIGINT:
            os._exit(STOPPED)
        self.wanted = True
