"""`evaluation.db` opened whatever it is like: of a damaged one, kept aside, everything that can be read goes on in a new one.

What is lost has to be bought again, so all of it is looked at before anything is bought on the strength of it: 0.15 s for ten thousand verdicts.
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from sqlite3 import Connection

from evaluator.verdicts import CONTENTS, VerdictStore, evaluation_file
from kullm_tui.core.errors import StoreError
from kullm_tui.core.language import say
from kullm_tui.core.store.errors import damaged
from kullm_tui.core.store.recovery import Kind, opened
from kullm_tui.core.store.salvage import rescue, tables


def open_verdicts(tell: Callable[[str], None], path: Path | None = None) -> VerdictStore:
    """What became of a damaged file is told."""
    store = opened(path or evaluation_file(), _KIND)
    if store.notice:
        tell(store.notice)
    return store


def _sound(path: Path) -> VerdictStore:
    store = VerdictStore(path)
    try:
        with store.database.reading() as connection:
            if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                raise damaged(path, CONTENTS)
            for table in tables(connection):  # SQLite itself does not look whether text is text
                deque(connection.execute(f"SELECT * FROM {table}"), maxlen=0)
    except StoreError:
        store.close()
        raise
    return store


def _rescue(damaged_file: Path, whole: Path) -> str:
    return rescue(damaged_file, whole, CONTENTS, _told)


def _told(target: Connection) -> str:
    verdicts, answers = (
        target.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in ("verdicts", "answers")
    )
    if not verdicts + answers:
        return say("읽을 수 있는 것은 남아 있지 않았어요.", "Nothing in it could be read any more.")
    return say(
        f"읽을 수 있는 채점 {verdicts:,}개와 답 {answers:,}개를 새 파일로 옮겼어요.",
        f"{verdicts:,} verdicts and {answers:,} answers could be read and were taken over.",
    )


_KIND = Kind(CONTENTS, _sound, _rescue)
