"""What is done to a server to hurt it: for the tests, the fuzzing and the one command that does all of it."""

import contextlib
import json
import resource
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

HALF_SENT = {
    "nothing": b"",
    "half a head": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    "half a body": b"POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer test-key\r\nContent-Length: 9000\r\n\r\n{",
    "no token": b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer wrong\r\n\r\n",
}

MESSAGES = [{"role": "user", "content": "안녕?"}]
MARKS = "\u0301\u0323"  # in two classes, so that composing sorts them

# The path, the fields beside the usual ones, and what the refusal names.
REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("chat/completions", {"logit_bias": {"9" * 5_000: 1}}, "logit_bias"),
    ("chat/completions", {"logit_bias": {"-1": 1}}, "logit_bias"),
    ("chat/completions", {"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}] * 1_001}]}, "content"),
    ("completions", {"prompt": ["가", "가", "가"], "num_beams": 2}, "beam"),
    ("completions", {"prompt": "가", "num_beams": 2, "echo": True, "logprobs": 1}, "beam"),
    ("completions", {"prompt": ["가"] * 65, "n": 16}, "n must not exceed"),
    ("completions", {"prompt": [2**31]}, "prompt"),
)  # fmt: skip

HUGE_FAULTS = {
    "a hundred thousand faults": b'{"model": "tiny", "messages": [' + b"null," * 400_000 + b"null]}",
    "nested": b'{"model": "tiny", "messages": ' + b"[" * 100_000,
    "a number of thousands of digits": b'{"model": "tiny", "seed": ' + b"9" * 5_000 + b"}",
}


def chat(model: str = "tiny", **fields: Any) -> bytes:
    return json.dumps({"model": model, "messages": MESSAGES, "max_tokens": 2} | fields).encode()


def says(content: Any, model: str = "tiny") -> bytes:
    return chat(model, messages=[{"role": "user", "content": content}])


def odd_bodies(model: str = "tiny") -> list[tuple[bytes, dict[str, str]]]:
    """Bodies, each with the headers that go with it: what no description of the protocol leads to."""
    sound = chat(model)
    odd: tuple[Any, ...] = (None, True, -1, 10**30, "", "x", [], {}, [[]], [None], {"": None}, ["\x00"] * 5)
    bodies = [
        b"", b"null", b"[]", b'"x"', b"\xff\xfe" * 8, b"\x00" * 64, b"{" * 5_000, b"[" * 100_000, b'{"a":' * 50_000, sound[:-1], sound + b"}",
        b'{"model": "' + model.encode() + b'", "messages": ' + b"[" * 40 + b"]" * 40 + b"}",
        sound.decode().encode("utf-16"), sound.decode().encode("utf-32"), b"\xef\xbb\xbf" + sound,
        sound.replace(b'"max_tokens": 2', b'"max_tokens": ' + b"9" * 400),
        sound.replace(b'"max_tokens": 2', b'"max_tokens": 2, "temperature": NaN'),
        sound.replace(b'"max_tokens": 2', b'"max_tokens": 2, "temperature": 1e999'),
        sound.replace(b'"max_tokens": 2', b'"max_tokens": 2, "max_tokens": -1'),
        says("\ud800", model), says("\x00\x1b[31m\u202e", model), says("a" + MARKS * 4_000, model), says("ᄀ" * 3_000, model),
        says([{"type": "text", "text": "a"}] * 999, model), says([{"type": "image_url", "image_url": {"url": "x://y"}}], model),
        says([None], model), says({"type": "text"}, model), says(10**300, model),
        *HUGE_FAULTS.values(),
        *(json.dumps({"model": model, "messages": MESSAGES, "prompt": "가", "max_tokens": 2} | fields).encode() for _, fields, _ in REFUSED),
        *(chat(model, **{name: value}) for name in ("stop", "n", "seed", "logit_bias", "tools", "stream", "adapter", "messages", "temperature", "num_beams")
          for value in odd),
    ]  # fmt: skip
    headers: list[dict[str, str]] = [
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "multipart/form-data; boundary="},
        {"Content-Encoding": "gzip"},
        {"Accept-Language": "," * 3_000},
        {"Expect": "100-continue"},
        {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=_"},
        {"Accept": "\x7f", "Cookie": "a=" * 2_000},
    ]
    return [(body, {}) for body in bodies] + [(sound, header) for header in headers]


@contextlib.contextmanager
def connections(url: str, count: int, sent: bytes) -> Iterator[list[socket.socket]]:
    """Connections that have sent so much and no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * count)), hard))
    parts = urlsplit(url)
    opened = []
    try:
        for _ in range(count):
            one = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=60)
            opened.append(one)
            with contextlib.suppress(ConnectionError):  # it was turned away at once
                one.sendall(sent)
        yield opened
    finally:
        for one in opened:
            one.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
