"""Conversations: a tree of messages that grows and is never rewritten. A question is committed before it is answered,
and an answer is journalled while it arrives, so that nothing said is lost to a crash.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from sqlite3 import Connection
from typing import Self, TypeVar

from kullm_tui.core.records import Message
from kullm_tui.core.store import history, marks, remarks
from kullm_tui.core.store.comparisons import Comparisons
from kullm_tui.core.store.database import Database, inserted
from kullm_tui.core.store.drafts import StoredDrafts
from kullm_tui.core.store.history import Conversation, Hit, Mark, Turn
from kullm_tui.core.store.journal import Journal, ReplySource, bury_orphans, choose_leaf, touch
from kullm_tui.core.store.portable import Imported, ImportProgress, PortableConversation
from kullm_tui.core.store.remarks import ReviewedReply
from kullm_tui.core.store.search import Searches
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.store.transfer_sql import keep, portable_conversations
from kullm_tui.core.store.writer_id import this_writer
from kullm_tui.core.text import storable

T = TypeVar("T")


class Store:
    """The conversations of one user. Its calls block; an event loop makes them in a thread."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self.notice = self._database.notice  # something that the user should know about the file
        self.comparisons = Comparisons(self._database)
        self.drafts = StoredDrafts(self._database)
        self._searches = Searches(self._database)
        with self._database.transaction() as connection:
            bury_orphans(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    @property
    def path(self) -> Path:
        return self._database.path

    @property
    def is_moved(self) -> bool:
        """Whether another file has taken the place of the one that was opened."""
        return self._database.is_moved

    def create_conversation(self, first_question: str, *, system: str = "") -> Conversation:
        now = time.time()
        title = title_of(first_question)
        with self._database.transaction() as connection:
            conversation_id = inserted(connection, "conversations", title=title, created=now, updated=now)
            touch(connection, conversation_id)
        root = self.add_turn(conversation_id, Message("system", system), parent_id=None) if system else None
        return Conversation(conversation_id, title, now, now, pinned=False, leaf_id=root)

    def add_user_turn(self, conversation_id: int, message: Message, *, parent_id: int | None) -> int:
        return self.add_turn(conversation_id, message, parent_id=parent_id)

    def add_turn(self, conversation_id: int, message: Message, *, parent_id: int | None) -> int:
        with self._database.transaction() as connection:
            turn = inserted(
                connection,
                "messages",
                conversation_id=conversation_id,
                parent_id=parent_id,
                role=message.role,
                content=storable(message.content),
                input=storable(message.input),
                created=time.time(),
                state="complete",
            )
            touch(connection, conversation_id, leaf_id=turn)
            # Whoever goes on with a conversation that was deleted elsewhere wants it.
            connection.execute("UPDATE conversations SET deleted = NULL WHERE id = ?", (conversation_id,))
        return turn

    def open_reply(self, conversation_id: int, parent_id: int, source: ReplySource) -> Journal:
        with self._database.transaction() as connection:
            reply = inserted(
                connection,
                "messages",
                conversation_id=conversation_id,
                parent_id=parent_id,
                role="assistant",
                content="",
                created=time.time(),
                state="streaming",
                writer=this_writer(),
                model=source.model,
                adapter=source.adapter,
                template=source.template,
                parameters=json.dumps(dict(source.parameters or {}), ensure_ascii=False),
            )
            touch(connection, conversation_id, leaf_id=reply)
            connection.execute(
                "UPDATE conversations SET model = ?, adapter = ? WHERE id = ?",
                (source.model, source.adapter, conversation_id),
            )
        return Journal(self._database, conversation_id, reply)

    def conversations(self, *, limit: int | None = None, offset: int = 0) -> list[Conversation]:
        """Pinned ones first, then the newest; never deleted ones, nor the columns of comparisons."""
        return self._read(lambda connection: history.conversations(connection, limit=limit, offset=offset))

    def conversation(self, conversation_id: int) -> Conversation:
        return self._read(lambda connection: history.conversation(connection, conversation_id))

    def latest_conversation(self) -> Conversation | None:
        """The last one that was answered, to be gone on with after its newest answer."""
        return self._read(history.latest_answered)

    def thread(self, conversation_id: int, leaf_id: int | None = None) -> list[Turn]:
        """Root to leaf; without a leaf the branch that was chosen last, else the newest."""
        return self._read(lambda connection: history.thread(connection, conversation_id, leaf_id))

    def turn(self, message_id: int) -> Turn:
        """One message by itself, such as the reply that a shown one corrects."""
        return self._read(lambda connection: history.turn(connection, message_id))

    def newest_reply(self) -> int:
        """The number of the one that a model gave last."""
        return self._read(marks.newest_reply)

    def correct(self, message_id: int, text: str) -> Turn:
        """The answer that was wanted, beside this reply, which stays as it is. The conversation goes on from there."""
        with self._database.transaction() as connection:
            return history.turn(connection, marks.correct(connection, message_id, text))

    def mark(self, message_id: int, mark: Mark | None) -> None:
        """A reply is good as it is, or not for training; None takes back what was said."""
        with self._database.transaction() as connection:
            marks.mark(connection, message_id, mark)

    def reviewed(self, ids: Iterable[int] | None = None) -> dict[int, ReviewedReply]:
        """These replies with what led there, or all that a person said something of; what is deleted is left out."""
        return self._read(
            lambda connection: remarks.reviewed(connection, remarks.said_of(connection) if ids is None else ids)
        )

    def never_texts(self) -> frozenset[str]:
        """The replies that are not for training, by their words."""
        return self._read(remarks.never_texts)

    def leaf_below(self, message_id: int) -> int:
        """Where the branch of this message goes on: down to its end, along the newest."""
        return self._read(lambda connection: history.leaf_below(connection, message_id))

    def search(self, query: str, *, limit: int = 50) -> list[Hit]:
        """Where all words of the query occur; empty for a search that a newer one of this store has overtaken."""
        return self._searches.find(query, limit=limit)

    def choose_leaf(self, conversation_id: int, leaf_id: int) -> None:
        with self._database.transaction() as connection:
            choose_leaf(connection, conversation_id, leaf_id)

    def rename(self, conversation_id: int, title: str) -> str:
        """The title as it was kept: one line, no longer than a list can show."""
        kept = title_of(title)
        self._change(conversation_id, "title = ? WHERE", kept)
        return kept

    def pin(self, conversation_id: int, pinned: bool) -> None:
        self._change(conversation_id, "pinned = ? WHERE", int(pinned))

    def delete(self, conversation_id: int) -> None:
        """Out of every list and search; `restore` brings it back until it is purged."""
        self._change(conversation_id, "deleted = ? WHERE", time.time())

    def restore(self, conversation_id: int) -> None:
        self._change(conversation_id, "deleted = ? WHERE", None)

    def restore_latest(self) -> Conversation | None:
        """The one that was deleted last; None where there is none."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT id FROM conversations WHERE deleted IS NOT NULL AND comparison_id IS NULL"
                " ORDER BY deleted DESC, id DESC LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE conversations SET deleted = NULL WHERE id = ?", (row["id"],))
            return history.conversation(connection, row["id"])

    def purge(self, conversation_id: int) -> None:
        """Gone for good, with everything that was said in it."""
        with self._database.transaction() as connection:
            if not connection.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,)).rowcount:
                raise history.no_conversation(conversation_id)

    def portable(self, ids: Sequence[int] | None = None) -> Iterator[PortableConversation]:
        """These conversations as files hold them, or all that are not deleted, oldest first."""
        with self._database.reading() as connection:
            yield from portable_conversations(connection, ids)

    def keep(
        self, conversations: Sequence[PortableConversation], progress: ImportProgress = lambda *_: None
    ) -> Imported:
        """All of them, or, where one cannot be kept, none. What is there already is not made twice."""
        with self._database.transaction() as connection:
            return keep(connection, conversations, progress)

    def purge_deleted(self, older_than_s: float = 0.0) -> int:
        """How many deleted conversations and comparisons are now gone for good."""
        before = (time.time() - older_than_s,)
        with self._database.transaction() as connection:
            comparisons = connection.execute("DELETE FROM comparisons WHERE deleted <= ?", before).rowcount
            return comparisons + connection.execute("DELETE FROM conversations WHERE deleted <= ?", before).rowcount

    def _read(self, read: Callable[[Connection], T]) -> T:
        with self._database.reading() as connection:
            return read(connection)

    def _change(self, conversation_id: int, change: str, *values: object) -> None:
        with self._database.transaction() as connection:
            changed = connection.execute(f"UPDATE conversations SET {change} id = ?", (*values, conversation_id))
            if not changed.rowcount:
                raise history.no_conversation(conversation_id)
