"""KullmError → the error object of the OpenAI protocol. The one place that knows which error is which status."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pydantic import ValidationError
from starlette.responses import JSONResponse

from kullm_tui.core import errors
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import storable
from kullm_tui.engine.sampling import NoToken

logger = logging.getLogger(__name__)

RETRY_SECONDS = 1


class RequestError(KullmError):
    """A request that cannot be answered as it stands."""

    def __init__(
        self, message: str, *, status: int = 400, code: str = "invalid_request", param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param


_STATUS_AND_CODE: dict[type[KullmError], tuple[int, str]] = {
    errors.ModelNotFound: (404, "model_not_found"),
    errors.UsageError: (400, "invalid_request"),
    errors.ContextOverflow: (400, "context_length_exceeded"),
    errors.TooLarge: (400, "model_too_large"),
    errors.AdapterError: (400, "adapter_mismatch"),
    errors.WeightsError: (400, "weights_unusable"),
    errors.ConfigError: (400, "invalid_configuration"),
    NoToken: (400, "no_token"),
    errors.NoSpace: (507, "no_space"),
}


def too_busy() -> RequestError:
    return RequestError(
        say(
            "지금은 요청이 너무 많아요. 잠시 뒤에 다시 보내 주세요.",
            "Too many requests are waiting. Send it again in a moment.",
        ),
        status=503,
        code="too_busy",
    )


def server_ends() -> RequestError:
    return RequestError(
        say("서버가 끝나는 중이라 답하지 못했어요.", "The server is ending and could not answer."),
        status=503,
        code="server_ends",
    )


@contextmanager
def untold(model: str) -> Iterator[None]:
    """What is wrong with a model's files or this machine's memory is told the log and not the clients of a public server."""
    try:
        yield
    except KullmError as error:
        logger.error("%s cannot be used: %s", model, error)
        raise RequestError(
            say(
                f"지금은 {model} 모델을 쓸 수 없어요. 서버를 연 사람에게 알려 주세요.",
                f"The model {model} cannot be used now. Tell whoever runs this server.",
            ),
            status=503,
            code="model_unavailable",
        ) from error


def refused_in_public() -> RequestError:
    return RequestError(
        say(
            "모델을 올리고 내리고 서버를 끝내는 일은 서버를 연 사람만 할 수 있어요.",
            "Only whoever runs this server loads and unloads its models and ends it.",
        ),
        status=403,
        code="not_yours",
    )


def error_object(error: KullmError) -> tuple[int, dict[str, Any]]:
    """Status and body."""
    if isinstance(error, RequestError):
        status, code, param = error.status, error.code, error.param
    else:
        param = None
        status, code = next(
            (found for kind, found in _STATUS_AND_CODE.items() if isinstance(error, kind)), (503, "server_error")
        )
    kind = "server_error" if status >= 500 else "invalid_request_error"
    return status, {"error": {"message": storable(str(error)), "type": kind, "param": param, "code": code}}


def error_response(error: KullmError) -> JSONResponse:
    status, body = error_object(error)
    return JSONResponse(
        body, status_code=status, headers={"Retry-After": str(RETRY_SECONDS)} if status == 503 else None
    )


def from_validation(error: ValidationError) -> RequestError:
    """The first fault of a body, with the path of the field; the values themselves are not repeated."""
    fault = error.errors(include_url=False, include_input=False, include_context=False)[0]
    path = ".".join(str(part) for part in fault["loc"]) or None
    return RequestError(f"{path}: {fault['msg']}" if path else fault["msg"], param=path)
