"""The border where failures of DeepL's client become ours."""

from collections.abc import Mapping

from data.translate.translator import (
    CallFault,
    NotInThisForm,
    NotNow,
    SlowDown,
    TooMuchAtOnce,
    TranslatorRefused,
    quota_spent,
)
from kullm_tui.core.causes import connection_cause
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.redact import redacted
from kullm_tui.core.text import safe_line

_LONGEST_QUOTE = 300


def as_fault(failure: Exception, headers: Mapping[str, str]) -> CallFault | KullmError:
    import deepl

    if not isinstance(failure, deepl.DeepLException):
        return NotInThisForm(
            say("DeepL의 답이 정해진 형식이 아니에요.", "DeepL's answer is not in the protocol's form.")
        )
    status, quote = failure.http_status_code, _quoted(str(failure))
    if isinstance(failure, deepl.ConnectionException):
        return NotNow(
            say(
                f"DeepL과 연결이 안 되거나 끊겼어요({connection_cause(failure)}).",
                f"No connection to DeepL, or it broke ({_quoted(connection_cause(failure))}).",
            )
        )
    if isinstance(failure, deepl.TooManyRequestsException) or status == 429:
        return SlowDown(say("DeepL이 잠시 기다리라고 해요.", "DeepL asks to wait."), headers)
    if isinstance(failure, deepl.QuotaExceededException):
        return quota_spent("deepl")
    if isinstance(failure, deepl.AuthorizationException) or status == 401:
        return TranslatorRefused(
            say(
                "DeepL이 키를 받아 주지 않았어요. `kullm keys set DEEPL_AUTH_KEY`로 다시 넣어 주세요.",
                "DeepL refused the key. Store it again with `kullm keys set DEEPL_AUTH_KEY`.",
            )
        )
    return _by_status(status, quote)


def _by_status(status: int | None, quote: str) -> CallFault | KullmError:
    if status == 413:
        return TooMuchAtOnce(
            say(f"한 번에 보내기에는 너무 길어요(413: {quote}).", f"Too long for one call (413: {quote}).")
        )
    if status == 400:
        return NotInThisForm(
            say(f"DeepL이 요청을 받지 않았어요(400: {quote}).", f"DeepL refused the request (400: {quote}).")
        )
    if status is None or status >= 500:
        return NotNow(
            say(
                f"DeepL이 지금은 번역하지 못해요({status}: {quote}).",
                f"DeepL cannot translate now ({status}: {quote}).",
            )
        )
    return TranslatorRefused(
        say(f"DeepL이 요청을 받지 않았어요({status}: {quote}).", f"DeepL refused the request ({status}: {quote}).")
    )


def _quoted(text: str) -> str:
    line = safe_line(redacted(text))
    return line if len(line) <= _LONGEST_QUOTE else f"{line[:_LONGEST_QUOTE]}…"
