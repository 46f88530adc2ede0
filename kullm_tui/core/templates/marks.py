"""What both sides of the process in which templates run agree on: the marks around a reply, the limits, how messages are framed."""

import socket
import struct
import time

# Unicode noncharacters: never part of a text, so a template cannot confuse them with one.
REPLY_BEGINS = "\ufdd1"
REPLY_ENDS = "\ufdd2"

MOST_CHARACTERS = 4_000_000  # of one prompt
MOST_MEMORY = 512 << 20  # address space of the process, of which the interpreter takes a tenth
MOST_CPU_SECONDS = 1.0  # of one rendering
MOST_SECONDS = 5.0  # of one rendering, by the clock: for machines on which others take the processor

RENDERED = b"+"
REFUSED = b"-"

_LENGTH = struct.Struct("!I")
_MOST_BYTES = 4 * MOST_CHARACTERS + 1024


def send(channel: socket.socket, message: bytes) -> None:
    channel.sendall(_LENGTH.pack(len(message)) + message)


def receive(channel: socket.socket, *, most_bytes: int = _MOST_BYTES, until: float | None = None) -> bytes:
    """One message; EOFError where the other side is gone, TimeoutError at `until` (by the monotonic clock)."""
    (length,) = _LENGTH.unpack(_exactly(channel, _LENGTH.size, until))
    if length > most_bytes:
        raise EOFError
    return _exactly(channel, length, until)


def _exactly(channel: socket.socket, length: int, until: float | None) -> bytes:
    content = bytearray()
    while len(content) < length:
        if until is not None:
            channel.settimeout(max(0.001, until - time.monotonic()))
        part = channel.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EOFError
        content += part
    return bytes(content)
