"""One line of a batch's results: whose it is, and the judge's reply or what went wrong, in the forms that a call of its own has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluator.batches.service import URL
from evaluator.judge import reply_in
from evaluator.verdict import JudgeReply
from kullm_tui.core import foreign_json
from kullm_tui.core.endpoints.errors import Malformed

_NOT_REACHED = ("batch_expired", "batch_cancelled")


class NotReached(Exception):
    """The batch ended before it came to this call, which cost nothing."""


@dataclass(frozen=True)
class Results:
    """By the verdict's key."""

    replies: Mapping[str, JudgeReply]
    failures: Mapping[str, Exception]
    unreadable: int  # lines of which nobody knows whose they are


def request_line(key: str, body: Mapping[str, Any]) -> bytes:
    line = {"custom_id": key, "method": "POST", "url": URL, "body": body}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def read_results(lines: Iterable[bytes]) -> Results:
    """In any order; of two lines with one name the first counts, but a reply before everything else."""
    replies: dict[str, JudgeReply] = {}
    failures: dict[str, Exception] = {}
    unreadable = 0
    for line in lines:
        row = _row(line)
        if row is None:
            unreadable += 1
            continue
        key = row["custom_id"]
        outcome = _outcome(row)
        if isinstance(outcome, JudgeReply):
            replies.setdefault(key, outcome)
        else:
            failures.setdefault(key, outcome)
    return Results(replies, {key: one for key, one in failures.items() if key not in replies}, unreadable)


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = foreign_json.parsed(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) and isinstance(row.get("custom_id"), str) else None


def _outcome(row: Mapping[str, Any]) -> JudgeReply | Exception:
    response, error = row.get("response"), row.get("error")
    if isinstance(response, dict) and response.get("status_code") == 200:  # noqa: PLR2004
        try:
            return reply_in(response.get("body"))
        except Malformed as failure:
            return failure
    if isinstance(error, dict) and error.get("code") in _NOT_REACHED:
        return NotReached()
    if isinstance(response, dict) and type(response.get("status_code")) is int:
        return _status_error(response["status_code"], response.get("body"))
    if isinstance(error, dict):
        return _status_error(500, {"error": error})
    return Malformed()


def _status_error(status: int, body: object) -> Exception:
    """As the SDK raises it where the call goes out by itself."""
    import httpx2
    import openai

    inner = body.get("error", body) if isinstance(body, dict) else body
    response = httpx2.Response(status, request=httpx2.Request("POST", f"https://batch{URL}"))
    return openai.APIStatusError(f"Error code: {status} - {inner}", response=response, body=inner)
