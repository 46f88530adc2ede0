"""A finished set handed on to the Hub, where the licences of its sources allow it, or its user says that they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data.manifest import Mixture
from data.shelf import BuiltFacts
from data.sources.catalogue import Source
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConsentNeeded, KullmError
from kullm_tui.core.hub.errors import hub_endpoint
from kullm_tui.core.hub.token import hub_token
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_BESIDE = ("README.md", "facts.json", "mixture.toml")


@dataclass(frozen=True)
class Term:
    """Why one of the sources stands in the way, or binds whoever gets the set."""

    source: str
    licence: str
    forbids: bool  # it may not be handed on, or nobody can say that it may
    why: str


def terms_of(mixture: Mixture, sources: Sequence[Source]) -> list[Term]:
    """Of every source that is not free."""
    found = []
    for choice, source in zip(mixture.sources, sources, strict=True):
        why = _WHY.get(source.sharing)
        if why:
            found.append(Term(choice.name, source.licence or "-", source.sharing != "share-alike", say(*why)))
    return found


_WHY = {
    "share-alike": ("같은 라이선스로만 공개할 수 있어요", "it may only be handed on under the same licence"),
    "non-commercial": ("비상업 용도로만 공개할 수 있어요", "it may only be handed on for non-commercial use"),
    "no": ("공개할 수 없어요", "it may not be handed on"),
    "unclear": ("공개해도 되는지 알 수 없어요", "nobody can say whether it may be handed on"),
}


def require_consent(terms: Sequence[Term], *, accepted: bool) -> None:
    """ConsentNeeded lists every licence that forbids it or asks for something."""
    standing = [one for one in terms if one.forbids]
    if not standing or accepted:
        return
    listed = "\n".join(f"  {one.source} ({one.licence}): {one.why}" for one in standing)
    raise ConsentNeeded(
        say(
            f"이 데이터에는 조건이 있는 소스가 들어 있어요. 아무것도 보내지 않았어요.\n{listed}\n조건을 지켜 공개하려면 --accept-licence를 붙이세요.",
            f"the set holds sources with conditions. Nothing was sent.\n{listed}\nTo hand it on within them, add --accept-licence.",
        )
    )


def push(facts: BuiltFacts, repository: str, *, public: bool) -> str:
    """Every file of the set in one commit; the address where it lies then. It blocks."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

    token = hub_token()
    if token is None:
        raise KullmError(
            say(
                "허브 토큰이 없어요. `kullm keys set HF_TOKEN`으로 쓰기 권한이 있는 토큰을 넣어 주세요.",
                "there is no token of the hub. Store one that may write: `kullm keys set HF_TOKEN`.",
            )
        )
    api = HfApi(endpoint=hub_endpoint(), token=token)
    try:
        _upload(api, facts, repository, public=public)
    except HfHubHTTPError as error:
        raise _refused(repository, str(error.response.status_code)) from error
    except (OSError, ValueError) as error:  # the way there, or an answer that is none
        raise _refused(repository, cause_of(error)) from error
    return f"{hub_endpoint()}/datasets/{repository}"


def _upload(api: "HfApi", facts: BuiltFacts, repository: str, *, public: bool) -> None:
    from huggingface_hub import CommitOperationAdd

    paths = [
        *(one.path for output in facts.outputs for one in output.files),
        *(facts.folder / name for name in _BESIDE),
    ]
    api.create_repo(repository, repo_type="dataset", private=not public, exist_ok=True)
    api.create_commit(
        repository,
        repo_type="dataset",
        operations=[CommitOperationAdd(path.name, str(path)) for path in paths],
        commit_message=f"kullm data push {facts.folder.name}",
    )


def _refused(repository: str, why: str) -> KullmError:
    return KullmError(
        say(
            f"{repository}에 올리지 못했어요({why}). 토큰에 쓰기 권한이 있는지, 이름이 맞는지 확인하세요. 다시 하면 이어서 올려요.",
            f"{repository} did not take it ({why}). Check that the token may write and that the name is right; doing it again goes on.",
        )
    )
