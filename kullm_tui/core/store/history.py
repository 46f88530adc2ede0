"""Conversations as they are read: the list, one branch from root to leaf, and where a branch goes on.

What decides an order here is the order of writing, never the clock.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Connection, Row
from typing import Any, Literal

from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.core.records import Role

State = Literal["complete", "cancelled", "failed", "streaming"]
Mark = Literal["keep", "never"]  # of a reply: good as it is, not for training

_CONVERSATION = "SELECT id, title, created, updated, pinned, leaf_id, model, adapter FROM conversations"
LISTED = "deleted IS NULL AND comparison_id IS NULL"  # of a conversation: what the user sees as one
_TURN = (
    "id, parent_id, role, content, input, created, state, error, model, adapter, template, parameters, prompt_sha256,"
    " prompt_tokens, completion_tokens, timings, thinking, mark, corrects"
)


@dataclass(frozen=True)
class Conversation:
    id: int
    title: str
    created: float
    updated: float
    pinned: bool
    leaf_id: int | None  # where it goes on
    model: str | None = None  # what answered there last
    adapter: str | None = None


@dataclass(frozen=True)
class Turn:
    """One message of a branch, with all that is known of it."""

    id: int
    parent_id: int | None
    role: Role
    content: str
    input: str
    created: float
    state: State
    error: str | None
    model: str | None
    adapter: str | None
    template: str | None
    parameters: Mapping[str, Any]
    prompt_sha256: str | None
    prompt_tokens: int | None
    completion_tokens: int | None
    timings: Mapping[str, float]
    siblings: tuple[int, ...]  # the messages of this role under the same parent, oldest first, itself among them
    thinking: str = ""  # before it answered; nobody is told of it
    mark: Mark | None = None
    corrects: int | None = None  # of a reply that a person wrote: the one that it stands for

    def beside(self, step: int) -> int | None:
        """The message so many branches on; None where there is none."""
        at = self.siblings.index(self.id) + step if self.id in self.siblings else -1
        return self.siblings[at] if 0 <= at < len(self.siblings) else None


@dataclass(frozen=True)
class Hit:
    conversation: Conversation
    message_id: int | None  # None: the title
    excerpt: str
    start: int  # of the match in the excerpt
    end: int


def conversations(connection: Connection, *, limit: int | None, offset: int) -> list[Conversation]:
    """Pinned ones first, then the newest; never deleted ones, nor the columns of comparisons."""
    rows = connection.execute(
        f"{_CONVERSATION} WHERE {LISTED} ORDER BY pinned DESC, recency DESC, id DESC LIMIT ? OFFSET ?",
        (-1 if limit is None else limit, offset),
    )
    return [conversation_from(row) for row in rows]


def conversation(connection: Connection, conversation_id: int) -> Conversation:
    row = connection.execute(f"{_CONVERSATION} WHERE id = ? AND deleted IS NULL", (conversation_id,)).fetchone()
    if row is None:
        raise no_conversation(conversation_id)
    return conversation_from(row)


def conversation_from(row: Row) -> Conversation:
    identity, title, created, updated, pinned, leaf_id, model, adapter = row
    return Conversation(identity, title, created, updated, bool(pinned), leaf_id, model, adapter)


def latest_answered(connection: Connection) -> Conversation | None:
    """The last one that was answered: a question that failed has nothing to go on with."""
    row = connection.execute(
        "SELECT one.id, title, one.created, updated, pinned, reply.id, coalesce(reply.model, one.model),"
        " CASE WHEN reply.model IS NULL THEN one.adapter ELSE reply.adapter END"
        " FROM conversations one JOIN messages reply ON reply.conversation_id = one.id"
        f" WHERE {LISTED} AND reply.role = 'assistant' AND reply.content <> ''"
        " ORDER BY recency DESC, one.id DESC, reply.id DESC LIMIT 1"
    ).fetchone()
    return conversation_from(row) if row else None


def thread(connection: Connection, conversation_id: int, leaf_id: int | None) -> list[Turn]:
    """Root to leaf; without a leaf the branch that was chosen last, else the newest."""
    tree = _Tree(connection, conversation_id)
    if leaf_id is not None and leaf_id not in tree.parents:
        raise no_message(leaf_id)
    chosen = leaf_id or conversation(connection, conversation_id).leaf_id
    leaf = chosen if chosen in tree.parents else max(tree.parents, default=None)
    path = tree.path(leaf)
    rows = connection.execute(
        f"SELECT {_TURN} FROM messages WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(path),)
    )
    turns = {row["id"]: _turn(dict(row), tree) for row in rows}
    return [turns[identity] for identity in path]


def turn(connection: Connection, message_id: int) -> Turn:
    row = connection.execute(f"SELECT conversation_id, {_TURN} FROM messages WHERE id = ?", (message_id,)).fetchone()
    if row is None:
        raise no_message(message_id)
    facts = dict(row)
    return _turn(facts, _Tree(connection, facts.pop("conversation_id")))


def leaf_below(connection: Connection, message_id: int) -> int:
    """Where the branch of this message goes on: down to its end, along the newest."""
    row = connection.execute("SELECT conversation_id FROM messages WHERE id = ?", (message_id,)).fetchone()
    if row is None:
        raise no_message(message_id)
    children = _Tree(connection, row["conversation_id"]).children
    while below := children.get(message_id):
        message_id = below[-1]
    return message_id


class _Tree:
    """Who stands under whom in one conversation, without their texts."""

    def __init__(self, connection: Connection, conversation_id: int) -> None:
        rows = connection.execute(
            "SELECT id, parent_id, role FROM messages WHERE conversation_id = ? ORDER BY id", (conversation_id,)
        )
        self.parents: dict[int, int | None] = {}
        self.children: dict[int | None, list[int]] = {}
        self._roles: dict[int, str] = {}
        for identity, parent, role in rows:
            self.parents[identity] = parent
            self._roles[identity] = role
            self.children.setdefault(parent, []).append(identity)

    def path(self, leaf: int | None) -> list[int]:
        path: list[int] = []
        while leaf is not None:
            path.append(leaf)
            leaf = self.parents[leaf]
        return path[::-1]

    def siblings(self, identity: int) -> tuple[int, ...]:
        role = self._roles[identity]
        return tuple(one for one in self.children[self.parents[identity]] if self._roles[one] == role)


def _turn(row: Mapping[str, Any], tree: _Tree) -> Turn:
    facts = dict(row)
    for name in ("parameters", "timings"):
        facts[name] = mapping_from(facts[name])
    return Turn(**facts, siblings=tree.siblings(row["id"]))


def is_cut(state: str, timings: str | Mapping[str, Any] | None) -> bool:
    """Whether a reply ends where nobody meant it to: broken off, failed, or stopped at the length limit."""
    told = mapping_from(timings) if isinstance(timings, str) else timings or {}
    return state != "complete" or bool(told.get("cut_at_length"))


def mapping_from(text: str | None) -> dict[str, Any]:
    value = json.loads(text) if text else {}
    return value if isinstance(value, dict) else {}


def no_conversation(conversation_id: int) -> StoreError:
    return StoreError(
        say(
            f"{conversation_id}번 대화가 없어요. `kullm history list`에서 번호를 확인하세요.",
            f"there is no conversation {conversation_id}. See `kullm history list` for the numbers.",
        )
    )


def no_message(message_id: int) -> StoreError:
    return StoreError(say(f"{message_id}번 메시지가 없어요.", f"there is no message {message_id}."))
