"""The border where an endpoint's failures become ours: which to try again, and what to say about the others."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from kullm_tui.core.causes import connection_cause
from kullm_tui.core.errors import (
    AdapterError,
    ContextOverflow,
    EndpointError,
    EngineGone,
    KeyMissing,
    KullmError,
    ModelNotFound,
    TooLarge,
)
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line

if TYPE_CHECKING:
    import openai

    from kullm_tui.core.endpoints.endpoint import Endpoint

_FIRST_DELAY_SECONDS = 0.5
_LONGEST_DELAY_SECONDS = 20.0
_LONGEST_QUOTE = 400
_WORTH_RETRYING = (408, 409, 429, 503)

# The engine's own codes; its messages are ours already and are shown as they are.
_ENGINE_ERRORS: Mapping[str, type[KullmError]] = {
    "model_not_found": ModelNotFound,
    "model_not_downloaded": ModelNotFound,
    "model_too_large": TooLarge,
    "context_length_exceeded": ContextOverflow,
    "adapter_mismatch": AdapterError,
}


class CutOff(Exception):
    """The stream ended without saying that the reply was finished."""


class Malformed(Exception):
    """The stream holds something other than the protocol's JSON."""


class TooMuch(Exception):
    """The answer goes over a bound; the message says over which, as half a sentence."""


def too_much_in(failure: BaseException) -> TooMuch | None:
    """The bound that was gone over, where the SDK calls it a connection that broke."""
    found: BaseException | None = failure
    while found is not None and not isinstance(found, TooMuch):
        found = found.__cause__
    return found


def retry_delay(failure: Exception, attempt: int, *, local: bool) -> float | None:
    """Seconds to wait before another try; None where another try would not help."""
    import openai

    if too_much_in(failure):
        return None
    delay = _FIRST_DELAY_SECONDS * 2**attempt
    if isinstance(failure, openai.APIStatusError):
        if failure.code == "insufficient_quota":
            return None
        if failure.status_code in _WORTH_RETRYING or (failure.status_code >= 500 and not local):
            asked = asked_delay(failure.response.headers)
            return delay if asked is None else min(asked, _LONGEST_DELAY_SECONDS)
        return None
    if local or isinstance(failure, openai.APITimeoutError):
        return None
    return delay if isinstance(failure, openai.APIConnectionError | CutOff) else None


def asked_delay(headers: Mapping[str, str]) -> float | None:
    """Retry-After, in seconds or as a date."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        date = email.utils.parsedate_tz(value)
    return None if date is None else max(0.0, email.utils.mktime_tz(date) - time.time())


def translated(failure: Exception, endpoint: Endpoint, model: str, *, begun: bool) -> KullmError:
    """The failure as something to read."""
    if bound := too_much_in(failure):
        return EndpointError(f"{_where(endpoint)}: {bound}.")
    return _of_the_exchange(failure, endpoint, model, begun=begun)


def _of_the_exchange(failure: Exception, endpoint: Endpoint, model: str, *, begun: bool) -> KullmError:
    import openai

    if isinstance(failure, openai.APIStatusError):
        return _answered(failure, endpoint, model)
    if endpoint.local and isinstance(failure, openai.APIConnectionError | CutOff):
        return _engine_gone(failure, begun=begun)
    if isinstance(failure, openai.APITimeoutError | TimeoutError):
        return EndpointError(
            say(
                f"{_where(endpoint)}: 기다려도 답이 오지 않았어요. 잠시 뒤에 다시 해 보세요.",
                f"{_where(endpoint)} did not answer in time. Try again in a while.",
            )
        )
    if isinstance(failure, openai.APIConnectionError | CutOff):
        return _connection_lost(failure, endpoint, begun=begun)
    if isinstance(failure, openai.APIError):
        return _error_in_stream(failure, endpoint)
    return EndpointError(
        say(
            f"{_where(endpoint)}: OpenAI 형식이 아닌 답이 왔어요. base_url이 맞는지 확인하세요.",
            f"{_where(endpoint)} answered in something other than OpenAI's protocol. Check its base_url.",
        )
    )


def _engine_gone(failure: Exception, *, begun: bool) -> EngineGone:
    import openai

    if isinstance(failure, openai.APITimeoutError):
        return EngineGone(
            say(
                "엔진이 응답하지 않아요. `kullm engine stop`으로 끝낸 다음 다시 보내면 새로 시작해요.",
                "The engine does not answer. End it with `kullm engine stop`; the next question starts a new one.",
            )
        )
    when = say("답하던 중에", "in the middle of the reply") if begun else say("답하기 전에", "before it answered")
    return EngineGone(
        say(
            f"엔진이 {when} 멈췄어요. 다시 보내면 새로 시작해요. 이유는 `kullm engine logs`에 있어요.",
            f"The engine died {when}. Send again and it starts anew; `kullm engine logs` tells why.",
        )
    )


def _connection_lost(failure: Exception, endpoint: Endpoint, *, begun: bool) -> EndpointError:
    if begun or isinstance(failure, CutOff):
        return EndpointError(
            say(
                f"{_where(endpoint)}: 답이 끝나기 전에 연결이 끊겼어요. 다시 보내 보세요.",
                f"{_where(endpoint)}: the connection broke before the reply was finished. Send again.",
            )
        )
    reason = _quoted(connection_cause(failure), endpoint)
    return EndpointError(
        say(
            f"{_where(endpoint)}: 연결하지 못했어요({reason}). 주소와 네트워크, 서버가 켜져 있는지 확인하세요.",
            f"{_where(endpoint)}: no connection ({reason}). Check the address, the network, and that the server runs.",
        )
    )


def _answered(failure: openai.APIStatusError, endpoint: Endpoint, model: str) -> KullmError:
    message, code = _details(failure.body)
    quote = _quoted(message or failure.message, endpoint)
    status = failure.status_code
    if endpoint.local:
        return _engine_error(quote, status, code)
    if status in (401, 403) and not endpoint.api_key:
        return KeyMissing(
            say(
                f"{_where(endpoint)}: 키가 있어야 해요. `kullm keys set 키이름`으로 넣고 "
                f"`kullm config set endpoints.{endpoint.name}.key 키이름`으로 이어 주세요.",
                f"{_where(endpoint)} wants a key. Store one with `kullm keys set KEYNAME` and "
                f"name it with `kullm config set endpoints.{endpoint.name}.key KEYNAME`.",
            )
        )
    return EndpointError(f"{_where(endpoint)}: {_advice(failure, model)} ({status}: {quote})", status=status, code=code)


def _advice(failure: openai.APIStatusError, model: str) -> str:
    status = failure.status_code
    if status in (401, 403):
        return say(
            "키를 받아 주지 않았어요. `kullm keys set`으로 다시 넣거나 키의 권한을 확인하세요.",
            "refused the key. Store it again with `kullm keys set`, or check what it may do.",
        )
    if status == 404:
        return say(
            f"모델 {model}: 그곳에 없어요. 모델 이름과 base_url을 확인하세요.",
            f"has no model {model}. Check the model's name and the base_url.",
        )
    if failure.code == "insufficient_quota":
        return say("이 키의 사용 한도가 남아 있지 않아요.", "has no quota left for this key.")
    if status == 429 or status >= 500:
        return say("지금은 답하지 못해요. 잠시 뒤에 다시 해 보세요.", "cannot answer just now. Try again in a while.")
    if 300 <= status < 400:
        return say(
            "다른 주소로 가라고 해요. 바뀐 주소를 base_url에 적어 주세요.",
            "points to another address. Put the new address into base_url.",
        )
    return say("요청을 받아 주지 않았어요.", "refused the request.")


def _error_in_stream(failure: openai.APIError, endpoint: Endpoint) -> KullmError:
    message, code = _details(failure.body)
    quote = _quoted(message or failure.message, endpoint)
    if endpoint.local:
        return _engine_error(quote, None, code)
    return EndpointError(
        say(
            f"{_where(endpoint)}: 답하던 중에 오류를 알려 왔어요: {quote}",
            f"{_where(endpoint)} reported an error while answering: {quote}",
        ),
        code=code,
    )


def _engine_error(quote: str, status: int | None, code: str | None) -> KullmError:
    kind = _ENGINE_ERRORS.get(code or "")
    return kind(quote) if kind else EndpointError(quote, status=status, code=code)


def _details(body: object) -> tuple[str, str | None]:
    """Message and code from OpenAI's form, FastAPI's `detail`, or a bare text."""
    if isinstance(body, str):
        return body, None
    if not isinstance(body, dict):
        return "", None
    inner = body.get("error")
    if isinstance(inner, dict | str):
        return _details(inner)
    code = body.get("code")
    return str(body.get("message") or body.get("detail") or ""), None if code is None else str(code)


def _where(endpoint: Endpoint) -> str:
    return f"{endpoint.name} ({urlsplit(endpoint.base_url).hostname or endpoint.base_url})"


def _quoted(text: str, endpoint: Endpoint) -> str:
    """A stranger's sentence: one line, not endless, without the key it may repeat."""
    if endpoint.api_key:
        text = text.replace(endpoint.api_key, "…")
    line = safe_line(text)
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"
