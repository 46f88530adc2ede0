"""Replies that a person said something of, each with what led there: read from every conversation and column that is not deleted."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from sqlite3 import Connection, Row

from kullm_tui.core.records import Message
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.store.history import Mark, is_cut

_OF_REPLIES = (
    "SELECT reply.*, conversations.title, comparison_id FROM messages reply"
    " JOIN conversations ON conversations.id = reply.conversation_id"
    " LEFT JOIN comparisons ON comparisons.id = comparison_id"
    " WHERE conversations.deleted IS NULL AND comparisons.deleted IS NULL"
    " AND reply.role = 'assistant' AND reply.state <> 'streaming' AND reply.id IN (SELECT value FROM json_each(?))"
    " ORDER BY reply.id"
)
_ABOVE = (
    "WITH RECURSIVE up (id, parent_id, depth) AS ("
    " SELECT id, parent_id, 0 FROM messages WHERE id = ?"
    " UNION ALL SELECT above.id, above.parent_id, depth + 1 FROM messages above JOIN up ON above.id = up.parent_id)"
    " SELECT role, content, input, mark FROM up JOIN messages USING (id) ORDER BY depth DESC"
)


@dataclass(frozen=True)
class ReviewedReply:
    id: int
    conversation_id: int
    comparison_id: int | None
    title: str
    content: str
    by: str  # model and adapter; empty for what a person wrote
    template: str
    created: float
    mark: Mark | None
    corrects: int | None
    cut: bool  # it ends where nobody meant it to end
    led_by: tuple[Message, ...]  # from the root down to the question
    below_never: bool  # something above it is not for training

    @property
    def is_never(self) -> bool:
        return self.mark == "never" or self.below_never


def said_of(connection: Connection) -> list[int]:
    """The replies that have a mark or correct another one, oldest first."""
    rows = connection.execute(  # left to itself, SQLite goes through all messages
        "SELECT id FROM messages INDEXED BY marked_messages WHERE mark IS NOT NULL"
        " UNION SELECT id FROM messages INDEXED BY corrections WHERE corrects IS NOT NULL ORDER BY id"
    )
    return [row["id"] for row in rows]


def reviewed(connection: Connection, ids: Iterable[int]) -> dict[int, ReviewedReply]:
    """Those of them that are there; of deleted conversations and comparisons nothing is."""
    rows = connection.execute(_OF_REPLIES, (json.dumps(sorted(set(ids))),)).fetchall()
    return {row["id"]: _reviewed(connection, row) for row in rows}


def never_texts(connection: Connection) -> frozenset[str]:
    """All that was marked so, in deleted conversations too: whoever deletes one does not take the word back."""
    rows = connection.execute("SELECT content FROM messages WHERE mark = 'never'")
    return frozenset(row["content"] for row in rows)


def _reviewed(connection: Connection, row: Row) -> ReviewedReply:
    above = connection.execute(_ABOVE, (row["parent_id"],)).fetchall()
    return ReviewedReply(
        row["id"],
        row["conversation_id"],
        row["comparison_id"],
        row["title"],
        row["content"],
        Contestant(row["model"], row["adapter"] or "").label if row["model"] else "",
        row["template"] or "",
        row["created"],
        row["mark"],
        row["corrects"],
        is_cut(row["state"], row["timings"]),
        tuple(Message(one["role"], one["content"], one["input"]) for one in above),
        any(one["mark"] == "never" for one in above),
    )
