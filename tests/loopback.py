"""A server of a test's own on loopback, ended with it. What it knows and records is one object, which its handler finds as `self.server.known`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeVar

Known = TypeVar("Known")


@contextmanager
def served(handler: type[BaseHTTPRequestHandler], known_at: Callable[[str], Known]) -> Iterator[Known]:
    """`known_at` makes the object of the server's address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    known = known_at(f"http://127.0.0.1:{server.server_port}")
    server.known = known  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield known
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
