"""What must not meet a forward, such as attaching an adapter: it is done between two tokens, in the order it was asked for."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

from kullm_tui.core.errors import KullmError
from kullm_tui.engine.failures import as_kullm_error

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.02


class Tasks:
    def __init__(self, structure: threading.Lock) -> None:
        """Tasks may change the model's layers, so each is done under `structure`."""
        self._structure = structure
        self._waiting: deque[_Task] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, run: Callable[[], object]) -> "Future[object]":
        task = _Task(run)
        self._waiting.append(task)
        return task.outcome

    def do(self, *, nothing_else: bool) -> None:
        """All of them, or none while a beam search looks at the model's layers."""
        if not self._waiting:
            return
        if not self._structure.acquire(blocking=False):
            if nothing_else:
                time.sleep(_LOOK_SECONDS)
            return
        try:
            while self._waiting:
                self._waiting.popleft().do()
        finally:
            self._structure.release()

    def refuse(self) -> None:
        """The model is leaving."""
        while self._waiting:
            self._waiting.popleft().refuse()


def refused() -> "Future[object]":
    """The outcome of a task that came too late."""
    outcome: Future[object] = Future()
    outcome.set_exception(as_kullm_error(None))
    return outcome


class _Task:
    def __init__(self, run: Callable[[], object]) -> None:
        self.outcome: Future[object] = Future()
        self._run = run

    def do(self) -> None:
        if not self.outcome.set_running_or_notify_cancel():  # whoever wanted it may have left
            return
        try:
            result = self._run()
        except KullmError as error:
            self.outcome.set_exception(error)
        except Exception as error:  # the engine's request edge: a task's fault is its client's alone
            logger.exception("a task between tokens failed")
            self.outcome.set_exception(as_kullm_error(error))
        else:
            self.outcome.set_result(result)

    def refuse(self) -> None:
        if self.outcome.set_running_or_notify_cancel():
            self.outcome.set_exception(as_kullm_error(None))
