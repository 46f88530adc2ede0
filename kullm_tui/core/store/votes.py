"""Votes on the replies of a comparison, and what follows from them: who beat whom.

A round is the replies to one question. A reply that failed tells about a machine and not about a model, so nobody votes on it.
"""

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, groupby
from sqlite3 import Connection, Row
from typing import Literal

from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.store import history
from kullm_tui.core.store.contestant import FEWEST, Contestant
from kullm_tui.core.store.database import inserted

Outcome = Literal["best", "tie", "bad"]


@dataclass(frozen=True)
class Vote:
    id: int
    comparison_id: int
    created: float
    blind: bool  # nobody had been told the names: the comparison is blind, and this is its first vote
    replies: tuple[int | None, ...]  # by place; None for a column that had nothing to vote on
    winner: int | None  # a place, where one reply was the best
    outcome: Outcome


@dataclass(frozen=True)
class Duel:
    """What a vote says of two contestants."""

    left: str
    right: str
    outcome: Literal["left", "right", "tie"]
    bad: bool = False  # a tie because neither was any good
    vote: int = 0  # the vote's id: a vote on several replies makes several duels


@dataclass(frozen=True)
class Ballot:
    vote: Vote
    labels: Mapping[int, str]  # of the contestants that had a reply, by place

    def duels(self) -> Iterator[Duel]:
        winner, bad = self.vote.winner, self.vote.outcome == "bad"
        for left, right in combinations(self.labels, 2):
            if winner is None:
                yield Duel(self.labels[left], self.labels[right], "tie", bad, self.vote.id)
            elif winner in (left, right):
                outcome: Literal["left", "right"] = "left" if winner == left else "right"
                yield Duel(self.labels[left], self.labels[right], outcome, vote=self.vote.id)


def cast(
    connection: Connection,
    comparison_id: int,
    columns: Sequence[int],
    replies: Sequence[int | None],
    outcome: Outcome,
    winner: int | None,
    *,
    blind: bool,
) -> Vote:
    """`columns` are the conversations by place. A vote on the same question is replaced."""
    questions, competing = _competing(connection, columns, replies)
    _require_sound(competing, outcome, winner)
    told = connection.execute("SELECT 1 FROM votes WHERE comparison_id = ?", (comparison_id,)).fetchone()
    _withdraw(connection, comparison_id, questions)
    vote = Vote(0, comparison_id, time.time(), blind and told is None, competing, winner, outcome)
    vote_id = inserted(
        connection,
        "votes",
        comparison_id=comparison_id,
        created=vote.created,
        blind=int(vote.blind),
        outcome=outcome,
        winner=winner,
    )
    connection.executemany(
        "INSERT INTO vote_replies (vote_id, place, reply_id) VALUES (?, ?, ?)",
        [(vote_id, place, reply) for place, reply in enumerate(competing)],
    )
    return replace(vote, id=vote_id)


def _competing(
    connection: Connection, columns: Sequence[int], replies: Sequence[int | None]
) -> tuple[list[int], tuple[int | None, ...]]:
    """The questions that were answered, and by place the replies that can be voted on."""
    if len(replies) != len(columns):
        raise StoreError(
            say(
                f"답이 {len(columns)}개여야 하는데 {len(replies)}개예요.",
                f"{len(columns)} replies are needed, not {len(replies)}.",
            )
        )
    questions: list[int] = []
    competing: list[int | None] = []
    for conversation_id, reply in zip(columns, replies, strict=True):
        row = (
            reply
            and connection.execute(
                "SELECT parent_id, state FROM messages WHERE id = ? AND conversation_id = ? AND role = 'assistant'",
                (reply, conversation_id),
            ).fetchone()
        )
        if reply is not None and not row:
            raise history.no_message(reply)
        if row:
            questions.append(row["parent_id"])
        competing.append(reply if row and row["state"] in ("complete", "cancelled") else None)
    return questions, tuple(competing)


def _require_sound(competing: Sequence[int | None], outcome: Outcome, winner: int | None) -> None:
    if sum(reply is not None for reply in competing) < FEWEST:
        raise StoreError(
            say("비교할 답이 두 개는 있어야 투표할 수 있어요.", "a vote needs two replies that can be compared.")
        )
    chosen = winner is not None and 0 <= winner < len(competing) and competing[winner] is not None
    if chosen != (outcome == "best") or (winner is not None and not chosen):
        raise StoreError(
            say("그 칸에는 고를 수 있는 답이 없어요.", "there is no reply in that place that could be chosen.")
        )


def _withdraw(connection: Connection, comparison_id: int, questions: Sequence[int]) -> None:
    connection.execute(
        "DELETE FROM votes WHERE comparison_id = ? AND id IN ("
        " SELECT vote_id FROM vote_replies JOIN messages ON messages.id = reply_id"
        f" WHERE parent_id IN ({', '.join('?' * len(questions))}))",
        (comparison_id, *questions),
    )


def ballots(connection: Connection, comparison_id: int | None = None) -> list[Ballot]:
    rows = connection.execute(
        "SELECT votes.*, place, reply_id, model, adapter FROM votes"
        " JOIN comparisons ON comparisons.id = votes.comparison_id JOIN vote_replies ON vote_id = votes.id"
        " JOIN comparison_columns USING (comparison_id, place)"
        " WHERE deleted IS NULL AND (? IS NULL OR comparisons.id = ?) ORDER BY votes.id, place",
        (comparison_id, comparison_id),
    ).fetchall()
    return [_ballot(list(ballot)) for _, ballot in groupby(rows, key=lambda row: row["id"])]


def _ballot(rows: Sequence[Row]) -> Ballot:
    first = rows[0]
    replies = tuple(row["reply_id"] for row in rows)
    vote = Vote(
        first["id"],
        first["comparison_id"],
        first["created"],
        bool(first["blind"]),
        replies,
        first["winner"],
        first["outcome"],
    )
    labels = {
        row["place"]: Contestant(row["model"], row["adapter"]).label for row in rows if row["reply_id"] is not None
    }
    return Ballot(vote, labels)


def questions_voted_on(connection: Connection, contestants: Collection[Contestant], system: str) -> set[Message]:
    """The first question of every comparison of just these, in whichever places, that was voted on."""
    rows = connection.execute(
        "SELECT comparison_id, model, adapter, conversation_id FROM comparison_columns"
        " JOIN comparisons ON comparisons.id = comparison_id WHERE deleted IS NULL"
        " AND EXISTS (SELECT 1 FROM votes WHERE votes.comparison_id = comparisons.id) ORDER BY comparison_id, place"
    ).fetchall()
    found = set()
    for _, group in groupby(rows, key=lambda row: row["comparison_id"]):
        columns = list(group)
        if {Contestant(row["model"], row["adapter"]) for row in columns} == set(contestants):
            found |= _first_question(connection, columns[0]["conversation_id"], system)
    return found


def _first_question(connection: Connection, conversation_id: int, system: str) -> set[Message]:
    """None under another system text."""
    rows = connection.execute(
        "SELECT role, content, input FROM messages WHERE conversation_id = ? AND role <> 'assistant' ORDER BY id LIMIT 2",
        (conversation_id,),
    ).fetchall()
    told = "".join(row["content"] for row in rows if row["role"] == "system")
    asked = [row for row in rows if row["role"] == "user"]
    return {Message("user", asked[0]["content"], asked[0]["input"])} if asked and told == system else set()
