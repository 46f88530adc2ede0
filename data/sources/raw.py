"""A row of a file as it stands there, and what is said where a line is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kullm_tui.core.language import say

MOST_BYTES = 64 << 20  # of one row


class RawRow(NamedTuple):
    number: int  # in the file; its line where it has one of its own
    fields: Mapping[str, Any]
    line: int = 0  # where it begins; 0 where a file has no lines


@dataclass(frozen=True)
class BadLine:
    number: int
    fault: str
    reason: str = "unreadable"
    of_file: bool = False  # not of a row alone: what stands behind it may be lost, or read as something else


@dataclass(frozen=True)
class Layout:
    """How a table is written, where its file does not say."""

    header: tuple[str, ...] = ()  # the columns of a CSV or TSV whose first line is a row already
    quoted: bool = True  # whether quotes around a cell mean anything
    inside: str = ""  # the name of the array in the object that a JSON file is


USUAL = Layout()


Raw = RawRow | BadLine


def not_utf_8() -> str:
    return say("UTF-8이 아니에요", "not UTF-8")
