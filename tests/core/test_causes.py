"""A foreign error's cause, in the reader's language alone."""

import errno
import json
import os
import re
import socket
import sqlite3
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from kullm_tui.core.causes import cause_of, connection_cause


def _closed_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


def _refused() -> None:
    httpx2.get(f"http://127.0.0.1:{_closed_port()}/")


def _no_such_host() -> None:
    httpx2.get("http://kullm.invalid/")


def _no_table() -> None:
    sqlite3.connect(":memory:").execute("SELECT * FROM missing")


FAILURES: dict[str, tuple[Callable[[], object], str]] = {
    "a missing file": (lambda: Path("/no/such/file").read_text(), "파일이나 폴더가 없음"),
    "a folder for a file": (lambda: Path("/").read_text(), "파일이 아니라 폴더임"),
    "text that is no UTF-8": (lambda: b"\xff".decode(), "UTF-8이 아님"),
    "broken JSON": (lambda: json.loads('{"a":\n 1,}'), "2번째 줄 4번째 글자"),
    "broken TOML": (lambda: tomllib.loads("a = 1\nb = ="), "2번째 줄 5번째 글자"),
    "a missing name": (lambda: dict[str, int]()["scores"], "scores 항목이 없음"),
    "a program that hangs": (lambda: subprocess.run(["sleep", "9"], timeout=0.01), "시간 초과"),
    "a missing table": (_no_table, "SQLite 오류 SQLITE_ERROR"),
}


@pytest.fixture(autouse=True)
def _korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")


@pytest.mark.parametrize("failure", FAILURES)
def test_a_cause_is_told_in_korean_alone(failure: str) -> None:
    fail, korean = FAILURES[failure]
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each of these fails in its own way
        fail()

    assert cause_of(caught.value) == korean


def test_every_error_of_the_system_is_told_without_an_english_sentence() -> None:
    for number in errno.errorcode:
        told = cause_of(OSError(number, os.strerror(number)))
        assert re.search("[가-힣]", told), number
        assert not re.search(r"[a-z]+ [a-z]+", told), told


def test_in_english_the_systems_own_words_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")

    assert cause_of(OSError(errno.ENOENT, "No such file or directory")) == "No such file or directory"


@pytest.mark.parametrize(("fail", "korean"), [(_refused, "연결을 받지 않음"), (_no_such_host, "주소를 찾을 수 없음")])
def test_a_connection_that_fails_says_why(fail: Callable[[], None], korean: str) -> None:
    with pytest.raises(httpx2.ConnectError) as caught:
        fail()

    assert connection_cause(caught.value) == korean


def test_why_it_failed_is_found_below_the_words_of_whoever_passed_it_on() -> None:
    """OpenAI's SDK says "Connection error." of each."""
    with pytest.raises(httpx2.ConnectError) as caught:
        _no_such_host()
    passed_on = RuntimeError("Connection error.")
    passed_on.__cause__ = caught.value
    assert connection_cause(passed_on) == "주소를 찾을 수 없음"
