"""A real HTTP server that speaks OpenAI's protocol and fails on demand: the far side of the chat client's tests.

Each request takes the next reply of `script`; without one it is answered with a short greeting.
"""

import asyncio
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import uvicorn

CUT = object()  # the connection breaks here
Part = str | bytes | float | object  # what to send; a number: seconds to wait


@dataclass
class Reply:
    parts: Iterable[Part] = ()  # taken as they are sent
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    media_type: str = "text/event-stream"


@dataclass
class Received:
    path: str
    headers: Mapping[str, str]
    body: Any
    disconnected: threading.Event = field(default_factory=threading.Event)
    """That the client left before the reply's end, however long ago."""
    answered: bool = False
    method: str = "POST"
    query: str = ""


def event(data: Any) -> str:
    return f"data: {data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)}\n\n"


def chunk(text: str | None = None, *, finish: str | None = None, **more: Any) -> str:
    choice = {"index": 0, "delta": {} if text is None else {"content": text}, "finish_reason": finish}
    return event({"id": "c1", "object": "chat.completion.chunk", "choices": [choice], **more})


def says(*texts: str, finish: str = "stop", last: Mapping[str, Any] | None = None, pause: float = 0.0) -> Reply:
    """A well-formed reply; `last` is what the final chunk carries (usage, timings, dropped_turns)."""
    parts: list[Part] = [event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": None}}]})]
    for text in texts:
        parts += [pause, chunk(text)] if pause else [chunk(text)]
    parts.append(chunk(finish=finish))
    if last is not None:
        parts.append(event({"choices": [], **last}))
    return Reply([*parts, event("[DONE]")])


def thinks(*thoughts: str, field: str = "reasoning_content", answer: Sequence[str] = (), pause: float = 0.0) -> Reply:
    """A reply whose thinking comes in a field of its own, as vLLM and others send it."""
    parts: list[Part] = [event({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]})]
    for text in thoughts:
        parts += [pause, event({"choices": [{"index": 0, "delta": {field: text}, "finish_reason": None}]})]
    return Reply([*parts, *(chunk(text) for text in answer), chunk(finish="stop"), event("[DONE]")])


def refuses(status: int, message: str, *, code: str | None = None, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps({"error": {"message": message, "type": "error", "param": None, "code": code}}, ensure_ascii=False)
    return Reply([body], status, headers or {}, "application/json")


class OpenAIServer:
    """Listens on 127.0.0.1 in a thread of its own for as long as the `with` lasts."""

    def __init__(self, script: Sequence[Reply] = ()) -> None:
        self.script = deque(script)
        self.requests: list[Received] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._application,
                log_level="critical",
                lifespan="off",
                ws="none",
                interface="asgi3",
                timeout_graceful_shutdown=0,
            )
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(60)
        self._socket.close()
        assert not self._thread.is_alive()

    def answer(self, request: Received) -> Reply:  # noqa: ARG002 - for servers that look at it
        return self.script.popleft() if self.script else says("안녕", "하세요")

    def read(self, body: bytes, headers: Mapping[str, str]) -> Any:  # noqa: ARG002 - for protocols with other bodies
        return json.loads(body or b"null")

    async def _application(self, scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        request = Received(scope["path"], headers, self.read(body, headers), method=scope["method"], query=query)
        self.requests.append(request)
        reply = self.answer(request)
        sending = asyncio.create_task(self._send(reply, request, send))
        leaving = asyncio.create_task(_left(receive, request))
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)
        if sending.done() and not sending.cancelled() and sending.exception():
            raise ConnectionAbortedError  # uvicorn closes the connection in the middle of the body

    async def _send(self, reply: Reply, request: Received, send: Callable[[Any], Any]) -> None:
        headers = {"content-type": reply.media_type, **reply.headers}
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": reply.status, "headers": raw})
        for part in reply.parts:
            if part is CUT:
                raise ConnectionAbortedError
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                data = part.encode() if isinstance(part, str) else part
                await send({"type": "http.response.body", "body": data, "more_body": True})
                await asyncio.sleep(0)  # or a reply without end would never see that the client has left
        request.answered = True
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Callable[[], Any], request: Received) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    if not request.answered:
        request.disconnected.set()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
