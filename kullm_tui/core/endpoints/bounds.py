"""How much one answer from the network may hold: the bounds of endpoints, the judge and the hub stand here.

Nothing is unpacked: no answer is asked for in a compressed form, and one that comes so is refused before a byte of it is
read, since a few of its bytes may stand for gigabytes. What goes over a bound is `TooMuch`, however it was sent.
"""

import re
import time
from collections.abc import AsyncIterator, Mapping
from typing import cast

import httpx2

from kullm_tui.core.endpoints.errors import TooMuch
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text

ACCEPT_ENCODING = "identity"

MOST_JSON_BYTES = 8 << 20
MOST_STREAM_BYTES = 64 << 20
MOST_EVENT_BYTES = 1 << 20
MOST_FILE_BYTES = 512 << 20  # of a batch's results: fifty thousand replies

_LONGEST_SECONDS = 1800.0  # of an answer that is taken whole
_PLAIN = ("", "identity")
_FILE_ENDING = "/content"  # of the path under which a file is fetched
_EVENT_END = re.compile(rb"\r\r|\n\n|\r\n\r\n")
_LONGEST_END = 4


async def bound_answer(response: httpx2.Response) -> None:
    """For the event hooks of an asynchronous client."""
    refuse_packed(response.headers)
    stream = cast(httpx2.AsyncByteStream, response.stream)
    is_file = response.request.url.path.endswith(_FILE_ENDING)
    response.stream = _BoundStream(stream, _Count(MOST_FILE_BYTES) if is_file else _count_for(response.headers))


def bound_answer_now(response: httpx2.Response, *, most_bytes: int = MOST_JSON_BYTES) -> bytes:
    """The body of an answer that has been opened as a stream."""
    refuse_packed(response.headers)
    count, content = _Count(most_bytes), bytearray()
    end = time.monotonic() + _LONGEST_SECONDS
    for chunk in response.iter_raw():
        count.take(chunk)
        if time.monotonic() > end:
            raise TooMuch(say("답이 너무 오래 이어져 그만 받았어요", "its answer takes too long"))
        content += chunk
    return bytes(content)


def refuse_packed(headers: Mapping[str, str]) -> None:
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in _PLAIN:
        raise TooMuch(
            say(
                "요청하지 않은 압축 형식으로 답해서 풀지 않았어요. 서버에서 압축을 끄세요",
                "it answered compressed, unasked, so nothing was unpacked. Turn its compression off",
            )
        )


def _count_for(headers: Mapping[str, str]) -> "_Count":
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return _Count(MOST_JSON_BYTES)
    return _Count(MOST_STREAM_BYTES, MOST_EVENT_BYTES)


class _Count:
    """Of the bytes in all, and since the last event ended."""

    def __init__(self, most: int, most_in_event: int | None = None) -> None:
        self._most, self._most_in_event = most, most_in_event
        self._all = self._in_event = 0
        self._tail = b""

    def take(self, chunk: bytes) -> None:
        self._all += len(chunk)
        if self._all > self._most:
            raise _too_long(self._most)
        if self._most_in_event is not None:
            self._follow_events(chunk, self._most_in_event)

    def _follow_events(self, chunk: bytes, most: int) -> None:
        seen = self._tail + chunk
        before = len(self._tail)
        begin = max((match.end() for match in _EVENT_END.finditer(seen)), default=0)
        self._in_event = len(seen) - begin if begin else self._in_event + len(seen) - before
        self._tail = seen[max(begin, len(seen) - _LONGEST_END + 1) :]
        if self._in_event > most:
            raise _too_long(most)


class _BoundStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, count: _Count) -> None:
        self._stream, self._count = stream, count

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._count.take(chunk)
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def _too_long(most: int) -> TooMuch:
    return TooMuch(
        say(
            f"끝나지 않는 답이 와서 {size_text(most)}에서 그만 받았어요",
            f"its answer does not end; reading stopped at {size_text(most)}",
        )
    )
