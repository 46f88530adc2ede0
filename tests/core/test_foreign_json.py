"""A stranger's JSON ends, is of bounded depth, and its faults are all of one kind."""

import os
from pathlib import Path

import pytest

from kullm_tui.core.foreign_json import BadJson, parsed, read
from kullm_tui.core.regular_files import BadFile


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("times", [65, 1_000, 100_000])
def test_deep_nesting_is_refused_however_deep(opening: str, times: int) -> None:
    closing = "".join({"[": "]", "{": "}"}[one] for one in reversed(opening) if one in "[{")

    with pytest.raises(BadJson):
        parsed(opening * times + "1" + closing * times)
    with pytest.raises(ValueError):  # noqa: PT011 - the parser's own, where it is cut short
        parsed(opening * times)


def test_what_is_ordinary_is_read() -> None:
    assert parsed("[" * 60 + "]" * 60)
    assert parsed('{"weight_map": {"a": "[[[[["}}') == {"weight_map": {"a": "[[[[["}}
    assert parsed(b"[1, 2.5, null]") == [1, 2.5, None]


def test_a_file_larger_than_allowed_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "large.json"
    with file.open("wb") as written:
        written.truncate(1 << 40)  # a hole: it takes no room

    with pytest.raises(BadFile, match="바이트|more than"):
        read(file)


@pytest.mark.parametrize("kind", ["pipe", "device", "link to a device", "socket folder"])
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "config.json"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "device":
        file = Path("/dev/zero")
    elif kind == "link to a device":
        file.symlink_to("/dev/zero")
    else:
        file.mkdir()

    with pytest.raises((BadFile, IsADirectoryError)):
        read(file)
