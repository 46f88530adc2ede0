"""A judge that takes batches: OpenAI's files and batches over HTTP, with what goes wrong there.

All batches go on by one step each time that one is asked after, so nothing depends on the clock, and `finish` ends those that nobody
asked after any more. What it answers a call with is billed by
the call's `custom_id`. Results come back in another order than they were asked in.
"""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qs

from tests.evaluator.judge_server import JudgeServer, counted
from tests.openai_server import Received, Reply, refuses

_STEPS = ("validating", "in_progress", "finalizing")
_CREATED = 1_800_000_000

Fault = tuple[int, Mapping[str, Any]]  # status and body of one call's answer


@dataclass
class StoredFile:
    id: str
    name: str
    content: bytes
    purpose: str = "batch"


@dataclass
class StoredBatch:
    id: str
    input_file: str
    metadata: Mapping[str, str]
    status: str = "validating"
    lines: list[dict[str, Any]] = field(default_factory=list)
    output: str | None = None
    error: str | None = None
    done: int = 0
    failed: int = 0
    complaints: Sequence[Mapping[str, Any]] = ()


class BatchServer(JudgeServer):
    """Its faults are set from outside; each is a question that the server asks itself at that place."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, StoredFile] = {}
        self.batches: dict[str, StoredBatch] = {}
        self.billed: Counter[str] = Counter()  # by the call's name
        self.steps = len(_STEPS)  # until a batch is over; more than there are: never
        self.page = 100  # rows of a list
        self.reads_at_once = False  # a batch's file, so that it goes on without it
        self.has_batches = True
        self.complaints: Callable[[StoredBatch], Sequence[Mapping[str, Any]]] = lambda _batch: ()
        self.fault: Callable[[dict[str, Any]], Fault | None] = lambda _line: None  # of one call
        self.expires: Callable[[StoredBatch], int | None] = lambda _batch: None  # after so many calls
        self.spoils: Callable[[str, bytes], bytes] = lambda _name, line: line  # a line of results
        self.room: int | None = None  # calls that may be enqueued
        self.refuses: Callable[[Received], Reply | None] = lambda _request: None  # before anything is done
        self.garbles: Callable[[Received, Reply], Reply] = lambda _request, reply: reply  # after it was done
        self._number = 0
        self._order = random.Random(7)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Any:
        """A form with its file, or JSON."""
        kind = headers.get("content-type", "")
        if not kind.startswith("multipart/form-data"):
            return super().read(body, headers)
        whole = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body, policy=HTTP)
        form: dict[str, Any] = {}
        for part in whole.iter_parts():
            name, content = str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True)
            assert isinstance(content, bytes)
            form[name] = (part.get_filename(), content) if part.get_filename() else content.decode()
        return form

    def answer(self, request: Received) -> Reply:
        place = request.path.removeprefix("/v1/").split("/")
        if place[0] not in ("files", "batches"):
            return super().answer(request)
        if place[0] == "batches" and not self.has_batches:
            return refuses(404, "Not Found")
        if refusal := self.refuses(request):
            return refusal
        return self.garbles(request, getattr(self, f"_{place[0]}")(request, place[1:]))

    # -- files ---------------------------------------------------------------------------------------------------------

    def _files(self, request: Received, place: list[str]) -> Reply:
        match request.method, place:
            case "POST", []:
                name, content = request.body["file"]
                assert request.body["purpose"] == "batch"
                return _json(_file_facts(self._store(name, content)))
            case "GET", []:
                return self._listed([_file_facts(one) for one in self.files.values()], request)
            case "GET", [file, "content"] if file in self.files:
                content = self.files[file].content
                headers = {"content-length": str(len(content))}
                half = len(content) // 2
                return Reply([content[:half], content[half:]], headers=headers, media_type="application/octet-stream")
            case "DELETE", [file] if file in self.files:
                del self.files[file]
                return _json({"id": file, "object": "file", "deleted": True})
        return refuses(404, "No such File object")

    def _store(self, name: str, content: bytes, purpose: str = "batch") -> StoredFile:
        self._number += 1
        stored = StoredFile(f"file-{self._number}", name, content, purpose)
        self.files[stored.id] = stored
        return stored

    # -- batches -------------------------------------------------------------------------------------------------------

    def _batches(self, request: Received, place: list[str]) -> Reply:
        match request.method, place:
            case "POST", []:
                return self.create(request.body)
            case "GET", []:
                return self._listed([self._facts(one) for one in self.batches.values()], request)
            case "GET", [number] if number in self.batches:
                for batch in self.batches.values():
                    self._step(batch)
                return _json(self._facts(self.batches[number]))
            case "POST", [number, "cancel"] if number in self.batches:
                self._cancel(self.batches[number])
                return _json(self._facts(self.batches[number]))
        return refuses(404, "No such Batch object")

    def create(self, body: Mapping[str, Any]) -> Reply:
        assert (body["endpoint"], body["completion_window"]) == ("/v1/chat/completions", "24h")
        if body["input_file_id"] not in self.files:
            return refuses(400, f"File {body['input_file_id']} not found", code="invalid_file")
        self._number += 1
        batch = StoredBatch(f"batch_{self._number}", body["input_file_id"], body.get("metadata") or {})
        batch.lines = [json.loads(line) for line in self.files[batch.input_file].content.splitlines()]
        self.batches[batch.id] = batch
        return _json(self._facts(batch))

    def finish(self) -> None:
        """Whatever is under way is done, and billed."""
        self.steps = 1
        while self.enqueued:
            for batch in self.batches.values():
                self._step(batch)

    @property
    def enqueued(self) -> int:
        """Calls that wait."""
        return sum(len(one.lines) for one in self.batches.values() if one.status in (*_STEPS, "cancelling"))

    def _step(self, batch: StoredBatch) -> None:
        if batch.status == "cancelling":
            self._end(batch, "cancelled", len(batch.lines) // 2)
        if batch.status not in _STEPS:
            return
        step = _STEPS.index(batch.status) + 1
        if step == 1 and (complaints := self._complaints(batch)):
            batch.status, batch.complaints = "failed", complaints
        elif step < self.steps:
            batch.status = _STEPS[min(step, len(_STEPS) - 1)]
        else:
            until = self.expires(batch)
            self._end(batch, "completed" if until is None else "expired", len(batch.lines) if until is None else until)

    def _complaints(self, batch: StoredBatch) -> Sequence[Mapping[str, Any]]:
        if batch.input_file not in self.files and not self.reads_at_once:
            return [{"code": "invalid_file", "message": "The input file is gone.", "line": None, "param": None}]
        if self.room is not None and self.enqueued > self.room:
            words = "Enqueued token limit reached for gpt-4.1 in organization org-1. Limit: 90,000 enqueued tokens."
            return [{"code": "token_limit_exceeded", "message": words, "line": None, "param": None}]
        names = [line["custom_id"] for line in batch.lines]
        if len(set(names)) < len(names):
            return [{"code": "duplicate_custom_id", "message": "A custom_id comes twice.", "line": 2, "param": None}]
        return self.complaints(batch)

    def _cancel(self, batch: StoredBatch) -> None:
        if batch.status in _STEPS:
            batch.status = "cancelling"

    def _end(self, batch: StoredBatch, status: str, until: int) -> None:
        """Its first calls are done, and what each came to is written into two files."""
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for place, line in enumerate(batch.lines):
            name = line["custom_id"]
            row: dict[str, Any] = {"id": f"batch_req_{place}", "custom_id": name, "response": None, "error": None}
            if place >= until:
                code = "batch_expired" if status == "expired" else "batch_cancelled"
                failed.append(row | {"error": {"code": code, "message": "This request was not executed."}})
            elif fault := self.fault(line):
                failed.append(row | {"response": {"status_code": fault[0], "request_id": "r", "body": fault[1]}})
            else:
                self.billed[name] += 1
                question = line["body"]["messages"][-1]["content"]
                body = counted(self._verdict(question))
                done.append(row | {"response": {"status_code": 200, "request_id": "r", "body": body}})
        batch.status, batch.done, batch.failed = status, len(done), len(failed)
        batch.output = self._results("output", done)
        batch.error = self._results("error", failed)

    def _results(self, kind: str, rows: list[dict[str, Any]]) -> str | None:
        if not rows:
            return None
        self._order.shuffle(rows)
        lines = [self.spoils(row["custom_id"], json.dumps(row, ensure_ascii=False).encode()) for row in rows]
        return self._store(f"{kind}.jsonl", b"\n".join(lines) + b"\n", "batch_output").id

    def _facts(self, batch: StoredBatch) -> dict[str, Any]:
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "errors": {"object": "list", "data": list(batch.complaints)} if batch.complaints else None,
            "input_file_id": batch.input_file,
            "completion_window": "24h",
            "status": batch.status,
            "output_file_id": batch.output,
            "error_file_id": batch.error,
            "created_at": _CREATED,
            "request_counts": {"total": len(batch.lines), "completed": batch.done, "failed": batch.failed},
            "metadata": dict(batch.metadata),
        }

    def _listed(self, rows: list[dict[str, Any]], request: Received) -> Reply:
        """The latest first, a page of them."""
        wishes = parse_qs(request.query)
        rows = [row for row in reversed(rows) if wishes.get("purpose", [row.get("purpose")]) == [row.get("purpose")]]
        after = wishes.get("after", [""])[0]
        start = next((place + 1 for place, row in enumerate(rows) if row["id"] == after), 0)
        size = min(self.page, int(wishes.get("limit", ["100"])[0]))
        page = rows[start : start + size]
        return _json({"object": "list", "data": page, "has_more": start + size < len(rows)})


def _file_facts(file: StoredFile) -> dict[str, Any]:
    return {
        "id": file.id,
        "object": "file",
        "bytes": len(file.content),
        "created_at": _CREATED,
        "filename": file.name,
        "purpose": file.purpose,
        "status": "processed",
    }


def _json(value: Any) -> Reply:
    return Reply([json.dumps(value, ensure_ascii=False)], media_type="application/json")
