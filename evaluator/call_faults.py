"""A call to a judge that failed: whether another try may help, whether it may be charged, and whom it concerns.

`SchemaRefused` is of the family of `core/errors.py`: a judge that takes no schema, asked in strict mode.
"""

import re

from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.endpoints.errors import CutOff, Malformed, TooMuch, asked_delay, too_much_in, translated
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.language import say

_LONGEST_WAIT_SECONDS = 600.0  # a server that asks for more is asked another day
_NO_SCHEMAS = re.compile("response_format|json_schema|schema", re.IGNORECASE)
_NO_CAP = re.compile(r"max_(?:completion_)?tokens")
_UNKNOWN = re.compile(r"support|unrecogni[sz]ed|unknown|unexpected|permitted|allowed|extra|instead", re.IGNORECASE)
_REFUSALS_OF_A_BODY = (400, 404, 415, 422, 501)


class SchemaRefused(EndpointError):
    """Told with what to do; whoever did not insist on strict mode is asked in the paper's instead."""


def is_rate_limit(failure: Exception) -> bool:
    import openai

    return (
        isinstance(failure, openai.APIStatusError)
        and failure.status_code == 429
        and failure.code != "insufficient_quota"
    )


def is_silence(failure: Exception) -> bool:
    import openai

    return isinstance(failure, openai.APITimeoutError)


def may_be_charged(failure: Exception) -> bool:
    """The request had been read, as far as one can tell, and nothing usable came of it."""
    import openai

    if isinstance(failure, openai.APIConnectionError):
        return not type(failure.__cause__).__name__.startswith(("Connect", "Pool"))
    return isinstance(failure, CutOff | Malformed | TooMuch)


def is_worth_another(failure: Exception) -> bool:
    import openai

    if isinstance(failure, openai.APIStatusError):
        if (asked_delay(failure.response.headers) or 0.0) > _LONGEST_WAIT_SECONDS:
            return False
        return is_rate_limit(failure) or failure.status_code in (408, 409) or failure.status_code >= 500
    # A reply in another form than the protocol was paid for all the same, and the next one would be no better.
    return not too_much_in(failure) and isinstance(failure, openai.APIConnectionError | CutOff)


def concerns_all(failure: KullmError) -> bool:
    """Nothing about the item was wrong, so the next one would fare no better."""
    if not isinstance(failure, EndpointError) or isinstance(failure, SchemaRefused):
        return True
    return failure.status in (401, 403, 404, 429) or (failure.status or 0) in range(300, 400)


def never_got_there(failure: KullmError) -> bool:
    """No answer of any kind: refused connections, names that lead nowhere, silence."""
    return isinstance(failure, EndpointError) and failure.status is None and failure.code is None


def as_error(failure: Exception, endpoint: Endpoint, model: str, *, strict: bool) -> KullmError:
    """The failure as something to read."""
    ours = translated(failure, endpoint, model, begun=False)
    if strict and _refuses_the_body(failure) and _NO_SCHEMAS.search(str(failure)):
        return SchemaRefused(
            say(
                f"{model}: JSON 스키마(json_schema)를 받지 않는 채점자라 strict 방식으로는 물을 수 없어요. "
                f"--mode paper로(앱에서는 채점 설정의 방식을 바꿔) 다시 해 보세요. {ours}",
                f"{model} takes no JSON schema (json_schema), so it cannot be asked in strict mode. "
                f"Try again with --mode paper (in the app, another form in the judge's settings). {ours}",
            )
        )
    return ours


def refuses_cap(failure: Exception) -> bool:
    """The parameter that bounds a reply is not known there, or not under this name."""
    words = str(failure)
    return _refuses_the_body(failure) and bool(_NO_CAP.search(words) and _UNKNOWN.search(words))


def _refuses_the_body(failure: Exception) -> bool:
    import openai

    return isinstance(failure, openai.APIStatusError) and failure.status_code in _REFUSALS_OF_A_BODY
