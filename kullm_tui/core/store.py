"""Conversations: a tree of messages that grows and is never rewritten. A question is committed before it is answered,
and an answer is journalled while it arrives, so that nothing said is lost to a crash.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from kullm_tui.core.chat_client import Finished
from kullm_tui.core.database import Database
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.text import nfc, terminal_safe
from kullm_tui.core.writers import is_dead, this_writer

FinalState = Literal["complete", "cancelled", "failed"]

_JOURNAL_SECONDS = 1.0
_LONGEST_TITLE = 60


@dataclass(frozen=True)
class Conversation:
    id: int
    title: str
    created: float
    updated: float
    pinned: bool
    leaf_id: int | None  # where it goes on: after the newest answer that has any text
    model: str | None = None  # what gave that answer
    adapter: str | None = None


@dataclass(frozen=True)
class ReplySource:
    """What a reply was made with."""

    model: str
    adapter: str | None = None
    template: str | None = None
    parameters: Mapping[str, Any] | None = None


class Store:
    """The conversations of one user. Its calls block; an event loop makes them in a thread."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        self._bury_orphans()

    @property
    def notice(self) -> str | None:
        return self._database.notice

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    def create_conversation(self, first_question: str, *, system: str = "") -> Conversation:
        now = time.time()
        title = title_of(first_question)
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO conversations (title, created, updated) VALUES (?, ?, ?)", (title, now, now)
            )
            conversation_id = _new_id(row.lastrowid)
        root = self._add(conversation_id, Message("system", system), None) if system else None
        return Conversation(conversation_id, title, now, now, pinned=False, leaf_id=root)

    def add_user_turn(self, conversation_id: int, message: Message, *, parent_id: int | None) -> int:
        return self._add(conversation_id, message, parent_id)

    def open_reply(self, conversation_id: int, parent_id: int, source: ReplySource) -> "Journal":
        now = time.time()
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO messages (conversation_id, parent_id, role, content, created, state, writer,"
                " model, adapter, template, parameters) VALUES (?, ?, 'assistant', '', ?, 'streaming', ?, ?, ?, ?, ?)",
                (
                    conversation_id,
                    parent_id,
                    now,
                    this_writer(),
                    source.model,
                    source.adapter,
                    source.template,
                    json.dumps(dict(source.parameters or {}), ensure_ascii=False),
                ),
            )
            _touch(connection, conversation_id, now)
        return Journal(self._database, conversation_id, _new_id(row.lastrowid))

    def latest_conversation(self) -> Conversation | None:
        """The last one that was answered: a question that failed has nothing to go on with."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT one.id, title, one.created, updated, pinned, reply.id AS leaf_id, model, adapter"
                " FROM conversations one JOIN messages reply ON reply.conversation_id = one.id"
                " WHERE reply.role = 'assistant' AND reply.content <> ''"
                " ORDER BY updated DESC, one.id DESC, reply.id DESC LIMIT 1"
            ).fetchone()
        return Conversation(**{**dict(row), "pinned": bool(row["pinned"])}) if row else None

    def branch(self, leaf_id: int) -> list[Message]:
        """The messages from the root down to this one."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "WITH RECURSIVE up (id, parent_id, depth) AS ("
                " SELECT id, parent_id, 0 FROM messages WHERE id = ?"
                " UNION ALL SELECT above.id, above.parent_id, depth + 1 FROM messages above JOIN up ON above.id = up.parent_id)"
                " SELECT role, content, input FROM up JOIN messages USING (id) ORDER BY depth DESC",
                (leaf_id,),
            ).fetchall()
        return [Message(row["role"], row["content"], row["input"]) for row in rows]

    def _add(self, conversation_id: int, message: Message, parent_id: int | None) -> int:
        now = time.time()
        with self._database.transaction() as connection:
            row = connection.execute(
                "INSERT INTO messages (conversation_id, parent_id, role, content, input, created, state)"
                " VALUES (?, ?, ?, ?, ?, ?, 'complete')",
                (conversation_id, parent_id, message.role, message.content, message.input, now),
            )
            _touch(connection, conversation_id, now)
        return _new_id(row.lastrowid)

    def _bury_orphans(self) -> None:
        """Replies whose writer died without ending them: their text stays, their state says what happened."""
        with self._database.transaction() as connection:
            rows = connection.execute("SELECT id, writer FROM messages WHERE state = 'streaming'").fetchall()
            for row in rows:
                if is_dead(row["writer"] or ""):
                    connection.execute(
                        "UPDATE messages SET state = 'failed', error = ? WHERE id = ?",
                        (say("프로그램이 도중에 끝났습니다.", "the program ended in the middle."), row["id"]),
                    )


class Journal:
    """One reply being written; as a context manager it always ends in one of the final states."""

    def __init__(self, database: Database, conversation_id: int, reply_id: int) -> None:
        self.reply_id = reply_id
        self._database = database
        self._conversation_id = conversation_id
        self._pieces: list[str] = []
        self._written = time.monotonic()
        self._ended = False

    def feed(self, text: str) -> None:
        """Add text; the file is written at most about once a second."""
        self._pieces.append(text)
        if time.monotonic() - self._written >= _JOURNAL_SECONDS:
            with self._database.transaction() as connection:
                connection.execute(
                    "UPDATE messages SET content = ? WHERE id = ? AND state = 'streaming'",
                    (self._text(), self.reply_id),
                )
            self._written = time.monotonic()

    def finish(self, state: FinalState, *, error: str | None = None, finished: Finished | None = None) -> None:
        if self._ended:
            return
        self._ended = True
        facts = finished or Finished("")
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE messages SET content = ?, state = ?, error = ?, writer = NULL, prompt_sha256 = ?,"
                " prompt_tokens = ?, completion_tokens = ?, timings = ? WHERE id = ?",
                (
                    self._text(),
                    state,
                    error,
                    facts.prompt_sha256 or None,
                    facts.usage.prompt_tokens,
                    facts.usage.completion_tokens,
                    json.dumps(dict(facts.timings)) if facts.timings else None,
                    self.reply_id,
                ),
            )
            _touch(connection, self._conversation_id, time.time())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and issubclass(kind, KeyboardInterrupt | asyncio.CancelledError | BrokenPipeError):
            self.finish("cancelled")
        elif error is not None:
            self.finish("failed", error=str(error) or kind.__name__ if kind else None)
        else:
            self.finish("complete")

    def _text(self) -> str:
        # A surrogate, half of a broken character, cannot be stored.
        return nfc("".join(self._pieces)).encode("utf-8", errors="replace").decode()


def title_of(question: str) -> str:
    """The first line that says something, cut at a length that fits a list."""
    lines = (" ".join(line.split()) for line in terminal_safe(nfc(question)).splitlines())
    line = next((line for line in lines if line), say("제목 없음", "Untitled"))
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1]}…"


def _new_id(row_id: int | None) -> int:
    assert row_id is not None
    return row_id


def _touch(connection: Any, conversation_id: int, now: float) -> None:
    connection.execute("UPDATE conversations SET updated = ? WHERE id = ?", (now, conversation_id))
