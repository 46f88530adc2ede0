"""Connections that hold up nobody: half a request has its time, and where there are too many, those that say nothing go first.

A connection costs a descriptor before any token was seen. So it has seconds to say what it wants; all of them together are kept below what the
system gives, and whoever comes when the room is full takes the place of the one that has been silent longest. Only where everybody is being
answered is a newcomer sent away, with 503 and when to come again.
"""

import asyncio
import ipaddress
import json
import logging
import resource
import time
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from kullm_tui.engine.wire_errors import RETRY_SECONDS, error_object, too_busy

logger = logging.getLogger(__name__)

_HEADER_SECONDS = 10.0  # from the connection, or the end of the last answer, to the last header
_BODY_SECONDS = 30.0  # between two pieces of a body
_MOST = 1024
_MOST_FROM_AFAR = 128  # from one address that is not this machine
ACCEPTED_AT_ONCE = (
    32  # several turns of the loop pass between accepting a connection and closing the one that it replaces
)
_RESERVED_DESCRIPTORS = 256  # those, and weights, logs, sockets of our own
_LOG_SECONDS = 60.0


def most_connections() -> int:
    """The system's limit is raised as far as it lets itself be raised."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return max(16, min(_MOST, soft - _RESERVED_DESCRIPTORS)) if soft != resource.RLIM_INFINITY else _MOST


class _Turned:
    """How many were turned away or dropped, told once a minute."""

    def __init__(self) -> None:
        self._count, self._told = 0, -_LOG_SECONDS

    def one(self, why: str) -> None:
        self._count += 1
        if time.monotonic() - self._told >= _LOG_SECONDS:
            logger.warning(
                "%d connections were closed before they asked anything, the last because %s", self._count, why
            )
            self._count, self._told = 0, time.monotonic()


_turned = _Turned()


class PatientProtocol(H11Protocol):
    most = _MOST  # set once by whoever starts the server

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.silent_since = self.loop.time()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self._makes_room():
            self._expect(_HEADER_SECONDS)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self.silent_since = self.loop.time()
        super().data_received(data)
        if not self._is_asking:
            self._relax()
        elif self._is_reading_a_body:
            self._expect(_BODY_SECONDS)
        elif self._timer is None:
            self._expect(_HEADER_SECONDS)

    def on_response_complete(self) -> None:
        self.silent_since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relax()
        super().connection_lost(exc)

    @property
    def _is_answered(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _is_reading_a_body(self) -> bool:
        return self._is_answered and self.cycle.more_body

    @property
    def _is_asking(self) -> bool:
        """Not everything that it wants to say has arrived."""
        return not self._is_answered or self._is_reading_a_body

    def _makes_room(self) -> bool:
        """False where it was turned away itself."""
        others = [one for one in self.connections if one is not self and isinstance(one, PatientProtocol)]
        near = [one for one in others if one.client and self.client and one.client[0] == self.client[0]]
        if self.client and not _is_here(self.client[0]) and len(near) >= _MOST_FROM_AFAR:
            return self._takes_the_place_of_one(near)
        return len(others) < self.most or self._takes_the_place_of_one(others)

    def _takes_the_place_of_one(self, others: "list[PatientProtocol]") -> bool:
        silent = [one for one in others if one._is_asking and not one.transport.is_closing()]
        if silent:
            min(silent, key=lambda one: one.silent_since).drop("others needed its place")
            return True
        _turned.one("everybody is being answered")
        self.transport.write(_come_again())
        self.transport.close()
        return False

    def drop(self, why: str) -> None:
        _turned.one(why)
        self._relax()
        self.transport.abort()

    def _expect(self, seconds: float) -> None:
        self._relax()
        self._timer = self.loop.call_later(seconds, self.drop, "half a request was all that came")

    def _relax(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def owner_of(client: tuple[str, int] | None) -> str:
    """Whose turn a connection takes: those from afar share their address (of IPv6 the network, whose addresses are free).

    From this machine come other programs of its users, and a proxy with everybody's requests: there each connection stands for itself.
    """
    if client is None:
        return ""
    address, port = client
    if _is_here(address):
        return f"{address} {port}"
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return str(parsed if parsed.version == 4 else ipaddress.ip_network((parsed, 64), strict=False))


def _is_here(address: str) -> bool:
    return address == "::1" or address.startswith(("127.", "::ffff:127."))


def _come_again() -> bytes:
    body = json.dumps(error_object(too_busy())[1], ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 503 Service Unavailable\r\nRetry-After: {RETRY_SECONDS}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
