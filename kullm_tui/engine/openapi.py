"""The engine's description of itself, made from the forms that it really checks."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kullm_tui import __version__
from kullm_tui.engine.access import MOST_BYTES
from kullm_tui.engine.bodies import MOST_ENTRIES, MOST_LISTS
from kullm_tui.engine.prepare import MOST_IN_AN_ANSWER, REPLY_TOKENS
from kullm_tui.engine.protocol import MOST_REPLIES, ChatRequest, CompletionRequest, LoadRequest, UnloadRequest

_ERRORS = {
    "400": "the request cannot be answered as it stands",
    "401": "no token, or a wrong one",
    "403": "a foreign host name or origin, or what only the owner of a public server may do",
    "404": "no such model",
    "413": "the body is too large",
    "503": "the engine cannot answer now, or too many requests of this client or of all wait; Retry-After says when to come again",
    "507": "a disk is full",
}
_POSTS: dict[str, tuple[type[BaseModel], str]] = {
    "/v1/chat/completions": (ChatRequest, "a reply to a conversation, whole or as server-sent events"),
    "/v1/completions": (CompletionRequest, "a continuation of one or several prompts"),
    "/v1/models/load": (LoadRequest, "loads a model; progress as server-sent events; 403 on a public server"),
    "/v1/models/unload": (UnloadRequest, "gives a model's memory back; 403 on a public server"),
}
_BOUNDS = (
    f"A body has at most {MOST_BYTES:,} bytes, {MOST_LISTS:,} lists and objects, {MOST_ENTRIES:,} entries. Prompts times n are at most "
    f"{MOST_REPLIES:,}. What one request has the engine hold is at most {MOST_IN_AN_ANSWER:,} tokens, or it is refused with 400 and "
    f"answer_too_large: the tokens of each prompt once, and for each reply {REPLY_TOKENS} and its max_tokens (no more than the context "
    "leaves) with, if echo is set, the prompt's; where logprobs are asked for, each of the reply's counts 2 + logprobs times. A client has "
    "twice that under way at once, all clients together eight times, and who asks for more is told 503 and when to come again. "
    "Rows go to the client that has fewest: by address, or by connection for those from this machine."
)
_GETS = {"/v1/models": "the models that can be asked for", "/health": "what is loaded and how busy the engine is"}


@cache
def openapi_document() -> dict[str, Any]:
    forms = [(form, "validation") for form, _ in _POSTS.values()]
    references, definitions = models_json_schema(forms, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    paths: dict[str, Any] = {path: {"get": _operation(summary)} for path, summary in _GETS.items()}
    for path, (form, summary) in _POSTS.items():
        body = {"required": True, "content": {"application/json": {"schema": references[form, "validation"]}}}
        paths[path] = {"post": _operation(summary) | {"requestBody": body}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "kullm engine", "version": __version__, "description": _BOUNDS},
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"token": []}],
    }


def _operation(summary: str) -> dict[str, Any]:
    responses = {"200": {"description": "the answer"}} | {code: {"description": text} for code, text in _ERRORS.items()}
    return {"summary": summary, "responses": responses}
