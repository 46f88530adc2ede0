"""The engine's description of itself, made from the forms that it really checks."""

from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kullm_tui import __version__
from kullm_tui.engine.protocol import ChatRequest, CompletionRequest, LoadRequest, UnloadRequest

_ERRORS = {
    "400": "the request cannot be answered as it stands",
    "401": "no token, or a wrong one",
    "403": "a foreign host name or origin",
    "404": "no such model",
    "413": "the body is too large",
    "503": "the engine cannot answer now",
    "507": "a disk is full",
}
_POSTS: dict[str, tuple[type[BaseModel], str]] = {
    "/v1/chat/completions": (ChatRequest, "a reply to a conversation, whole or as server-sent events"),
    "/v1/completions": (CompletionRequest, "a continuation of one or several prompts"),
    "/v1/models/load": (LoadRequest, "loads a model; progress as server-sent events"),
    "/v1/models/unload": (UnloadRequest, "gives a model's memory back"),
}
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
        "info": {"title": "kullm engine", "version": __version__},
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
