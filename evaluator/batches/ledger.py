"""What was handed in as batches and is not back: written down before anything is sent, so that no call is lost or bought twice.

A call is in one batch at most, and whoever wants its verdict finds it there. What comes back goes into `verdicts` and leaves this
ledger in one transaction; what comes to nothing leaves it with its reason.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from sqlite3 import Connection, Row

from evaluator.buying import waits_in_batch
from evaluator.cost import CallCost
from evaluator.judge import Judge
from evaluator.rubric import Rubric
from evaluator.verdict import Item, JudgeReply
from evaluator.verdicts import VerdictStore, insert, is_abandoned
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.store.writer_id import this_writer

TAKEN_AWAY = "taken away"  # a batch's file, so that nothing is made of it any more


@dataclass(frozen=True)
class Call:
    """One request of a batch."""

    key: str  # of the verdict
    item: Item
    repeat: int
    cost: CallCost


@dataclass(frozen=True)
class Batch:
    """As it is known here."""

    name: str
    created: float
    writer: str
    judge: Judge  # without its key
    rubric: str
    rubric_sha256: str
    file: str  # the other side's names; empty: not known to be there
    batch: str  # (a file may also have been TAKEN_AWAY)
    calls: int
    usual: float  # dollars, of all its calls
    most: float
    dearest: float  # of one call, at most

    @property
    def is_broken_off(self) -> bool:
        """Whoever handed it in is dead, and nothing tells whether it got there."""
        return not self.batch and is_abandoned(self.writer, self.created)


class Ledger:
    """Its calls block; an event loop makes them in a thread."""

    def __init__(self, store: VerdictStore) -> None:
        self._database = store.database

    def open(self, calls: Sequence[Call], *, judge: Judge, rubric: Rubric) -> tuple[Batch | None, set[str]]:
        """A batch of those that nobody has bought or asked for meanwhile, and their keys; no batch where none is left."""
        name = f"kullm-{secrets.token_hex(8)}.jsonl"
        row = {
            "name": name,
            "created": time.time(),
            "writer": this_writer(),
            "endpoint_name": judge.endpoint.name,
            "endpoint": judge.endpoint.base_url,
            "judge": judge.model,
            "mode": judge.mode,
            "parameters": json.dumps(dict(judge.parameters), ensure_ascii=False),
            "rubric": rubric.name,
            "rubric_sha256": rubric.sha256,
            "file": "",
            "batch": "",
        }
        with self._database.transaction() as connection:
            free = [one for one in calls if _is_free(connection, one.key)]
            if not free:
                return None, set()
            insert(connection, "batches", row)
            for one in free:
                insert(connection, "handed_in", _call_row(name, one))
                _note_failure(connection, one.key, waits_in_batch())
        return self.find(name), {one.key for one in free}

    def note(self, name: str, *, file: str = "", batch: str = "") -> None:
        """What the other side calls them."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE batches SET file = CASE ? WHEN '' THEN file ELSE ? END,"
                " batch = CASE ? WHEN '' THEN batch ELSE ? END WHERE name = ?",
                (file, file, batch, batch, name),
            )

    def take_over(self, batch: Batch) -> bool:
        """Whose program is dead: one of those that live sees to it."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE batches SET writer = ? WHERE name = ? AND writer = ? AND batch = ''",
                (this_writer(), batch.name, batch.writer),
            )
        return changed.rowcount == 1

    def keep(self, batch: Batch, replies: Mapping[str, tuple[JudgeReply, float | None]]) -> set[str]:
        """Replies with what each cost; the keys that were new, so that a reply which comes twice counts once."""
        settings = json.dumps(batch.judge.settings, ensure_ascii=False, sort_keys=True)
        new = set()
        with self._database.transaction() as connection:
            for key, (reply, cost) in replies.items():
                facts = asdict(reply) | {"created": time.time(), "settings": settings, "cost": cost}
                if _move(connection, batch.name, key, facts):
                    new.add(key)
        return new

    def give_back(self, batch: Batch, reasons: Mapping[str, str]) -> set[str]:
        """Calls that brought nothing may be asked for again; where there is a reason it is noted. The keys that were in the batch."""
        with self._database.transaction() as connection:
            gone = {key for key in reasons if _leaves(connection, batch.name, key)}
            for key in gone:
                if reasons[key]:
                    _note_failure(connection, key, reasons[key])
        return gone

    def end(self, batch: Batch) -> None:
        """It is over, and what is left of it may be asked for again."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM failures WHERE key IN (SELECT key FROM handed_in WHERE batch = ?)", (batch.name,)
            )
            connection.execute("DELETE FROM handed_in WHERE batch = ?", (batch.name,))
            connection.execute("DELETE FROM batches WHERE name = ?", (batch.name,))

    def keys(self, batch: Batch) -> set[str]:
        """Of the calls that have not come back."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT key FROM handed_in WHERE batch = ?", (batch.name,))
            return {row["key"] for row in rows}

    def find(self, name: str) -> Batch | None:
        return next((one for one in self.batches() if one.name == name), None)

    def batches(self) -> list[Batch]:
        """The oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT batches.*, count(key) AS calls, total(usual) AS usual, total(most) AS most,"
                " coalesce(max(most), 0.0) AS dearest"
                " FROM batches LEFT JOIN handed_in ON handed_in.batch = name GROUP BY name ORDER BY created, name"
            ).fetchall()
        return [_batch(row) for row in rows]

    def batches_of(self, keys: Iterable[str], store: VerdictStore) -> list[Batch]:
        """Those that will bring any of these."""
        names = {row["batch"] for row in store.rows("handed_in", ("batch",), keys)}
        return [one for one in self.batches() if one.name in names]


def _is_free(connection: Connection, key: str) -> bool:
    taken = "SELECT 1 FROM verdicts WHERE key = :key UNION SELECT 1 FROM handed_in WHERE key = :key"
    if connection.execute(taken, {"key": key}).fetchone():
        return False
    row = connection.execute("SELECT writer, started FROM under_way WHERE key = ?", (key,)).fetchone()
    return row is None or is_abandoned(row["writer"], row["started"])


def _call_row(name: str, call: Call) -> dict[str, object]:
    return {
        "key": call.key,
        "batch": name,
        "instruction": call.item.instruction,
        "input": call.item.input,
        "response": call.item.response,
        "repeat": call.repeat,
        "usual": call.cost.usual,
        "most": call.cost.most,
    }


def _move(connection: Connection, name: str, key: str, facts: Mapping[str, object]) -> bool:
    """From the batch to the verdicts; False where it was not in the batch any more."""
    columns = ", ".join(facts)
    values = ", ".join(f":{one}" for one in facts)
    connection.execute(
        "INSERT OR IGNORE INTO verdicts"
        f" (key, judge, endpoint, rubric, rubric_sha256, instruction, input, response, repeat, {columns})"
        f" SELECT key, judge, endpoint, rubric, rubric_sha256, instruction, input, response, repeat, {values}"
        " FROM handed_in JOIN batches ON name = handed_in.batch WHERE key = :its_key AND name = :its_batch",
        {**facts, "its_key": key, "its_batch": name},
    )
    return _leaves(connection, name, key)


def _leaves(connection: Connection, name: str, key: str) -> bool:
    gone = connection.execute("DELETE FROM handed_in WHERE key = ? AND batch = ?", (key, name)).rowcount == 1
    if gone:
        connection.execute("DELETE FROM failures WHERE key = ?", (key,))
    return gone


def _note_failure(connection: Connection, key: str, reason: str) -> None:
    statement = "INSERT OR REPLACE INTO failures (key, created, reason) VALUES (?, ?, ?)"
    connection.execute(statement, (key, time.time(), reason))


def _batch(row: Row) -> Batch:
    endpoint = Endpoint(row["endpoint_name"], row["endpoint"])
    return Batch(
        name=row["name"],
        created=row["created"],
        writer=row["writer"],
        judge=Judge(endpoint, row["judge"], row["mode"], json.loads(row["parameters"])),
        rubric=row["rubric"],
        rubric_sha256=row["rubric_sha256"],
        file=row["file"],
        batch=row["batch"],
        calls=row["calls"],
        usual=row["usual"],
        most=row["most"],
        dearest=row["dearest"],
    )
