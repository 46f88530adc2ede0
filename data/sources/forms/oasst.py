"""OpenAssistant's trees of messages: of each, the conversation of the replies that people ranked first."""

from collections.abc import Iterator, Mapping
from typing import Any

from data.sources.form import Fields, Flaw, Messages, Unfit, text_of
from kullm_tui.core.language import say
from kullm_tui.core.records import Message

_DEEPEST = 1000


def read(fields: Fields, *, language: str = "") -> Iterator[Messages | Flaw]:
    """A tree in another language than the one asked for is no part of the source: nothing is said of it."""
    root = fields.get("prompt")
    if not isinstance(root, Mapping):
        raise Unfit("columns", say("prompt 열이 없어요", "no column prompt"))
    if language and root.get("lang") != language:
        return
    messages = [Message("user" if at % 2 == 0 else "assistant", text_of(one, "text")) for at, one in _best(root)]
    if len(messages) < 2:
        raise Unfit("unanswered", say("답이 없는 질문이에요", "a question without a reply"))
    yield tuple(messages[: len(messages) // 2 * 2])


def _best(root: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """From the root down, as long as the roles alternate."""
    node: Mapping[str, Any] | None = root
    for at in range(_DEEPEST):
        if node is None or node.get("role") != ("prompter" if at % 2 == 0 else "assistant"):
            return
        yield at, node
        node = min(_usable(node.get("replies")), key=_rank, default=None)


def _usable(replies: Any) -> list[Mapping[str, Any]]:
    found = [one for one in replies if isinstance(one, Mapping)] if isinstance(replies, list) else []
    return [one for one in found if not one.get("deleted") and one.get("review_result") is not False]


def _rank(node: Mapping[str, Any]) -> float:
    rank = node.get("rank")
    return float(rank) if isinstance(rank, int) else float("inf")
