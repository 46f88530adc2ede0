"""What was begun and not sent, one draft a conversation; it outlives the program that it was typed into."""

from collections.abc import Mapping
from dataclasses import dataclass
from sqlite3 import Connection

from kullm_tui.core.store.database import Database
from kullm_tui.core.store.writer_id import is_dead, this_writer
from kullm_tui.core.text import storable


@dataclass(frozen=True)
class Edited:
    """The question that a draft is to take the place of, as its sibling."""

    question_id: int
    parent_id: int | None


@dataclass(frozen=True)
class StoredDraft:
    text: str
    input: str = ""
    edits: Edited | None = None

    @property
    def is_empty(self) -> bool:
        return not (self.text.strip() or self.input.strip())


class StoredDrafts:
    """By the conversation's id; None is the conversation that does not exist yet."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def taken_over(self) -> dict[int | None, StoredDraft]:
        """Those in nobody's prompt, the newest of each conversation: from now on they are this program's."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT drafts.id, drafts.conversation_id, text, drafts.input, edits, parent_id, drafts.writer"
                " FROM drafts LEFT JOIN messages ON messages.id = edits ORDER BY drafts.id"
            ).fetchall()
            ours = [row for row in rows if _is_ours(row["writer"])]
            connection.executemany(
                "UPDATE drafts SET writer = ? WHERE id = ?", [(this_writer(), row["id"]) for row in ours]
            )
        return {
            row["conversation_id"]: StoredDraft(
                row["text"], row["input"], Edited(row["edits"], row["parent_id"]) if row["edits"] else None
            )
            for row in ours
        }

    def put(self, drafts: Mapping[int | None, StoredDraft | None]) -> None:
        """Each in the place of the one that was there; None takes it away. Of a conversation that is gone nothing is kept."""
        with self._database.transaction() as connection:
            for conversation_id, draft in drafts.items():
                _take_away(connection, conversation_id)
                if draft is None:
                    continue
                edits = draft.edits.question_id if draft.edits else None
                connection.execute(
                    "INSERT INTO drafts (conversation_id, text, input, edits, writer) SELECT ?1, ?2, ?3,"
                    " (SELECT id FROM messages WHERE id = ?4), ?5"
                    " WHERE ?1 IS NULL OR EXISTS (SELECT 1 FROM conversations WHERE id = ?1)",
                    (conversation_id, storable(draft.text), storable(draft.input), edits, this_writer()),
                )


def _take_away(connection: Connection, conversation_id: int | None) -> None:
    rows = connection.execute("SELECT id, writer FROM drafts WHERE conversation_id IS ?", (conversation_id,)).fetchall()
    connection.executemany("DELETE FROM drafts WHERE id = ?", [(row["id"],) for row in rows if _is_ours(row["writer"])])


def _is_ours(writer: str) -> bool:
    """This program's, or of one that has ended."""
    return writer == this_writer() or is_dead(writer)
