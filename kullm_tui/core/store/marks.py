"""What a person says of a reply: a mark, or the answer that they wanted, which stands beside it as a reply that no model gave.

Nothing is rewritten: the corrected reply stays as it was said.
"""

import time
from sqlite3 import Connection, Row

from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.core.store.database import inserted
from kullm_tui.core.store.history import Mark, is_cut, no_message
from kullm_tui.core.store.journal import touch
from kullm_tui.core.text import storable

_REPLY = (
    "SELECT messages.* FROM messages JOIN conversations ON conversations.id = conversation_id"
    " LEFT JOIN comparisons ON comparisons.id = comparison_id"
    " WHERE messages.id = ? AND conversations.deleted IS NULL AND comparisons.deleted IS NULL"
)


_NEWEST_REPLY = (
    "SELECT max(messages.id) FROM messages JOIN conversations ON conversations.id = conversation_id"
    " LEFT JOIN comparisons ON comparisons.id = comparison_id"
    " WHERE role = 'assistant' AND corrects IS NULL AND state <> 'streaming'"
    " AND conversations.deleted IS NULL AND comparisons.deleted IS NULL"
)


def newest_reply(connection: Connection) -> int:
    """That a model gave."""
    (number,) = connection.execute(_NEWEST_REPLY).fetchone()
    if number is None:
        raise StoreError(
            say("아직 답이 없어요. `kullm ask`로 물어보세요.", "there is no reply yet. Ask with `kullm ask`.")
        )
    return int(number)


def correct(connection: Connection, message_id: int, text: str) -> int:
    """The message that says `text` beside this reply; the newest is it where it says so already. To correct a correction is to correct its reply again."""
    reply = _ended_reply(connection, message_id)
    if reply["corrects"] is not None:
        reply = _ended_reply(connection, reply["corrects"])
    wanted = storable(text).strip()
    _require_change(wanted, reply)
    number = _newest_correction(connection, reply["id"], wanted) or inserted(
        connection,
        "messages",
        conversation_id=reply["conversation_id"],
        parent_id=reply["parent_id"],
        role="assistant",
        content=wanted,
        created=time.time(),
        state="complete",
        template=reply["template"],
        corrects=reply["id"],
    )
    touch(connection, reply["conversation_id"], leaf_id=number)
    return int(number)


def mark(connection: Connection, message_id: int, said: Mark | None) -> None:
    reply = _ended_reply(connection, message_id)
    if said == "keep" and (is_cut(reply["state"], reply["timings"]) or not reply["content"].strip()):
        raise StoreError(
            say(
                "도중에 끊긴 답은 '좋아요'로 남길 수 없어요. 고쳐 쓰거나 다시 받아 보세요.",
                "a reply that was broken off cannot be kept as good. Correct it, or have it answered again.",
            )
        )
    connection.execute("UPDATE messages SET mark = ? WHERE id = ?", (said, message_id))


def _ended_reply(connection: Connection, message_id: int) -> Row:
    row: Row | None = connection.execute(_REPLY, (message_id,)).fetchone()
    if row is None:
        raise no_message(message_id)
    if row["role"] != "assistant":
        raise StoreError(
            say(
                f"{message_id}번 메시지는 답이 아니에요. 고치거나 표시할 수 있는 것은 답뿐이에요.",
                f"message {message_id} is no reply; only replies are corrected or marked.",
            )
        )
    if row["state"] == "streaming":
        raise StoreError(
            say(
                f"{message_id}번 답은 아직 쓰는 중이에요. 끝난 다음 다시 해 보세요.",
                f"reply {message_id} is still being written. Try again when it has ended.",
            )
        )
    return row


def _require_change(wanted: str, reply: Row) -> None:
    if not wanted:
        raise StoreError(say("고친 답이 비어 있어요.", "the corrected answer is empty."))
    if wanted == reply["content"].strip():
        raise StoreError(
            say(
                "고친 답이 원래 답과 똑같아요. 그대로 좋은 답이라면 고치지 말고 좋은 답으로 표시하세요.",
                "the corrected answer is the same as the reply. Mark a reply that is good as it is instead.",
            )
        )


def _newest_correction(connection: Connection, reply_id: int, wanted: str) -> int | None:
    row = connection.execute(
        "SELECT id, content FROM messages WHERE corrects = ? ORDER BY id DESC LIMIT 1", (reply_id,)
    ).fetchone()
    return row["id"] if row and row["content"] == wanted else None
