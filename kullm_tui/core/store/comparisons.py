"""Two to four contestants on the same questions, in columns side by side.

A column is a conversation like any other, asked and answered through the store, that no list of conversations shows.
"""

import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from sqlite3 import Connection, Row

from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.store import history
from kullm_tui.core.store.contestant import Contestant, require_contestants
from kullm_tui.core.store.database import Database, inserted
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import touch
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.store.votes import Duel, Outcome, Vote, ballots, cast, questions_voted_on
from kullm_tui.core.text import storable

__all__ = ["Column", "Comparison", "Comparisons", "Contestant", "Duel", "Outcome", "Vote"]

_shuffle = random.SystemRandom().shuffle


@dataclass(frozen=True)
class Column:
    place: int
    contestant: Contestant
    conversation: Conversation


@dataclass(frozen=True)
class Comparison:
    id: int
    created: float
    title: str
    blind: bool
    columns: tuple[Column, ...]  # as shown, from the left; shuffled where it is blind


class Comparisons:
    """Its calls block, like those of the store that it belongs to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self, title: str, contestants: Sequence[Contestant], *, system: str = "", blind: bool = False
    ) -> Comparison:
        require_contestants(contestants)
        shown = list(contestants)
        if blind:
            _shuffle(shown)
        with self._database.transaction() as connection:
            comparison = inserted(
                connection, "comparisons", title=title_of(title), created=time.time(), blind=int(blind)
            )
            for place, contestant in enumerate(shown):
                _add_column(connection, comparison, place, contestant, title_of(title), system)
            return _comparison(connection, comparison)

    def latest(self, limit: int = 50) -> list[Comparison]:
        """Those that something was said in last come first; never deleted ones."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT id FROM comparisons WHERE deleted IS NULL ORDER BY"
                " (SELECT max(recency) FROM conversations WHERE comparison_id = comparisons.id) DESC, id DESC"
                " LIMIT ?",
                (limit,),
            ).fetchall()
            return [_comparison(connection, row["id"]) for row in rows]

    def get(self, comparison_id: int) -> Comparison:
        with self._database.reading() as connection:
            return _comparison(connection, comparison_id)

    def delete(self, comparison_id: int) -> None:
        """Out of every list, its votes too; `restore` brings it back until the store purges what is deleted."""
        self._set_deleted(comparison_id, time.time())

    def restore(self, comparison_id: int) -> None:
        self._set_deleted(comparison_id, None)

    def vote(
        self, comparison_id: int, replies: Sequence[int | None], outcome: Outcome, winner: int | None = None
    ) -> Vote:
        """One vote a round: voting on the same question again replaces the earlier vote."""
        with self._database.transaction() as connection:
            comparison = _comparison(connection, comparison_id)
            columns = [column.conversation.id for column in comparison.columns]
            return cast(connection, comparison_id, columns, replies, outcome, winner, blind=comparison.blind)

    def votes(self, comparison_id: int | None = None) -> list[Vote]:
        """Oldest first."""
        with self._database.reading() as connection:
            return [ballot.vote for ballot in ballots(connection, comparison_id)]

    def voted_questions(self, contestants: Collection[Contestant], *, system: str = "") -> set[Message]:
        """The first questions on which these, under this system text, have a vote already."""
        with self._database.reading() as connection:
            return questions_voted_on(connection, contestants, storable(system))

    def contestants(self) -> list[Contestant]:
        """Everybody who was ever compared."""
        with self._database.reading() as connection:
            rows = connection.execute(
                "SELECT DISTINCT model, adapter FROM comparison_columns"
                " JOIN comparisons ON comparisons.id = comparison_id WHERE deleted IS NULL"
            )
            return [Contestant(row["model"], row["adapter"]) for row in rows]

    def duels(self) -> list[Duel]:
        """Every pair that a vote says something of. A winner beats each of the others; those are not compared."""
        with self._database.reading() as connection:
            return [duel for ballot in ballots(connection) for duel in ballot.duels()]

    def _set_deleted(self, comparison_id: int, deleted: float | None) -> None:
        with self._database.transaction() as connection:
            changed = connection.execute("UPDATE comparisons SET deleted = ? WHERE id = ?", (deleted, comparison_id))
            if not changed.rowcount:
                raise _no_comparison(comparison_id)


def _add_column(
    connection: Connection, comparison_id: int, place: int, contestant: Contestant, title: str, system: str
) -> None:
    now = time.time()
    model, adapter = storable(contestant.model), storable(contestant.adapter)
    conversation_id = inserted(
        connection,
        "conversations",
        title=title,
        created=now,
        updated=now,
        comparison_id=comparison_id,
        model=model,
        adapter=adapter or None,
    )
    root = system and inserted(
        connection,
        "messages",
        conversation_id=conversation_id,
        role="system",
        content=storable(system),
        created=now,
        state="complete",
    )
    touch(connection, conversation_id, leaf_id=root or None)
    inserted(
        connection,
        "comparison_columns",
        comparison_id=comparison_id,
        place=place,
        model=model,
        adapter=adapter,
        conversation_id=conversation_id,
    )


def _comparison(connection: Connection, comparison_id: int) -> Comparison:
    row = connection.execute("SELECT * FROM comparisons WHERE id = ? AND deleted IS NULL", (comparison_id,)).fetchone()
    if row is None:
        raise _no_comparison(comparison_id)
    columns = connection.execute(
        "SELECT * FROM comparison_columns WHERE comparison_id = ? ORDER BY place", (comparison_id,)
    ).fetchall()
    return Comparison(
        row["id"], row["created"], row["title"], bool(row["blind"]), tuple(_column(connection, one) for one in columns)
    )


def _column(connection: Connection, row: Row) -> Column:
    conversation = history.conversation(connection, row["conversation_id"])
    return Column(row["place"], Contestant(row["model"], row["adapter"]), conversation)


def _no_comparison(comparison_id: int) -> StoreError:
    return StoreError(say(f"{comparison_id}번 비교가 없어요.", f"there is no comparison {comparison_id}."))
