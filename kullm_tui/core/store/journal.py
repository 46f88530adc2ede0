"""A reply while it is being written: journalled about once a second, ended in exactly one way."""

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from sqlite3 import Connection
from types import TracebackType
from typing import Any, Literal, Self

from kullm_tui.core.endpoints.endpoint import Finished
from kullm_tui.core.errors import NoSpace, StoreBusy
from kullm_tui.core.language import say
from kullm_tui.core.redact import redacted
from kullm_tui.core.store.database import Database
from kullm_tui.core.store.history import no_message
from kullm_tui.core.store.writer_id import is_dead
from kullm_tui.core.text import storable

FinalState = Literal["complete", "cancelled", "failed"]

# A write may take its time, so it begins before the second is over.
_JOURNAL_SECONDS = 0.5  # a second is promised; the rest is for a machine with other work
# Who writes for long, as an import does, holds up no stream, and costs no reply.
_PATIENCE_IN_PASSING_S = 0.1
_PATIENCE_AT_THE_END_S = 120.0


@dataclass(frozen=True)
class ReplySource:
    """What a reply was made with."""

    model: str
    adapter: str | None = None
    template: str | None = None
    parameters: Mapping[str, Any] | None = None


class Journal:
    """One reply being written; as a context manager it always ends in one of the final states."""

    def __init__(self, database: Database, conversation_id: int, reply_id: int) -> None:
        self.reply_id = reply_id
        self._database = database
        self._conversation_id = conversation_id
        self._pieces: list[str] = []
        self._thoughts: list[str] = []
        self._changes = self._saved_changes = 0
        self._written = time.monotonic()
        self._ended = False
        self._lock = threading.Lock()

    def feed(self, text: str) -> None:
        """Add text; the file is written at most about once a second."""
        self._pieces.append(text)
        self._changes += 1
        self.tick()

    def think(self, text: str) -> None:
        """Add to what was thought before the answer."""
        self._thoughts.append(text)
        self._changes += 1
        self.tick()

    def resort(self, thinking: str, text: str) -> None:
        """What came so far was this, and not what it was taken for."""
        with self._lock:
            self._thoughts, self._pieces = [thinking], [text]
            self._changes += 1
        self.tick()

    def tick(self) -> None:
        """To be called while nothing arrives: what is not in the file yet gets there within the second."""
        with self._lock:
            unsaved = self._changes > self._saved_changes
            if unsaved and not self._ended and time.monotonic() - self._written >= _JOURNAL_SECONDS:
                # Another program writes for long, or the disk is full: at the next tick, or at the end, which tells.
                with contextlib.suppress(StoreBusy, NoSpace):
                    self._save()
                self._written = time.monotonic()

    def finish(self, state: FinalState, *, error: str | None = None, finished: Finished | None = None) -> None:
        with self._lock:
            if self._ended:
                return
            facts = finished or Finished("")
            with self._database.transaction(patience_s=_PATIENCE_AT_THE_END_S) as connection:
                connection.execute(
                    "UPDATE messages SET content = ?, thinking = ?, state = ?, error = ?, writer = NULL, prompt_sha256 = ?,"
                    " prompt_tokens = ?, completion_tokens = ?, timings = ? WHERE id = ?",
                    (
                        _storable(self._pieces),
                        _storable(self._thoughts),
                        state,
                        None if error is None else storable(redacted(error)),
                        facts.prompt_sha256 or None,
                        facts.usage.prompt_tokens,
                        facts.usage.completion_tokens,
                        json.dumps(dict(facts.timings)) if facts.timings else None,
                        self.reply_id,
                    ),
                )
                touch(connection, self._conversation_id)
            self._ended = True

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

    def _save(self) -> None:
        changes = self._changes
        with self._database.transaction(patience_s=_PATIENCE_IN_PASSING_S) as connection:
            connection.execute(
                "UPDATE messages SET content = ?, thinking = ? WHERE id = ? AND state = 'streaming'",
                (_storable(self._pieces), _storable(self._thoughts), self.reply_id),
            )
        self._saved_changes = changes


def _storable(pieces: Sequence[str]) -> str:
    return storable("".join(pieces))


def bury_orphans(connection: Connection) -> None:
    """Replies whose writer died without ending them: their text stays, their state says what happened."""
    for row in connection.execute("SELECT id, writer FROM messages WHERE state = 'streaming'").fetchall():
        if is_dead(row["writer"] or ""):
            connection.execute(
                "UPDATE messages SET state = 'failed', error = ? WHERE id = ?",
                (say("프로그램이 도중에 끝났어요.", "the program ended in the middle."), row["id"]),
            )


def touch(connection: Connection, conversation_id: int, *, leaf_id: int | None = None) -> None:
    """Something happened here: it moves to the head of the list, also where the clock was set back since."""
    now = time.time()
    connection.execute(
        "UPDATE conversations SET updated = ?, leaf_id = coalesce(?, leaf_id),"
        " recency = max(?, 0.001 + (SELECT max(recency) FROM conversations)) WHERE id = ?",
        (now, leaf_id, now, conversation_id),
    )


def choose_leaf(connection: Connection, conversation_id: int, leaf_id: int) -> None:
    """The branch that is looked at, and what answered at its end."""
    leaf = connection.execute(
        "SELECT model, adapter FROM messages WHERE id = ? AND conversation_id = ?", (leaf_id, conversation_id)
    ).fetchone()
    if leaf is None:
        raise no_message(leaf_id)
    connection.execute("UPDATE conversations SET leaf_id = ? WHERE id = ?", (leaf_id, conversation_id))
    if leaf["model"]:
        connection.execute(
            "UPDATE conversations SET model = ?, adapter = ? WHERE id = ?", (*tuple(leaf), conversation_id)
        )
