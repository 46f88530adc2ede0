"""A request's body, from its bytes to its form; a large one is read beside the event loop, clients in turn."""

from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError
from starlette.requests import Request

from kullm_tui.core import foreign_json
from kullm_tui.core.language import say
from kullm_tui.engine.protocol import Body
from kullm_tui.engine.turns import Turnstile
from kullm_tui.engine.wire_errors import RequestError, from_validation

# The parser holds the interpreter until it is done, and an empty list of two bytes takes it sixty. These are counted with
# those inside strings: a text with more of them fits into no context.
MOST_LISTS = 1 << 18
MOST_ENTRIES = 1 << 21
_SOON_READ = 64 << 10  # bytes

_BodyType = TypeVar("_BodyType", bound=Body)


async def read_body(request: Request, form: type[_BodyType], turnstile: Turnstile, owner: str) -> _BodyType:
    # Not `request.body()`, which keeps the bytes for as long as there is a request.
    raw = b"".join([piece async for piece in request.stream()])
    if len(raw) <= _SOON_READ:
        return _read(raw, form)
    return await turnstile.run(owner, partial(_read, raw, form))


def _read(raw: bytes, form: type[_BodyType]) -> _BodyType:
    if raw.count(b"[") + raw.count(b"{") > MOST_LISTS or raw.count(b",") > MOST_ENTRIES:
        raise RequestError(
            say(
                f"본문에 든 것이 너무 많아요(목록과 객체 {MOST_LISTS:,}개, 항목 {MOST_ENTRIES:,}개까지).",
                f"The body holds too much (at most {MOST_LISTS:,} lists and objects, {MOST_ENTRIES:,} entries).",
            )
        )
    try:
        content: Any = foreign_json.parsed(raw)
    except (ValueError, RecursionError):
        raise RequestError(say("본문이 올바른 JSON이 아니에요.", "The body is not valid JSON.")) from None
    try:
        return form.model_validate(content)
    except ValidationError as error:
        raise from_validation(error) from None
