"""The store of what was paid for: `translations.db`, of the user's state. A translation is written the moment its call returns.

Before a call goes out its texts are marked as under way: a disk that is full is met here, before anything is paid. A build that is killed
loses the calls that were under way and no others; a second build waits for what the first one asked for.
What another version of kullm left, or what is damaged, stays as it is and unused: `notice` says so, and a file beside it takes what comes.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from sqlite3 import Row
from types import TracebackType
from typing import Self

from kullm_tui.core.errors import NoSpace, StoreBusy, StoreError
from kullm_tui.core.language import say
from kullm_tui.core.paths import state_dir
from kullm_tui.core.store.database import PATIENCE_FOR_WHAT_WAS_PAID_S, Database
from kullm_tui.core.store.errors import Contents
from kullm_tui.core.store.writer_id import is_dead, is_elsewhere, this_writer

CONTENTS = Contents("data.translate", "번역 파일", "the translations")
_VERSION = 1  # of the file's tables
_LONGEST_CALL_SECONDS = 900.0  # a mark of another machine's that is older is a dead program's
_AT_ONCE = 500  # parameters of one statement


@dataclass(frozen=True)
class Paid:
    key: str
    source: str
    text: str
    characters: int


def translations_file() -> Path:
    return state_dir() / "translations.db"


class TranslationCache:
    """One user's translations, whichever builds use them. Its calls block; an event loop makes them in a thread."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or translations_file()
        self.notice = ""  # something that the user should know about the file
        try:
            self.database = Database(path, CONTENTS)
        except (NoSpace, StoreBusy):
            raise
        except StoreError as fault:
            beside = path.with_name(f"{path.stem}-{_VERSION}{path.suffix}")
            self.database = Database(beside, CONTENTS)
            self.notice = say(
                f"{fault}\n그 안의 번역은 쓰지 않고, 새 번역은 {beside.name}에 저장해요.",
                f"{fault}\nIts translations are not used; new ones go to {beside.name}.",
            )
        self.notice = self.notice or self.database.notice or ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.database.close()

    def found(self, keys: Iterable[str]) -> dict[str, str]:
        """What is there of these."""
        wanted, texts = list(dict.fromkeys(keys)), dict[str, str]()
        with self.database.reading() as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(f"SELECT key, text FROM translations WHERE key IN ({marks})", some)
                texts |= {row["key"]: row["text"] for row in rows}
        return texts

    def claim(self, keys: Sequence[str]) -> set[str]:
        """Mark them as under way; those are returned that were not yet, and are not there."""
        now, writer, claimed = time.time(), this_writer(), set[str]()
        with self.database.transaction() as connection:
            for key in keys:
                if connection.execute("SELECT 1 FROM translations WHERE key = ?", (key,)).fetchone():
                    continue
                row = connection.execute("SELECT writer, started FROM under_way WHERE key = ?", (key,)).fetchone()
                if row is None or _is_abandoned(row):
                    connection.execute("INSERT OR REPLACE INTO under_way VALUES (?, ?, ?)", (key, writer, now))
                    claimed.add(key)
        return claimed

    def release(self, keys: Iterable[str]) -> None:
        """Their call came to nothing."""
        with suppress(StoreError, NoSpace), self.database.transaction() as connection:
            connection.executemany("DELETE FROM under_way WHERE key = ?", [(key,) for key in keys])

    def clear_abandoned(self) -> int:
        """Texts whose program died before they were written down. They may have been paid for."""
        with self.database.transaction() as connection:
            rows = connection.execute("SELECT key, writer, started FROM under_way").fetchall()
            keys = [(row["key"],) for row in rows if _is_abandoned(row)]
            connection.executemany("DELETE FROM under_way WHERE key = ?", keys)
        return len(keys)

    def keep(self, paid: Sequence[Paid], *, translator: str, rules: str) -> None:
        now = time.time()
        with self.database.transaction(patience_s=PATIENCE_FOR_WHAT_WAS_PAID_S) as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO translations (key, created, translator, rules, source, text, characters)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (one.key, now, translator, rules, _storable(one.source), _storable(one.text), one.characters)
                    for one in paid
                ],
            )
            connection.executemany("DELETE FROM under_way WHERE key = ?", [(one.key,) for one in paid])

    def counts(self, rules: str) -> tuple[int, int]:
        """How many are there of these rules, and how many of others: another translator's, other options, an older masking."""
        with self.database.reading() as connection:
            total = connection.execute("SELECT count(*) FROM translations").fetchone()[0]
            own = connection.execute("SELECT count(*) FROM translations WHERE rules = ?", (rules,)).fetchone()[0]
        return int(own), int(total - own)

    def by_translator(self) -> Mapping[str, int]:
        """Characters that were paid for, by who translated them."""
        with self.database.reading() as connection:
            rows = connection.execute(
                "SELECT translator, sum(characters) AS paid FROM translations GROUP BY translator"
            )
            return {row["translator"]: int(row["paid"]) for row in rows}


def _is_abandoned(row: Row) -> bool:
    writer, seconds = row["writer"], time.time() - row["started"]
    return is_dead(writer) or (is_elsewhere(writer) and seconds > _LONGEST_CALL_SECONDS)


def _storable(text: str) -> str:
    """A surrogate, half of a broken character, cannot be stored."""
    return text.encode("utf-8", errors="replace").decode()
