"""What the hub, the network and the disk say when a download fails, as one or two lines for a person."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from typing import Any

from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.endpoints.errors import TooMuch
from kullm_tui.core.errors import GatedModel, HubError, KullmError, ModelNotFound, NoSpace
from kullm_tui.core.hub.cache import has_begun
from kullm_tui.core.language import say

_USUAL_ENDPOINT = "https://huggingface.co"


class CutShort(Exception):
    """The server ended a file before its length."""


def hub_endpoint() -> str:
    return (os.environ.get("HF_ENDPOINT") or _USUAL_ENDPOINT).rstrip("/")


def hub_http() -> Any:
    """The HTTP library whose errors huggingface_hub lets through: httpx2, and httpx before its 2.0."""
    from huggingface_hub.errors import HfHubHTTPError

    names = (base.__module__.partition(".")[0] for base in HfHubHTTPError.__mro__)
    return importlib.import_module(next(name for name in names if name.startswith("httpx")))


@contextlib.contextmanager
def translated(repository: str, revision: str) -> Iterator[None]:
    from huggingface_hub import errors

    http = hub_http()
    try:
        yield
    except errors.GatedRepoError as error:
        raise _gated(repository) from error
    except errors.RevisionNotFoundError as error:
        raise ModelNotFound(
            say(
                f"{repository} 저장소에 {revision} 리비전이 없어요. {hub_endpoint()}/{repository}에서 확인하세요.",
                f"{repository} has no revision {revision}. See {hub_endpoint()}/{repository}.",
            )
        ) from error
    except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
        raise ModelNotFound(
            say(
                f"허브에 {repository} 저장소가 없거나 비공개예요. 이름을 확인하고, 비공개라면 `kullm keys set HF_TOKEN`으로 토큰을 넣으세요.",
                f"The hub has no repository {repository}, or it is private. Check the name; "
                "if it is private, store a token with `kullm keys set HF_TOKEN`.",
            )
        ) from error
    except (TooMuch, http.TooManyRedirects) as error:
        raise _hostile(error) from error
    except errors.HfHubHTTPError as error:
        raise _refused(repository, error.response.status_code) from error
    except (http.TransportError, errors.OfflineModeIsEnabled, CutShort) as error:
        raise _unreachable(repository, error) from error
    except OSError as error:
        raise _disk_fault(error) from error


def _hostile(error: Exception) -> HubError:
    why = str(error) if isinstance(error, TooMuch) else say("끝없이 다른 주소로 보내요", "it redirects without an end")
    return HubError(
        say(
            f"허브({hub_endpoint()}): {why}. HF_ENDPOINT가 맞는지 확인하세요.",
            f"The hub ({hub_endpoint()}): {why}. Check HF_ENDPOINT.",
        )
    )


def _gated(repository: str) -> GatedModel:
    page = f"{hub_endpoint()}/{repository}"
    return GatedModel(
        say(
            f"{repository} 저장소는 라이선스에 동의한 사람만 받을 수 있어요. {page} 에서 동의하고, "
            "`kullm keys set HF_TOKEN`으로 토큰을 넣은 뒤 다시 받으세요.",
            f"{repository} is only for those who accepted its licence. Accept it at {page} , "
            "store a token with `kullm keys set HF_TOKEN`, and try again.",
        ),
        page=page,
    )


def _refused(repository: str, status: int) -> HubError:
    if status in (401, 403):
        return _gated(repository)
    return HubError(
        say(
            f"허브({hub_endpoint()})가 {repository} 저장소를 내주지 않아요(HTTP {status}). 잠시 뒤 다시 해 보세요.",
            f"The hub ({hub_endpoint()}) does not hand out {repository} (HTTP {status}). Try again later.",
        )
        + _kept(repository)
    )


def _kept(repository: str) -> str:
    """What to say of the parts that are here; nothing where there are none."""
    if not has_begun(repository):
        return ""
    return say(" 받은 데까지는 남아 있어 이어서 받아요.", " It goes on from what has arrived.")


def _unreachable(repository: str, error: Exception) -> HubError:
    from huggingface_hub.errors import OfflineModeIsEnabled

    if isinstance(error, OfflineModeIsEnabled):
        return HubError(
            say(
                "HF_HUB_OFFLINE이 켜져 있어 받을 수 없어요. 끄고 다시 해 보세요.",
                "HF_HUB_OFFLINE is set, so nothing is fetched. Unset it and try again.",
            )
        )
    http = hub_http()
    if isinstance(error, http.TimeoutException):
        why = say("답이 너무 늦어요", "answers too slowly")
    elif isinstance(error, (CutShort, http.RemoteProtocolError, http.ReadError)):
        why = say("연결이 자꾸 끊겨요", "keeps breaking the connection")
    else:
        why = say("연결할 수 없어요", "cannot be reached")
    return HubError(
        say(
            f"허브({hub_endpoint()}): {why}. 네트워크와 프록시를 확인하고 다시 해 보세요.",
            f"The hub ({hub_endpoint()}) {why}. Check the network and proxy and try again.",
        )
        + _kept(repository)
    )


def _disk_fault(error: OSError) -> KullmError:
    if is_full(error):
        return NoSpace(
            say(
                "받는 도중에 디스크가 가득 찼어요. 공간을 비우고 다시 하면 이어서 받아요.",
                "The disk filled up during the download. Free some space; the next try goes on from there.",
            )
        )
    return KullmError(
        say(
            f"허브 캐시에 쓰지 못했어요({cause_of(error)}). 폴더의 권한을 확인하세요.",
            f"The hub cache could not be written ({error}). Check the folder's permissions.",
        )
    )
