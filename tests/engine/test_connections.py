"""Whoever holds connections and asks nothing holds up nobody."""

import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kullm_tui.engine.life import open_socket
from tests.attackers import HALF_SENT, connections
from tests.engine.server import Server, serving
from tests.tiny_models import save_model

FEW = 512


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attacked")


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[Server]:
    """One for all: what one attack left would be met by the next."""
    model = save_model(place / "model", "gpt_neox")
    with serving(place / "home", "-m", f"tiny={model}", descriptors=FEW) as started:
        started.chat("tiny", "안녕?")
        yield started


@pytest.mark.parametrize("sent", HALF_SENT.values(), ids=HALF_SENT)
def test_an_honest_client_is_answered_while_others_hold_connections(server: Server, place: Path, sent: bytes) -> None:
    with connections(server.url, 2 * FEW, sent):
        for _ in range(3):
            assert server.chat("tiny", "안녕?")["choices"]
    log = (place / "serve.log").read_text()
    assert "Traceback" not in log
    assert len(log) < 20_000


def test_half_a_request_ends_by_itself(server: Server) -> None:
    with connections(server.url, 20, HALF_SENT["half a head"]) as held:
        for one in held:
            with contextlib.suppress(ConnectionResetError):
                assert one.recv(1) == b"", "the time-out of the socket is longer than that of the engine"


def test_a_body_that_comes_slowly_but_steadily_is_read(server: Server) -> None:
    body = b'{"model": "tiny", "max_tokens": 2, "messages": [{"role": "user", "content": "hi"}]}'
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {server.token}\r\nContent-Length: {len(body)}\r\n\r\n"
    with connections(server.url, 1, head.encode()) as [one]:
        for byte in body:
            one.sendall(bytes([byte]))
        assert b" 200 " in one.recv(100)


def test_answers_of_several_segments_are_not_held_back() -> None:
    """asyncio turns Nagle's algorithm off for sockets that say they are TCP, and ours did not."""
    listener = open_socket("127.0.0.1", 0)
    with listener, socket.create_connection(listener.getsockname()) as client:
        accepted, _ = listener.accept()
        with accepted, client:
            assert accepted.proto == socket.IPPROTO_TCP


def test_what_is_under_way_when_the_server_ends_is_told_so(tmp_path: Path) -> None:
    model = save_model(tmp_path / "tiny", "gpt_neox")
    home = tmp_path / "home"
    with serving(home, "--model", f"tiny={model}") as server, ThreadPoolExecutor() as others:
        body = {"model": "tiny", "prompt": ["구름"] * 60, "n": 16, "max_tokens": 400}
        asked = [others.submit(server.post, "/v1/completions", body) for _ in range(2)]
        while server.get("/health").json()["active_requests"] < 2:
            time.sleep(0.05)
        server.process.terminate()
        answers = [one.result() for one in asked]
        server.process.wait(60)
    assert [(one.status_code, "Retry-After" in one.headers) for one in answers] == [(503, True)] * 2
    assert "Traceback" not in (tmp_path / "serve.log").read_text()
