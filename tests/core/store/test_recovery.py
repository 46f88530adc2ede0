"""The app comes up whatever its file is like, and nothing that may still hold conversations is overwritten."""

import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kullm_tui.core.errors import NoSpace, StoreError
from kullm_tui.core.records import Message
from kullm_tui.core.store import recovery, salvaged_conversations
from kullm_tui.core.store.database import Database
from kullm_tui.core.store.recovery import open_store
from kullm_tui.core.store.store import Store
from tests.damage import renumbered


def filled(path: Path) -> None:
    with Store(path) as store:
        for number in range(30):
            one = store.create_conversation(f"대화 {number}")
            store.add_user_turn(one.id, Message("user", "질문 " * 300), parent_id=None)


def test_a_sound_file_is_opened_as_it_is(path: Path) -> None:
    filled(path)
    with open_store(path) as store:
        assert store.notice is None
        assert len(store.conversations()) == 30
    assert [file.name for file in path.parent.iterdir()] == ["kullm.db"]


@pytest.mark.parametrize("damage", ["schema", "list", "text", "empty pages"])
def test_a_damaged_file_is_kept_aside_with_what_belongs_to_it(path: Path, damage: str) -> None:
    filled(path)
    data = bytearray(path.read_bytes())
    start, length = {
        "schema": (100, 3000),
        "list": (4096, len(data) - 4096),
        "text": (0, len(data)),
        "empty pages": (0, len(data)),
    }[damage]
    data[start : start + length] = (b"\0" if damage == "empty pages" else b"\xa5") * length
    path.write_bytes(data)
    wal = b"what the log held"
    path.with_name("kullm.db-wal").write_bytes(wal)
    with open_store(path) as store:
        assert store.notice is not None
        assert "kullm.db.damaged-" in store.notice
        assert store.conversations() == []
        store.create_conversation("새로")
    [aside] = [file for file in path.parent.glob("kullm.db.damaged-*") if not file.name.endswith(("-wal", "-shm"))]
    assert aside.read_bytes() == data
    with open_store(path) as store:
        assert store.notice is None
        assert [one.title for one in store.conversations()] == ["새로"]


def test_a_file_whose_head_alone_is_damaged_loses_nothing(path: Path) -> None:
    filled(path)
    data = bytearray(path.read_bytes())
    data[:100] = b"\xa5" * 100
    path.write_bytes(data)
    with open_store(path) as store:
        assert store.notice
        assert {one.title for one in store.conversations()} == {f"대화 {number}" for number in range(30)}
        assert all(store.thread(one.id) for one in store.conversations())


@pytest.mark.parametrize("number", [1, 100, 127])
@pytest.mark.parametrize("row", [1, 14, 29])
def test_a_row_whose_number_was_changed_keeps_no_other_from_being_read(path: Path, row: int, number: int) -> None:
    """Where the numbers do not rise, a table was read for ever, or only up to the changed one."""
    with Store(path) as store:
        one = store.create_conversation("대화")
        for turn in range(30):
            store.add_user_turn(one.id, Message("user", f"질문 {turn}"), parent_id=None)
    damaged = path.with_name("damaged.db")
    path.rename(damaged)
    renumbered(damaged, "messages", row, number)
    with Store(path):
        pass

    assert salvaged_conversations.rescue_conversations(damaged, path).messages >= 29


def test_a_schema_of_broken_text_is_damage_like_any_other(path: Path) -> None:
    filled(path)
    data = path.read_bytes()
    name = data.index(b"conversations_by_newest")  # in the row of its index, before the statement
    path.write_bytes(data[:name] + b"conversations_S\xa0\xfa\xd5V\xdbest" + data[name + 23 :])
    with open_store(path) as store:
        assert store.notice


def test_the_notice_names_the_last_backup(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    path.with_name("kullm.db.backup-1").write_bytes(b"")
    with open_store(path) as store:
        assert "kullm.db.backup-1" in (store.notice or "")


def test_a_newer_kullms_file_is_refused_and_untouched(path: Path) -> None:
    with closing(Database(path)) as opened, opened.transaction() as connection:
        connection.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="더 새로운 kullm"):
        open_store(path)
    assert path.read_bytes() == before
    assert not list(path.parent.glob("*damaged*"))


def test_a_folder_that_cannot_be_written_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError, match="kullm"):
        open_store(path)
    assert path.is_dir()


def test_two_apps_that_find_the_damage_at_once_put_aside_only_the_damaged_file(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    code = (
        "import pathlib, sys; from kullm_tui.core.store.recovery import open_store\n"
        "with open_store(pathlib.Path(sys.argv[1])) as store: store.create_conversation(sys.argv[2])"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", code, path, str(number)], stderr=subprocess.PIPE) for number in range(5)
    ]
    assert [child.communicate(timeout=240)[1] for child in children] == [b""] * 5
    assert len([file for file in path.parent.glob("*damaged*") if file.read_bytes() == b"garbage" * 1000]) == 1
    with open_store(path) as store:
        assert len(store.conversations()) == 5


def test_whoever_opens_the_file_while_it_is_put_aside_waits_for_the_rescue(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    looked, aside, done = threading.Event(), threading.Event(), threading.Event()

    def opens_late(place: Path) -> Store:
        looked.set()  # there it was still in its place
        assert aside.wait(60)
        return recovery._sound(place)

    def rescues_slowly(old: Path, new: Path) -> str:
        aside.set()
        assert done.wait(60)
        return recovery._rescue(old, new)

    with ThreadPoolExecutor() as others:
        late = others.submit(recovery.opened, path, replace(recovery._KIND, sound=opens_late))
        assert looked.wait(60)
        first = others.submit(recovery.opened, path, replace(recovery._KIND, rescue=rescues_slowly))
        with pytest.raises(FutureTimeout):
            late.result(timeout=0.5)
        done.set()
        first.result(60).close()
        with late.result(60) as store:
            store.create_conversation("그사이")
    with open_store(path) as store:
        assert [one.title for one in store.conversations()] == ["그사이"]


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:12288] = b"\xa5" * 4096
    path.write_bytes(data)


def test_a_rescue_that_fails_leaves_the_damaged_file_in_its_place(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(path)
    damaged(path)
    before = path.read_bytes()

    def full(aside: Path, draft: Path) -> None:
        raise NoSpace(f"{aside} {draft}")

    with monkeypatch.context() as patch:
        patch.setattr(salvaged_conversations, "rescue_conversations", full)
        with pytest.raises(NoSpace):
            open_store(path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir() if "kullm.db." in file.name] == []
    with open_store(path) as store:
        assert len(store.conversations()) > 20


_KILLED_IN_THE_RESCUE = """
import os, signal, sys
from pathlib import Path
from kullm_tui.core.store import recovery, salvaged_conversations
salvaged_conversations.rescue_conversations = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
recovery.open_store(Path(sys.argv[1]))
"""


def test_a_rescue_that_was_killed_is_begun_again(path: Path) -> None:
    filled(path)
    damaged(path)
    ended = subprocess.run([sys.executable, "-c", _KILLED_IN_THE_RESCUE, str(path)], check=False)
    assert ended.returncode == -9
    assert not path.exists()
    with open_store(path) as store:
        assert store.notice
        assert len(store.conversations()) > 20
    with open_store(path) as store:
        assert store.notice is None


def test_what_was_deleted_long_ago_goes_at_the_next_start(path: Path) -> None:
    with Store(path) as store:
        old, new = store.create_conversation("옛"), store.create_conversation("새")
        store.delete(old.id)
        store.delete(new.id)
        with store._database.transaction() as connection:
            connection.execute("UPDATE conversations SET deleted = deleted - 8 * 86400 WHERE id = ?", (old.id,))
    with open_store(path) as store:
        store.restore(new.id)
        with pytest.raises(StoreError):
            store.restore(old.id)


def small_disk(folder: Path) -> bool:
    """A file system of 2 MB there; False where only root could make one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


def test_a_full_disk_is_told_and_what_was_kept_stays(path: Path) -> None:
    disk = path.parent / "disk"
    mounted = small_disk(disk)
    code = """
import pathlib, resource, sys
from kullm_tui.core.errors import NoSpace
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.recovery import open_store
from kullm_tui.core.records import Message
if sys.argv[2] == "limit":  # without a small disk, files may not grow
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000))
    import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_store(pathlib.Path(sys.argv[1])) as store:
    one = store.create_conversation("질문")
    kept = 0
    try:
        while True:
            turn = store.add_user_turn(one.id, Message("user", f"{kept} " + "가" * 20_000), parent_id=None)
            kept += 1
            if kept > 1000: raise SystemExit("the disk did not fill")
    except NoSpace as error:
        print(kept, len(store.thread(one.id)), "가득" in str(error))
    print(len(store.conversations()))
"""
    try:
        command = [sys.executable, "-c", code, str(disk / "kullm.db"), "disk" if mounted else "limit"]
        environment = {**os.environ, "KULLM_LANG": "ko"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=240, check=False)
        assert done.stdout.split()[2:] == ["True", "1"], done.stderr
        kept = int(done.stdout.split()[0])
        assert kept > 3
        found = sqlite3.connect(f"file:{disk / 'kullm.db'}?mode=ro", uri=True)
        with closing(found):
            assert found.execute("SELECT count(*) FROM messages").fetchone()[0] >= kept
    finally:
        if mounted:
            subprocess.run(["umount", str(disk)], check=True)
