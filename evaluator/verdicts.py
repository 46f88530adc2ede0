"""The store of what was paid for: `evaluation.db`. A reply is written the moment it arrives. An error is no verdict: only why there is
none is noted, until it was bought.

Before a call goes out it is marked as under way. A run that is killed loses the calls that were under way and no others, and
a second program that needs the same verdict waits for the first one's.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from sqlite3 import Row
from types import TracebackType
from typing import Any, Self

from evaluator.judge import Judge, origin_of
from evaluator.rubric import Rubric
from evaluator.verdict import Item, JudgeReply
from kullm_tui.core.errors import StoreError
from kullm_tui.core.paths import state_dir
from kullm_tui.core.store.database import PATIENCE_FOR_WHAT_WAS_PAID_S, Database
from kullm_tui.core.store.errors import Contents
from kullm_tui.core.store.writer_id import is_dead, is_elsewhere, this_writer

CONTENTS = Contents("evaluator", "채점 파일", "the verdicts", ("다음에 열 때 kullm이", "Opening it the next time"))
_REPLY_FIELDS = tuple(one.name for one in fields(JudgeReply))
_LONGEST_CALL_SECONDS = 900.0  # a mark of another machine's that is older is a dead program's
_AT_ONCE = 500  # parameters of one statement


@dataclass(frozen=True)
class Bought:
    """A reply as it was kept, with everything that tells whose it is; scores are read from its words."""

    reply: JudgeReply
    created: float
    judge: str
    endpoint: str
    settings: Mapping[str, Any]
    rubric: str
    rubric_sha256: str
    repeat: int
    cost: float | None

    @property
    def origin(self) -> str:
        return origin_of(self.judge, self.endpoint, self.settings, self.rubric_sha256)


@dataclass(frozen=True)
class BroughtIn:
    """A verdict that somebody else paid for, and the file that it came in."""

    item: Item
    reply: JudgeReply
    repeat: int
    file: str
    sha256: str
    created: float = 0.0  # as the file has it; 0: it does not say


def evaluation_file() -> Path:
    return state_dir() / "evaluation.db"


class VerdictStore:
    """One user's verdicts, answers and runs. Its calls block; an event loop makes them in a thread."""

    def __init__(self, path: Path | None = None) -> None:
        self.database = Database(path or evaluation_file(), CONTENTS)
        self.notice = self.database.notice  # something that the user should know about the file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.database.close()

    def replies(self, keys: Iterable[str]) -> dict[str, tuple[JudgeReply, float | None]]:
        """What is there of these, with what each cost."""
        rows = self.rows("verdicts", ("cost", *_REPLY_FIELDS), keys)
        return {row["key"]: (_reply(row), row["cost"]) for row in rows}

    def claim(self, key: str) -> bool:
        """Mark the call as under way; False where it is already, or its reply is there, or a batch will bring it."""
        with self.database.transaction() as connection:
            there = "SELECT 1 FROM verdicts WHERE key = :key UNION SELECT 1 FROM handed_in WHERE key = :key"
            if connection.execute(there, {"key": key}).fetchone():
                return False
            row = connection.execute("SELECT writer, started FROM under_way WHERE key = ?", (key,)).fetchone()
            if row and not is_abandoned(row["writer"], row["started"]):
                return False
            connection.execute(
                "INSERT OR REPLACE INTO under_way (key, writer, started) VALUES (?, ?, ?)",
                (key, this_writer(), time.time()),
            )
        return True

    def release(self, key: str) -> None:
        """The call came to nothing."""
        with suppress(StoreError), self.database.transaction() as connection:
            connection.execute("DELETE FROM under_way WHERE key = ?", (key,))

    def clear_abandoned(self) -> int:
        """Calls whose program died before their reply was written. They may have been paid for."""
        with self.database.transaction() as connection:
            rows = connection.execute("SELECT key, writer, started FROM under_way").fetchall()
            keys = [row["key"] for row in rows if is_abandoned(row["writer"], row["started"])]
            connection.executemany("DELETE FROM under_way WHERE key = ?", [(key,) for key in keys])
        return len(keys)

    def keep(
        self, key: str, reply: JudgeReply, *, judge: Judge, rubric: Rubric, item: Item, repeat: int, cost: float | None
    ) -> None:
        row = _row(key, reply, judge, rubric, item, repeat) | {"cost": cost}
        with self.database.transaction(patience_s=PATIENCE_FOR_WHAT_WAS_PAID_S) as connection:
            insert(connection, "verdicts", row)
            connection.execute("DELETE FROM under_way WHERE key = ?", (key,))
            connection.execute("DELETE FROM failures WHERE key = ?", (key,))

    def bring_in(self, verdicts: Sequence[BroughtIn], *, judge: Judge, rubric: Rubric) -> int:
        """All of them or none; how many were new. What is there already stays: it was bought, or brought in before."""
        new = 0
        with self.database.transaction() as connection:
            for one in verdicts:
                key = judge.key(rubric, one.item, one.repeat)
                if connection.execute("SELECT 1 FROM verdicts WHERE key = ?", (key,)).fetchone():
                    continue
                row = _row(key, one.reply, judge, rubric, one.item, one.repeat)
                insert(connection, "verdicts", row | {"created": one.created or row["created"], "cost": None})
                origin = {"key": key, "created": row["created"], "file": one.file, "sha256": one.sha256}
                insert(connection, "imports", origin)
                connection.execute("DELETE FROM failures WHERE key = ?", (key,))
                new += 1
        return new

    def imports(self, keys: Iterable[str]) -> dict[str, tuple[str, str]]:
        """Which of these were brought in: file and its hash."""
        rows = self.rows("imports", ("file", "sha256"), keys)
        return {row["key"]: (row["file"], row["sha256"]) for row in rows}

    def note_failures(self, reasons: Mapping[str, str]) -> None:
        """Why there is no verdict under these keys; what was noted before is replaced."""
        now = time.time()
        with self.database.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO failures (key, created, reason) VALUES (?, ?, ?)",
                [(key, now, reason) for key, reason in reasons.items()],
            )

    def failures(self, keys: Iterable[str]) -> dict[str, str]:
        """What was noted of these."""
        return {row["key"]: row["reason"] for row in self.rows("failures", ("reason",), keys)}

    def handed_in(self, keys: Iterable[str]) -> set[str]:
        """Which of these a batch will bring."""
        return {row["key"] for row in self.rows("handed_in", ("batch",), keys)}

    def rows(self, table: str, columns: Sequence[str], keys: Iterable[str]) -> list[Row]:
        """Of these keys, many in a statement."""
        wanted = list(dict.fromkeys(keys))
        found: list[Row] = []
        with self.database.reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                statement = f"SELECT key, {', '.join(columns)} FROM {table} WHERE key IN ({marks})"
                found += connection.execute(statement, some).fetchall()
        return found

    def about(self, item: Item) -> list[Bought]:
        """Every reply about this very response to this very question, the newest first, whichever judge gave it."""
        columns = ", ".join(_REPLY_FIELDS)
        # The plus keeps SQLite from putting the known text into the index's two expressions, which it would not know any more.
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT created, judge, endpoint, settings, rubric, rubric_sha256, repeat, cost,"
                f" {columns} FROM verdicts WHERE length(response) = length(:response)"
                " AND substr(response, 1, 32) = substr(:response, 1, 32)"
                " AND +response = :response AND instruction = :instruction AND input = :input"
                " ORDER BY created DESC, rowid DESC",
                {"response": item.response, "instruction": item.instruction, "input": item.input},
            )
            return [_bought(row) for row in rows]

    def spent(self) -> float:
        """Dollars, over all that was ever judged and whose price was known."""
        with self.database.reading() as connection:
            return float(connection.execute("SELECT coalesce(sum(cost), 0) FROM verdicts").fetchone()[0])


def _bought(row: Row) -> Bought:
    return Bought(
        reply=_reply(row),
        created=row["created"],
        judge=row["judge"],
        endpoint=row["endpoint"],
        settings=json.loads(row["settings"]),
        rubric=row["rubric"],
        rubric_sha256=row["rubric_sha256"],
        repeat=row["repeat"],
        cost=row["cost"],
    )


def _reply(row: Row) -> JudgeReply:
    return JudgeReply(**{name: row[name] for name in _REPLY_FIELDS})


def _row(key: str, reply: JudgeReply, judge: Judge, rubric: Rubric, item: Item, repeat: int) -> dict[str, Any]:
    """As it stands in the table, but for its cost."""
    return {
        "key": key,
        "created": time.time(),
        "judge": judge.model,
        "endpoint": judge.endpoint.base_url,
        "settings": json.dumps(judge.settings, ensure_ascii=False, sort_keys=True),
        "rubric": rubric.name,
        "rubric_sha256": rubric.sha256,
        "instruction": item.instruction,
        "input": item.input,
        "response": item.response,
        "repeat": repeat,
        **{name: getattr(reply, name) for name in _REPLY_FIELDS},
    }


def is_abandoned(writer: str, started: float) -> bool:
    """Whether the program that marked something as under way is dead."""
    return is_dead(writer) or (is_elsewhere(writer) and time.time() - started > _LONGEST_CALL_SECONDS)


def insert(connection: Any, table: str, row: Mapping[str, Any]) -> None:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    connection.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", tuple(row.values()))
