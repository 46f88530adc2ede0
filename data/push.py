"""A finished set handed on to the Hub, where the licences of its sources allow it, or its user says that they do."""

from collections.abc import Sequence
from dataclasses import dataclass

from data.manifest import Mixture
from data.shelf import BuiltFacts
from data.sources.catalogue import Source
from kullm_tui.core.errors import ConsentNeeded
from kullm_tui.core.hub.upload import upload
from kullm_tui.core.language import say

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
    files = [
        *(one.path for output in facts.outputs for one in output.files),
        *(facts.folder / name for name in _BESIDE),
    ]
    return upload(files, repository, kind="dataset", public=public, message=f"kullm data push {facts.folder.name}")
