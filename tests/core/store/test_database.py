import contextlib
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from kullm_tui.core.errors import NoSpace, StoreError
from kullm_tui.core.store import database
from kullm_tui.core.store.database import Database, file_system_of


@pytest.fixture
def another_migration(monkeypatch: pytest.MonkeyPatch) -> None:
    known = database._migrations("kullm_tui.core.store")
    monkeypatch.setattr(
        database,
        "_migrations",
        lambda _package: [*known, "ALTER TABLE conversations ADD COLUMN note TEXT;\nCREATE TABLE extra (id INTEGER);"],
    )


def one_conversation(path: Path) -> None:
    with closing(Database(path)) as opened, opened.transaction() as connection:
        connection.execute("INSERT INTO conversations (title, created, updated) VALUES ('제목', 1, 1)")


def read(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def test_a_new_database_is_migrated_in_wal_mode_and_its_owners_only(path: Path) -> None:
    old = os.umask(0)
    try:
        with closing(Database(path)) as opened:
            assert opened.notice is None
    finally:
        os.umask(old)
    assert read(path, "PRAGMA user_version") == [(len(database._migrations("kullm_tui.core.store")),)]
    assert read(path, "PRAGMA journal_mode") == [("wal",)]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_backup_precedes_a_migration(path: Path, request: pytest.FixtureRequest) -> None:
    one_conversation(path)
    before = len(database._migrations("kullm_tui.core.store"))
    request.getfixturevalue("another_migration")
    Database(path).close()
    assert read(path, "SELECT title, note FROM conversations") == [("제목", None)]
    backup = path.with_name(f"kullm.db.backup-{before}")
    assert read(backup, "PRAGMA user_version") == [(before,)]
    assert read(backup, "SELECT title FROM conversations") == [("제목",)]
    assert backup.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("another_migration")
def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Database(path).close()
    known = database._migrations("kullm_tui.core.store")
    monkeypatch.setattr(
        database, "_migrations", lambda _package: [*known, "CREATE TABLE half (id INTEGER); SELECT nonsense;"]
    )
    with pytest.raises(StoreError):
        Database(path)
    assert read(path, "PRAGMA user_version") == [(len(known),)]
    assert read(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'half'") == [(0,)]


def test_a_newer_database_is_refused_and_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE future (id INTEGER)")
        connection.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="더 새로운 kullm"):
        Database(path)
    assert path.read_bytes() == before


def test_somebody_elses_database_is_refused_and_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="kullm의 대화 파일이 아니에요"):
        Database(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", ["head", "middle", "text"])
def test_a_damaged_database_is_told_and_untouched(path: Path, damage: str) -> None:
    one_conversation(path)
    data = bytearray(path.read_bytes())
    if damage == "text":
        data = bytearray("이것은 데이터베이스가 아닙니다. ".encode() * 100)
    else:
        start = 0 if damage == "head" else 100
        data[start : start + 2000] = b"\xa5" * 2000
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"깨져 있어요.*kullm\.db"):
        one_conversation(path)
    assert path.read_bytes() == data


def test_a_failed_transaction_leaves_nothing(path: Path) -> None:
    with closing(Database(path)) as opened:
        with contextlib.suppress(ZeroDivisionError), opened.transaction() as connection:
            connection.execute("INSERT INTO conversations (title, created, updated) VALUES ('반쪽', 1, 1)")
            raise ZeroDivisionError
        with opened.transaction() as connection:
            assert connection.execute("SELECT count(*) FROM conversations").fetchone()[0] == 0


def test_a_full_disk_is_told(path: Path) -> None:
    with closing(Database(path)) as opened:
        opened._connection.execute("PRAGMA max_page_count = 1")
        with pytest.raises(NoSpace, match="가득"), opened.transaction() as connection:
            connection.execute(
                "INSERT INTO conversations (title, created, updated) VALUES (?, 1, 1)", ("가" * 100_000,)
            )


def test_a_write_that_finds_no_room_is_a_full_disk_and_not_an_io_error(path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path; from kullm_tui.core.store.database import Database;"
        "from kullm_tui.core.errors import NoSpace\n"
        "opened = Database(Path(sys.argv[1]))\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))\n"
        "try:\n"
        "    with opened.transaction() as connection:\n"
        "        connection.execute('INSERT INTO conversations (title, created, updated) VALUES (?, 1, 1)', ('x' * 300_000,))\n"
        "except NoSpace as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=240, check=False
    )
    assert str(path) in done.stdout, done.stderr


def test_a_damaged_database_speaks_of_a_backup_only_where_there_is_one(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    with pytest.raises(StoreError) as caught:
        Database(path)
    assert "backup" not in str(caught.value)
    for name in ("kullm.db.backup-1", "kullm.db.backup-2.4711"):  # the second was never finished
        path.with_name(name).write_bytes(b"")
    with pytest.raises(StoreError, match=r"kullm\.db\.backup-1$"):
        Database(path)


def test_a_lock_that_is_never_released_is_told(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.1)
    with closing(Database(path)) as holder, closing(Database(path)) as waiting, holder.transaction():
        transaction = waiting.transaction()
        with pytest.raises(StoreError, match="다른 작업이"):
            transaction.__enter__()


def test_a_folder_in_its_place_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match=r"kullm\.db"):
        Database(path)


def test_without_shared_memory_it_saves_the_slower_way_and_says_so(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    # SQLite's own file layer for file systems that cannot share memory.
    monkeypatch.setattr(
        sqlite3, "connect", lambda name, **rest: connect(f"file:{name}?vfs=unix-dotfile", uri=True, **rest)
    )
    one_conversation(path)
    with closing(Database(path)) as opened:
        assert opened.notice is not None
        assert "WAL" in opened.notice
    monkeypatch.undo()
    assert read(path, "SELECT title FROM conversations") == [("제목",)]
    assert read(path, "PRAGMA journal_mode") == [("delete",)]


def test_on_a_network_file_system_wal_is_not_even_tried(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "file_system_of", lambda _: "nfs4")
    with closing(Database(path)) as opened:
        assert opened.notice is not None
        assert "nfs4" in opened.notice
    assert read(path, "PRAGMA journal_mode") == [("delete",)]


def test_the_file_system_is_the_innermost_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "rootfs / ext4 rw 0 0\n"
        f"server:/home {tmp_path} nfs4 rw 0 0\n"
        f"tmpfs {tmp_path}/빈\\040칸 tmpfs rw 0 0\n"
        "server:/other /nowhere cifs rw 0 0\n"
    )
    assert file_system_of(Path("/etc"), mounts) == "ext4"
    assert file_system_of(tmp_path / "a/kullm.db", mounts) == "nfs4"
    assert file_system_of(tmp_path / "빈 칸" / "kullm.db", mounts) == "tmpfs"
    assert file_system_of(tmp_path, tmp_path / "no such file") == ""


def test_two_programs_opening_a_new_database_at_once_agree(path: Path) -> None:
    code = "import sys, pathlib; from kullm_tui.core.store.database import Database; d = Database(pathlib.Path(sys.argv[1])); print(d.notice)"
    children = [
        subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(6)
    ]
    answers = [child.communicate(timeout=240) for child in children]
    assert answers == [("None\n", "")] * 6
