"""What can still be read of a damaged file of conversations: they hang together again, and are found by the search."""

from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Connection

from kullm_tui.core.language import say
from kullm_tui.core.store.database import CONVERSATIONS
from kullm_tui.core.store.salvage import Facts, rescue
from kullm_tui.core.store.titles import title_of
from kullm_tui.core.store.transfer_sql import index, unindexed

# What stays without the other; whatever else hangs on something that is lost goes with it.
_LINKS = (
    ("messages", "parent_id", "messages"),
    ("messages", "corrects", "messages"),
    ("conversations", "leaf_id", "messages"),
    ("conversations", "comparison_id", "comparisons"),
    ("vote_replies", "reply_id", "messages"),
    ("drafts", "edits", "messages"),
)


@dataclass(frozen=True)
class Rescued:
    conversations: int
    messages: int


def rescue_conversations(damaged: Path, whole: Path) -> Rescued:
    return rescue(damaged, whole, CONVERSATIONS, _finished, _prepared)


def _prepared(table: str, facts: Facts) -> Facts:
    return unindexed(facts) if table == "messages" else facts


def _finished(target: Connection) -> Rescued:
    _mend(target)
    index(target)
    counts = (target.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("conversations", "messages"))
    return Rescued(*counts)


def _mend(target: Connection) -> None:
    """What hung on something that is lost."""
    homeless = "conversation_id NOT IN (SELECT id FROM conversations)"
    for number, words, when in target.execute(
        f"SELECT conversation_id, content, min(created) FROM messages WHERE {homeless} GROUP BY conversation_id"
    ).fetchall():
        target.execute(
            "INSERT INTO conversations (id, title, created, updated, recency) VALUES (?, ?, ?, ?, ?)",
            (number, title_of(words), when, when, when),
        )
    for table, column, other in _LINKS:
        target.execute(f"UPDATE {table} SET {column} = NULL WHERE {column} NOT IN (SELECT id FROM {other})")
    while broken := {(row[0], row[1]) for row in target.execute("PRAGMA foreign_key_check").fetchall()}:
        for table, number in broken:
            target.execute(f"DELETE FROM {table} WHERE rowid = ?", (number,))


def rescue_text(rescued: Rescued) -> str:
    if not rescued.conversations:
        return say("읽을 수 있는 대화는 남아 있지 않았어요.", "Nothing in it could be read any more.")
    return say(
        f"읽을 수 있는 대화 {rescued.conversations:,}개(글 {rescued.messages:,}개)를 새 파일로 옮겼어요.",
        f"{rescued.conversations:,} conversations ({rescued.messages:,} messages) could be read and were taken over.",
    )
