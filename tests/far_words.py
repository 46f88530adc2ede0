"""A reply that never ends by itself and notes when each of its words was sent."""

import time
from collections.abc import Iterator

from tests.openai_server import Part, chunk


class Words:
    """1 2 3 …, one every `pause` seconds."""

    def __init__(self, pause: float = 0.02) -> None:
        self._pause = pause
        self.sent: list[float] = []

    def __iter__(self) -> Iterator[Part]:
        while True:
            self.sent.append(time.monotonic())
            yield chunk(f"{len(self.sent)} ")
            yield self._pause

    def waits_for_the_first(self, seconds: float = 240) -> None:
        deadline = time.monotonic() + seconds
        while not self.sent:
            assert time.monotonic() < deadline, "nobody asked"
            time.sleep(0.01)
