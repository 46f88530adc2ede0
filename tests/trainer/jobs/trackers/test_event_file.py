"""The bytes of TensorBoard's event files, where they are fixed from outside: CRC-32C's check value, and the frame of a record."""

import struct

from trainer.jobs.trackers import event_file


def test_a_record_is_framed_by_masked_checksums_of_castagnoli() -> None:
    record = event_file.record(b"123456789")
    length, crc_of_length, event, crc = struct.unpack("<QI9sI", record)
    assert (length, event) == (9, b"123456789")
    check = 0xE3069283  # of these nine digits, in every catalogue of CRCs
    assert crc == ((check >> 15 | check << 17) + 0xA282EAD8) % 2**32
    assert crc_of_length != crc


def test_a_number_too_large_for_its_field_is_infinite_there() -> None:
    assert struct.pack("<f", float("inf")) in event_file.scalars(1.0, 1, {"loss": 1e300})
    assert struct.pack("<f", float("-inf")) in event_file.scalars(1.0, 1, {"loss": -1e300})
