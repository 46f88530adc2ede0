"""TensorBoard's event files, written without TensorBoard: it is 54 MB with grpcio and its server, and what is written here is a page.

A file is records, a record is

    length u64 | masked CRC-32C of the length u32 | Event | masked CRC-32C of the Event u32          little-endian

and an Event is a protocol buffer (tensorboard/compat/proto/event.proto and summary.proto say which field has which number). What its own
reader makes of them is held against the job's rows by a test.
"""

import struct
from collections.abc import Mapping
from typing import Any

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_DT_STRING = 7
_START = 1  # of a SessionLog: what stands at its step and behind it is no longer true
_MASK = 0xA282EAD8
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, reflected


def _table() -> tuple[int, ...]:
    def entry(value: int) -> int:
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        return value

    return tuple(map(entry, range(256)))


_CRC = _table()


def record(event: bytes) -> bytes:
    length = struct.pack("<Q", len(event))
    return length + _masked_crc(length) + event + _masked_crc(event)


def _masked_crc(data: bytes) -> bytes:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _CRC[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF)


def version(time: float) -> bytes:
    """The first event of every file."""
    return _event(time) + _bytes(3, b"brain.Event:2")


def restart(time: float, step: int) -> bytes:
    """A stretch is repeated from this step on."""
    return _event(time, step) + _bytes(7, _whole(1, _START))


def scalars(time: float, step: int, values: Mapping[str, float]) -> bytes:
    """A row: one event, however many values."""
    return _summary(time, step, *(_text(1, name) + _float(2, value) for name, value in values.items()))


def texts(time: float, step: int, found: Mapping[str, str]) -> bytes:
    """Shown as Markdown."""
    return _summary(time, step, *(_text(1, name) + _plugin("text") + _string(text) for name, text in found.items()))


def hyper_parameters(time: float, values: Mapping[str, Any]) -> bytes:
    """What the tab HPARAMS lists beside a run."""
    entries = b"".join(_bytes(1, _text(1, name) + _bytes(2, _value(value))) for name, value in values.items())
    session = _bytes(3, entries + _double(5, time))  # session_start_info
    tensor = _bytes(8, _whole(1, 1) + _bytes(2, b""))  # a summary without any value is passed over
    return _summary(time, 0, _text(1, "_hparams_/session_start_info") + _plugin("hparams", session) + tensor)


def _event(time: float, step: int = 0) -> bytes:
    return _double(1, time) + _whole(2, step)


def _summary(time: float, step: int, *values: bytes) -> bytes:
    return _event(time, step) + _bytes(5, b"".join(_bytes(1, value) for value in values))


def _plugin(name: str, content: bytes = b"") -> bytes:
    return _bytes(9, _bytes(1, _text(1, name) + (_bytes(2, content) if content else b"")))


def _string(text: str) -> bytes:
    """A tensor of one string."""
    shape = _bytes(2, _whole(1, 1))
    return _bytes(8, _whole(1, _DT_STRING) + _bytes(2, shape) + _bytes(8, text.encode()))


def _value(value: Any) -> bytes:
    """google.protobuf.Value"""
    if isinstance(value, bool):
        return _whole(4, int(value))
    return _double(2, value) if isinstance(value, int | float) else _text(3, str(value))


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _whole(field: int, value: int) -> bytes:
    return _key(field, _VARINT) + _varint(value)


def _double(field: int, value: float) -> bytes:
    return _key(field, _FIXED64) + struct.pack("<d", value)


def _float(field: int, value: float) -> bytes:
    """Beyond what 32 bits hold it is infinite, as TensorBoard's own writer has it."""
    try:
        return _key(field, _FIXED32) + struct.pack("<f", value)
    except OverflowError:
        return _key(field, _FIXED32) + struct.pack("<f", float("inf") if value > 0 else float("-inf"))


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, _BYTES) + _varint(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())
