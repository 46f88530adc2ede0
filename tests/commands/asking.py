"""What the tests of `kullm ask` share: what was kept, and what stands in the way of an engine."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.openai_server import Reply, event

ASK = ("ask", "-m", "home/m")


def messages(home: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(home / "kullm.db")) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM messages ORDER BY id")]


def adapter_at(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "adapter_config.json").write_text("{}")


def ready(step: int = 43) -> Reply:
    progress = {"status": "loading", "phase": "read", "done": step, "total": 100}
    return Reply([event(progress), 0.05, event({"status": "ready"})])
