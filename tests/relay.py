"""A network with faults: a TCP relay that can swallow everything from now on, or cut every connection, at a byte of one's choosing."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Literal

Fault = Literal["", "black hole", "reset"]
_AT_ONCE = 1 << 14
_AT_ONCE_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: a close sends RST


class Relay:
    """`port` leads to `target`. All counts are of bytes in both directions."""

    def __init__(self, target: int) -> None:
        self.target, self.port, self.passed = target, 0, 0
        self._fault: Fault = ""
        self._after: tuple[int, Fault] | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self.faults = 0

    def heal(self) -> None:
        """New connections pass again; what was swallowed does not come back."""
        self._after, self._fault = None, ""

    def strike(self, fault: Fault, *, after: int = 0) -> None:
        """Once so many more bytes have passed. After a reset new connections pass."""
        self._after = (self.passed + after, fault)
        if not after:
            asyncio.run_coroutine_threadsafe(self._strike(), self._loop).result()

    async def _strike(self) -> None:
        assert self._after
        self.faults += 1
        self._fault, self._after = self._after[1], None
        if self._fault == "reset":
            self._fault = ""
            for writer in [one for one in self._writers if not one.transport.is_closing()]:
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE_RESET)
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault:  # accepted by the kernel, and never answered
            self._writers.add(writer)
            return
        there = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers |= {writer, there[1]}
        await asyncio.gather(self._pass(reader, there[1]), self._pass(there[0], writer))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_AT_ONCE):
                self.passed += len(data)
                if self._after and self.passed >= self._after[0]:
                    await self._strike()
                if not self._fault:
                    writer.write(data)
                    await writer.drain()
        if not self._fault:
            with contextlib.suppress(OSError):
                writer.close()

    async def _main(self, ready: threading.Event) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._end = asyncio.Event()
        ready.set()
        await self._end.wait()
        server.close()
        for writer in self._writers:
            writer.transport.abort()


@contextlib.contextmanager
def relay(target: int) -> Iterator[Relay]:
    one, ready = Relay(target), threading.Event()
    thread = threading.Thread(target=one._loop.run_until_complete, args=(one._main(ready),))
    thread.start()
    ready.wait()
    try:
        yield one
    finally:
        one._loop.call_soon_threadsafe(one._end.set)
        thread.join()
        for task in asyncio.all_tasks(one._loop):
            task.cancel()
        one._loop.run_until_complete(asyncio.sleep(0))
        one._loop.close()
