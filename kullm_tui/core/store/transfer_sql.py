"""Between the database and conversations outside it: whole trees out, and in again without making anything twice."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from sqlite3 import Connection, Row
from typing import Any, get_args

from kullm_tui.core.store.database import inserted
from kullm_tui.core.store.history import LISTED, mapping_from, no_conversation
from kullm_tui.core.store.journal import FinalState, choose_leaf
from kullm_tui.core.store.portable import Imported, ImportProgress, PortableConversation, PortableMessage

# The columns of a message that stand in a file under their own names.
_FACTS = tuple(one.name for one in fields(PortableMessage) if one.name not in ("number", "parent", "corrects"))
_JSON = ("parameters", "timings")
_INDEXED_AT_ONCE = 2000  # messages

_Ids = dict[int | None, int | None]  # of a file's numbers


def portable_conversations(connection: Connection, ids: Sequence[int] | None) -> Iterator[PortableConversation]:
    """These, or all that are not deleted, oldest first."""
    if ids is None:
        rows = connection.execute(f"SELECT id FROM conversations WHERE {LISTED} ORDER BY id")
        ids = [row["id"] for row in rows]
    for conversation_id in ids:
        row = connection.execute(
            "SELECT * FROM conversations WHERE id = ? AND deleted IS NULL", (conversation_id,)
        ).fetchone()
        if row is None:
            raise no_conversation(conversation_id)
        yield _portable(row, connection)


def _portable(row: Row, connection: Connection) -> PortableConversation:
    messages = connection.execute(
        f"SELECT id, parent_id, corrects, {', '.join(_FACTS)} FROM messages WHERE conversation_id = ? ORDER BY id",
        (row["id"],),
    ).fetchall()
    numbers = {message["id"]: number for number, message in enumerate(messages, start=1)}
    return PortableConversation(
        row["key"],
        row["title"],
        row["created"],
        row["updated"],
        tuple(_portable_message(message, numbers) for message in messages),
        bool(row["pinned"]),
        numbers.get(row["leaf_id"]),
    )


def _portable_message(row: Row, numbers: dict[int, int]) -> PortableMessage:
    facts: dict[str, Any] = {name: row[name] for name in _FACTS}
    for name in _JSON:
        facts[name] = mapping_from(facts[name]) or None
    if facts["state"] == "streaming":
        facts["state"] = "cancelled"  # in the file nobody goes on writing it
    return PortableMessage(
        number=numbers[row["id"]], parent=numbers.get(row["parent_id"]), corrects=numbers.get(row["corrects"]), **facts
    )


def keep(
    connection: Connection, conversations: Sequence[PortableConversation], progress: ImportProgress = lambda *_: None
) -> Imported:
    """Within one transaction of the caller's. What is there already is not made twice; new branches join it."""
    counts: Counter[str] = Counter()
    for done, one in enumerate(conversations, start=1):
        conversation_id, is_new = _place_for(connection, one)
        added = _add_missing(connection, conversation_id, one, is_new=is_new)
        counts["new" if is_new else "grown" if added.total() else "known"] += 1
        counts["messages"] += added["messages"]
        progress("keep", done, len(conversations))
    index(connection, progress)
    return Imported(**counts)


def index(connection: Connection, progress: ImportProgress = lambda *_: None) -> None:
    """All that was inserted `unindexed`, many in a statement: the search's index is written out after each."""
    fresh = f"state = 'streaming' AND writer IN {get_args(FinalState)}"
    row = connection.execute(f"SELECT count(*), min(id), max(id) FROM messages WHERE {fresh}").fetchone()
    total, first, last = (number or 0 for number in row)
    done = 0
    for start in range(first, last + 1 if total else first, _INDEXED_AT_ONCE):
        indexed = connection.execute(
            f"UPDATE messages SET state = writer, writer = NULL WHERE {fresh} AND id BETWEEN ? AND ?",
            (start, start + _INDEXED_AT_ONCE - 1),
        )
        done += indexed.rowcount
        progress("index", done, total)


def unindexed(facts: Mapping[str, Any]) -> dict[str, Any]:
    """A message's columns as they stand until `index`, in the same transaction."""
    ended = facts["state"] if facts["state"] in get_args(FinalState) else "failed"
    return {**facts, "writer": ended, "state": "streaming"}


def _place_for(connection: Connection, one: PortableConversation) -> tuple[int, bool]:
    # A deleted one stays deleted, and leaves its key to the one that comes.
    connection.execute(
        "UPDATE conversations SET key = lower(hex(randomblob(16))) WHERE key = ? AND deleted IS NOT NULL", (one.key,)
    )
    row = connection.execute("SELECT id FROM conversations WHERE key = ?", (one.key,)).fetchone()
    if row:
        return row["id"], False
    facts = {name: getattr(one, name) for name in ("key", "title", "created", "updated", "pinned")}
    return inserted(connection, "conversations", **facts, recency=min(one.updated, time.time())), True


def _add_missing(
    connection: Connection, conversation_id: int, one: PortableConversation, *, is_new: bool
) -> Counter[str]:
    """What was added: messages, and what a person said of those that were there."""
    known = {} if is_new else _identities(connection, conversation_id)
    prints = _Prints()
    ids: _Ids = {None: None}
    added = Counter[str]()
    for message in one.messages:
        same = prints.of(message.number, message.parent, message.role, message.content, message.input)
        if same in known:
            added["said of it"] += _take_over(connection, known[same], message, ids)
        else:
            known[same] = _insert(connection, conversation_id, message, ids)
            added["messages"] += 1
        ids[message.number] = known[same]
    leaf = ids.get(one.leaf) or max((identity for identity in ids.values() if identity), default=None)
    if is_new and leaf:
        choose_leaf(connection, conversation_id, leaf)
    return added


def _identities(connection: Connection, conversation_id: int) -> dict[bytes, int]:
    rows = connection.execute(
        "SELECT id, parent_id, role, content, input FROM messages WHERE conversation_id = ? ORDER BY id",
        (conversation_id,),
    )
    prints = _Prints()
    return {prints.of(*row): row["id"] for row in rows}


class _Prints:
    """A message is the same where it says the same under the same messages, and is as often repeated there."""

    def __init__(self) -> None:
        self._of: dict[int | None, bytes] = {None: b""}
        self._times: Counter[bytes] = Counter()

    def of(self, number: int, parent: int | None, role: str, content: str, more: str) -> bytes:
        said = self._of[parent] + hashlib.sha256("\0".join((role, content, more)).encode()).digest()
        self._times[said] += 1
        mark = self._of[number] = hashlib.sha256(said + str(self._times[said]).encode()).digest()
        return mark


def _take_over(connection: Connection, message_id: int, message: PortableMessage, ids: _Ids) -> bool:
    """Whether the file says more of a message that is there. What was said here stays, but a *never* of either side holds."""
    if message.mark is None and message.corrects is None:
        return False
    there = tuple(connection.execute("SELECT mark, corrects FROM messages WHERE id = ?", (message_id,)).fetchone())
    mark = "never" if "never" in (there[0], message.mark) else there[0] or message.mark
    said = (mark, there[1] or ids[message.corrects])
    if said == there:
        return False
    connection.execute("UPDATE messages SET mark = ?, corrects = ? WHERE id = ?", (*said, message_id))
    return True


def _insert(connection: Connection, conversation_id: int, message: PortableMessage, ids: _Ids) -> int:
    facts: dict[str, Any] = {name: getattr(message, name) for name in _FACTS}
    for name in _JSON:
        facts[name] = json.dumps(dict(facts[name]), ensure_ascii=False) if facts[name] else None
    facts = unindexed(facts)
    hung = {"conversation_id": conversation_id, "parent_id": ids[message.parent], "corrects": ids[message.corrects]}
    return inserted(connection, "messages", **hung, **facts)
