"""Ctrl-c and SIGTERM: the first asks the run to save and end at its next micro-batch, the second ends it at once."""

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

    def _asked(self, _number: int, _frame: FrameType | None) -> None:
        if self.wanted:
            os._exit(STOPPED)
        self.wanted = True
