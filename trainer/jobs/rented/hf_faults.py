"""What Hugging Face Jobs says when it does not do what it was asked, as a sentence with the next step."""

import contextlib
from collections.abc import Iterator

from kullm_tui.core.errors import HubError, KullmError
from kullm_tui.core.hub.errors import hub_endpoint, hub_http
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.jobs.rented import NotLet


@contextlib.contextmanager
def translated() -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    http = hub_http()
    try:
        yield
    except HfHubHTTPError as error:
        raise _refused(error.response.status_code, terminal_safe(str(error.server_message or ""))[:300]) from error
    except OfflineModeIsEnabled as error:
        raise NotLet(
            say("HF_HUB_OFFLINE이 켜져 있어요. 끄고 다시 해 보세요.", "HF_HUB_OFFLINE is set. Unset it and try again.")
        ) from error
    except (http.TransportError, http.TooManyRedirects) as error:
        raise HubError(
            say(
                f"Hugging Face({hub_endpoint()})에 연결하지 못했어요. 네트워크를 확인하고 다시 해 보세요.",
                f"Hugging Face ({hub_endpoint()}) was not reached. Check the network and try again.",
            )
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:  # the library takes the answer apart as it comes
        raise HubError(
            say(
                f"{hub_endpoint()}의 답을 알아볼 수 없어요. HF_ENDPOINT를 확인하세요.",
                f"The answer of {hub_endpoint()} makes no sense. Check HF_ENDPOINT.",
            )
        ) from error


@contextlib.contextmanager
def job_is_gone() -> Iterator[None]:
    """The hub does not know the job any more: what was asked of it is passed over."""
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except HfHubHTTPError as error:
        if error.response.status_code not in (404, 410):
            raise


def _refused(status: int, words: str) -> KullmError:
    said = f" ({words})" if words else ""
    if status >= 500:
        return HubError(
            say(
                f"Hugging Face Jobs가 지금 답하지 못해요(HTTP {status}). 잠시 뒤 다시 해 보세요.",
                f"Hugging Face Jobs cannot answer now (HTTP {status}). Try again later.",
            )
        )
    texts = {
        401: say(
            "Hugging Face가 토큰을 받아 주지 않아요. Jobs를 쓸 수 있는 토큰을 `kullm keys set HF_TOKEN`으로 다시 넣으세요.",
            "Hugging Face does not accept the token. Store one that may run Jobs with `kullm keys set HF_TOKEN`.",
        ),
        402: say(
            f"Hugging Face에 크레딧이 없어요. {hub_endpoint()}/settings/billing 에서 채운 뒤 다시 하세요.",
            f"There is no credit at Hugging Face. Add some at {hub_endpoint()}/settings/billing and try again.",
        ),
        403: say(
            f"이 토큰으로는 Jobs를 쓸 수 없어요{said}. 토큰의 권한과 장비의 namespace를 확인하세요.",
            f"This token may not run Jobs{said}. Check its permissions, and the machine's namespace.",
        ),
        429: say(
            "Hugging Face에 너무 자주 물었어요. 1분쯤 뒤에 다시 해 보세요.",
            "Hugging Face was asked too often. Try again in a minute.",
        ),
    }
    return NotLet(
        texts.get(status)
        or say(
            f"Hugging Face Jobs가 거절했어요(HTTP {status}){said}. 장비의 flavor와 image를 확인하세요.",
            f"Hugging Face Jobs refused (HTTP {status}){said}. Check the machine's flavor and image.",
        )
    )
