"""Files that lie here, to a repository of the hub: all of them in one commit, so that nobody sees half. It blocks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.hub.errors import hub_endpoint
from kullm_tui.core.hub.token import hub_token
from kullm_tui.core.language import say

Kind = Literal["dataset", "model"]

_UNDER = {"dataset": "datasets/", "model": ""}


def require_token() -> str:
    token = hub_token()
    if token is None:
        raise KullmError(
            say(
                "허브 토큰이 없어요. `kullm keys set HF_TOKEN`으로 쓰기 권한이 있는 토큰을 넣어 주세요.",
                "there is no token of the hub. Store one that may write: `kullm keys set HF_TOKEN`.",
            )
        )
    return token


def upload(files: Sequence[Path], repository: str, *, kind: Kind, public: bool, message: str) -> str:
    """The address where they lie then, each under its own name."""
    from huggingface_hub import CommitOperationAdd, HfApi
    from huggingface_hub.errors import HfHubHTTPError

    api = HfApi(endpoint=hub_endpoint(), token=require_token())
    try:
        api.create_repo(repository, repo_type=kind, private=not public, exist_ok=True)
        api.create_commit(
            repository,
            repo_type=kind,
            operations=[CommitOperationAdd(file.name, str(file)) for file in files],
            commit_message=message,
        )
    except HfHubHTTPError as error:
        raise _refused(repository, str(error.response.status_code)) from error
    except (OSError, ValueError) as error:  # the way there, or an answer that is none
        raise _refused(repository, cause_of(error)) from error
    return f"{hub_endpoint()}/{_UNDER[kind]}{repository}"


def _refused(repository: str, why: str) -> KullmError:
    return KullmError(
        say(
            f"{repository}에 올리지 못했어요({why}). 토큰에 쓰기 권한이 있는지, 이름이 맞는지 확인하세요. 다시 하면 이어서 올려요.",
            f"{repository} did not take it ({why}). Check that the token may write and that the name is right; doing it again goes on.",
        )
    )
