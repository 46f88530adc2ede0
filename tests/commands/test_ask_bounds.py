"""An endpoint that never stops sending, or sends little that stands for much: bounded in memory and time, told, and what came is kept."""

import gzip
import os
import re
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import cache
from pathlib import Path

import pytest

from tests.commands.asking import ASK, messages
from tests.kullm_command import kullm
from tests.openai_server import OpenAIServer, Part, Reply, chunk, event, refuses

# The program alone takes about a quarter of it.
_MOST_RESIDENT_KIB = 400 << 10
_MEGABYTE = b"x" * (1 << 20)


def _endless(piece: Part) -> Iterator[Part]:
    yield chunk("여기까지는 ")
    yield chunk("왔어요.")
    while True:
        yield piece
        yield 0.0  # so that the server sees the client leave


def _packed(coding: str, bomb: Callable[[], bytes]) -> Callable[[], Reply]:
    return lambda: Reply([bomb()], headers={"content-encoding": coding})


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(_MEGABYTE) for _ in range(1000)) + packer.flush()


_TOLD_PACKED, _TOLD_LONG = "압축 형식으로 답해서", "끝나지 않는 답"

# What is done to it: the reply, what is told, and whether something came that is kept.
_ATTACKS: dict[str, tuple[Callable[[], Reply], str, bool]] = {
    "gzip bomb": (_packed("gzip", _bomb), _TOLD_PACKED, False),
    "nested gzip bomb": (_packed("gzip, gzip", lambda: gzip.compress(_bomb())), _TOLD_PACKED, False),
    "deflate bomb": (_packed("deflate", lambda: zlib.compress(_MEGABYTE * 200)), _TOLD_PACKED, False),
    "brotli": (_packed("br", _bomb), _TOLD_PACKED, False),
    "zstd": (_packed("zstd", _bomb), _TOLD_PACKED, False),
    "300 MB in one line": (lambda: Reply([chunk("왔어요."), "data: ", *[_MEGABYTE] * 300]), _TOLD_LONG, True),
    "one event of endless lines": (lambda: Reply(_endless(b"data: {}\n" * 1000)), _TOLD_LONG, True),
    "endless reply": (lambda: Reply(_endless(chunk("가" * 3000))), _TOLD_LONG, True),
    "endless thinking": (
        lambda: Reply(_endless(event({"choices": [{"index": 0, "delta": {"reasoning_content": "음" * 3000}}]}))),
        _TOLD_LONG,
        True,
    ),
    "endless comments": (lambda: Reply(_endless(b": still here\n\n" * 10_000)), _TOLD_LONG, True),
    "endless JSON": (lambda: Reply(_endless(_MEGABYTE), media_type="application/json"), _TOLD_LONG, False),
    "endless refusal": (lambda: Reply(_endless(_MEGABYTE), 500, {}, "application/json"), _TOLD_LONG, False),
    "redirect to itself": (
        lambda: Reply([], 307, {"location": "/v1/chat/completions"}),
        "다른 주소로 가라고 해요",
        False,
    ),
}


@pytest.mark.parametrize("attack", _ATTACKS)
def test_an_answer_without_bounds_is_ended_told_and_kept_as_far_as_it_came(
    home: Path, server: OpenAIServer, attack: str
) -> None:
    reply, told, is_kept = _ATTACKS[attack]
    server.script.extend(reply() for _ in range(3))

    code, out, faults, resident_kib = measured_ask(home)

    assert code == 1
    assert told in faults
    assert len(faults.strip().splitlines()) == 1
    assert resident_kib < _MOST_RESIDENT_KIB
    if is_kept:
        assert "왔어요." in out
        last = messages(home)[-1]
        assert last["state"] == "failed"
        assert "왔어요." in last["content"]


def test_headers_without_an_end_are_told(home: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=_send_headers, args=(listener,), daemon=True).start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        (home / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{address}"}}]\n')

        code, _, faults, resident_kib = measured_ask(home)

    assert code == 1
    assert "연결하지 못했어요" in faults
    assert resident_kib < _MOST_RESIDENT_KIB


def _send_headers(listener: socket.socket) -> None:
    with suppress(OSError):
        while True:
            connection, _ = listener.accept()
            with connection, suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    connection.sendall(b"x-more: " + b"y" * 8000 + b"\r\n")


def measured_ask(home: Path) -> tuple[int, str, str, int]:
    """Exit code, what was printed, what was told, and the most memory that it took."""
    with (home / "out").open("wb") as out, (home / "faults").open("wb") as faults:
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "kullm_tui", *ASK, "--yes", "안녕?"],
            env={**os.environ, "KULLM_HOME": str(home), "KULLM_LANG": "ko"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=faults,
        )
        resident = 0  # not what wait4 tells: that is never less than what the tests themselves hold
        while child.poll() is None:
            resident = max(resident, _most_resident_kib(child.pid))
            time.sleep(0.01)
    texts = [(home / name).read_text(errors="replace") for name in ("out", "faults")]
    assert resident > 10_000
    print(f"{child.returncode} {resident >> 10} MiB: {texts[1].strip()}")
    return child.returncode, texts[0], texts[1], resident


def _most_resident_kib(pid: int) -> int:
    with suppress(OSError):
        told = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(told[1]) if told else 0
    return 0


def test_a_key_that_the_endpoint_repeats_is_neither_shown_nor_stored(home: Path, server: OpenAIServer) -> None:
    secret = "sk-echoed-by-the-endpoint"
    (home / "config.toml").write_text(
        f'endpoints = [{{name = "home", base_url = "{server.base_url}", key = "HOME_KEY"}}]\n'
    )
    for options in ([], ["--debug"]):
        server.script.append(refuses(400, f"no: Bearer {secret}"))
        done = kullm(home, *ASK, "--yes", *options, "안녕?", env={"HOME_KEY": secret})
        assert done.returncode == 1
        assert secret not in done.stdout + done.stderr
    assert secret.encode() not in b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
