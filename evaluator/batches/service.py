"""The other side of a batch, as OpenAI's protocol has it: files that are sent and fetched, batches made of them, found and ended.

Each call is one request and raises what the SDK raises, or Malformed for an answer in another form. Nobody tries again here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kullm_tui.core.endpoints.errors import Malformed

if TYPE_CHECKING:
    import openai

URL = "/v1/chat/completions"
_NAME = "kullm"  # of the batch's metadata that holds the file's name
_FILE_SECONDS = 1800.0  # for a file of a hundred megabytes
_ON_A_PAGE = 100
_MOST_PAGES = 200
_CLOCKS_DIFFER_SECONDS = 24 * 3600.0


@dataclass(frozen=True)
class Complaint:
    """Why a batch was not taken."""

    code: str
    message: str
    line: int | None


@dataclass(frozen=True)
class FarBatch:
    """As the other side has it."""

    id: str
    status: str
    input_file: str = ""
    output_file: str = ""
    error_file: str = ""
    done: int = 0
    failed: int = 0
    calls: int = 0
    complaints: tuple[Complaint, ...] = ()
    name: str = ""
    created: float = 0.0

    @property
    def is_over(self) -> bool:
        return self.status in ("failed", "completed", "expired", "cancelled")


class BatchService:
    def __init__(self, client: openai.AsyncOpenAI, *, seconds: float) -> None:
        self._client, self._seconds = client, seconds

    async def upload(self, name: str, content: bytes) -> str:
        """The other side's name of the file."""
        async with self._request(_FILE_SECONDS):
            answer = await self._client.post(
                "/files",
                body={"purpose": "batch"},
                files={"file": (name, content, "application/jsonl")},
                options={"headers": {"Content-Type": "multipart/form-data"}},
                cast_to=object,
            )
        return _id_in(answer)

    async def create(self, file: str, name: str) -> FarBatch:
        body = {
            "input_file_id": file,
            "endpoint": URL,
            "completion_window": "24h",
            "metadata": {_NAME: name},
        }
        async with self._request():
            return _far_batch(await self._client.post("/batches", body=body, cast_to=object))

    async def retrieve(self, batch: str) -> FarBatch:
        async with self._request():
            return _far_batch(await self._client.get(f"/batches/{batch}", cast_to=object))

    async def cancel(self, batch: str) -> FarBatch:
        async with self._request():
            return _far_batch(await self._client.post(f"/batches/{batch}/cancel", cast_to=object))

    async def named(self, name: str, file: str, since: float) -> FarBatch | None:
        """The batch that was made of this file, if it got there."""
        async for row in self._rows("/batches", {}):
            one = _far_batch(row)
            if one.name == name or (file and one.input_file == file):
                return one
            if one.created and one.created < since - _CLOCKS_DIFFER_SECONDS:  # the latest come first
                return None
        return None

    async def any_batches(self) -> None:
        """Whether there are batches at all: a list that is not there is refused."""
        async with self._request():
            _data_in(await self._client.get("/batches", options={"params": {"limit": 1}}, cast_to=object))

    async def files_named(self, name: str) -> list[str]:
        rows = self._rows("/files", {"purpose": "batch", "order": "desc"})
        return [str(row["id"]) async for row in rows if row.get("filename") == name and row.get("id")]

    async def delete_file(self, file: str) -> None:
        async with self._request():
            await self._client.delete(f"/files/{file}", cast_to=object)

    async def lines(self, file: str) -> list[bytes]:
        """Of a file of results."""
        import httpx2

        async with self._request(_FILE_SECONDS):
            answer = await self._client.get(f"/files/{file}/content", cast_to=httpx2.Response)
        return [line for line in answer.content.split(b"\n") if line.strip()]

    async def _rows(self, path: str, wishes: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        """Page after page."""
        after: dict[str, str] = {}
        for _ in range(_MOST_PAGES):
            async with self._request():
                params = {"limit": _ON_A_PAGE, **wishes, **after}
                answer = await self._client.get(path, options={"params": params}, cast_to=object)
            rows = _data_in(answer)
            for row in rows:
                yield row
            if not rows or not (isinstance(answer, dict) and answer.get("has_more")):
                return
            after = {"after": str(rows[-1].get("id", ""))}

    @asynccontextmanager
    async def _request(self, seconds: float = 0.0) -> AsyncIterator[None]:
        """So long in all: a server may send blanks for ever to keep a connection."""
        import httpx2
        import openai

        try:
            async with asyncio.timeout(seconds or self._seconds):
                yield
        except TimeoutError as silence:
            raise openai.APITimeoutError(httpx2.Request("POST", self._client.base_url)) from silence
        except (ValueError, RecursionError) as error:  # no JSON
            raise Malformed from error


def _id_in(answer: Any) -> str:
    if isinstance(answer, dict) and isinstance(answer.get("id"), str) and answer["id"]:
        return str(answer["id"])
    raise Malformed


def _data_in(answer: Any) -> list[dict[str, Any]]:
    if isinstance(answer, dict) and isinstance(answer.get("data"), list):
        return [row for row in answer["data"] if isinstance(row, dict)]
    raise Malformed


def _far_batch(answer: Any) -> FarBatch:
    """Servers may leave out or null any part of it but its name and status."""
    number, status = _id_in(answer), answer.get("status")
    if not isinstance(status, str):
        raise Malformed
    counts, metadata, errors = (_mapping(answer.get(name)) for name in ("request_counts", "metadata", "errors"))
    rows = errors.get("data")
    return FarBatch(
        id=number,
        status=status,
        input_file=_text(answer.get("input_file_id")),
        output_file=_text(answer.get("output_file_id")),
        error_file=_text(answer.get("error_file_id")),
        done=_count(counts.get("completed")),
        failed=_count(counts.get("failed")),
        calls=_count(counts.get("total")),
        complaints=tuple(_complaint(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else (),
        name=_text(metadata.get(_NAME)),
        created=float(_count(answer.get("created_at"))),
    )


def _complaint(row: Mapping[str, Any]) -> Complaint:
    line = row.get("line")
    return Complaint(_text(row.get("code")), _text(row.get("message")), line if type(line) is int else None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if type(value) is int and value >= 0 else 0
