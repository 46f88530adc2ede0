"""Random damage to what kullm keeps: each file is opened, or kept aside while what can be read of it goes on in a new one, and soon."""

import json
import os
import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluator.runs import list_runs
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.core.errors import StoreDamaged
from kullm_tui.core.records import Message
from kullm_tui.core.store.recovery import open_again, open_store
from kullm_tui.core.store.store import Store
from tests.damage import PAGE, damaged

DAMAGES = int(os.environ.get("KULLM_DAMAGES", "16"))
SECONDS = 10
PLAN = {"set": "질문" * 40, "systems": [{"name": "가"}], "judge": {"model": "judge"}, "rubric": "rubric"}


def conversations(path: Path) -> None:
    with Store(path) as store:
        for number in range(120):
            one = store.create_conversation(f"대화 {number}")
            store.add_user_turn(one.id, Message("user", f"질문 {number} " * (number % 40 * 5 + 1)), parent_id=None)


def verdicts(path: Path) -> None:
    """As many as fill some pages, of every table."""
    row = (
        '?, ?, "judge", "http://judge", ?, "rubric", "sha", "질문", "", ?, 0, ?, "stop", "", "judge", "", 10, 20, 0.001'
    )
    with VerdictStore(path) as store, store.database.transaction() as connection:
        for number in range(150):
            key, text = f"{number:064x}", f"유창성: {number % 5 + 1} " * (number % 30 + 1)
            connection.execute(
                f"INSERT INTO verdicts VALUES ({row})".replace('"', "'"), (key, number, "{}", text, text)
            )
            connection.execute(
                "INSERT INTO answers VALUES (?, ?, 'system', '{}', ?, 'stop', 'sha', 7)", (key, number, text)
            )
            connection.execute("INSERT INTO failures VALUES (?, ?, ?)", (f"{key}f", number, "말이 없음"))
            connection.execute("INSERT INTO by_hand VALUES (?, ?, 'kim', '{\"fluency\": 5}')", (key, number))
        for number in range(20):
            connection.execute("INSERT INTO runs VALUES (?, ?, ?)", (number + 1, number, json.dumps(PLAN)))


def read_conversations(path: Path) -> tuple[int, bool]:
    """As the app does: what is found damaged only while it is read is opened again."""
    store = open_store(path)
    try:
        found = _threads(store)
    except StoreDamaged:
        store = open_again(store)
        found = _threads(store)
    finally:
        store.close()
    return found, bool(store.notice)


def _threads(store: Store) -> int:
    store.search("질문")
    return sum(bool(store.thread(one.id)) for one in store.conversations())


def read_verdicts(path: Path) -> tuple[int, bool]:
    told: list[str] = []
    with open_verdicts(told.append, path) as store:
        list_runs(store)
        store.spent()
        store.clear_abandoned()
        return len(store.replies(f"{number:064x}" for number in range(150))), bool(told)


@dataclass(frozen=True)
class File:
    name: str
    fill: Callable[[Path], None]
    read: Callable[[Path], tuple[int, bool]]  # how many things are there, and whether a rescue was told


FILES = (File("kullm.db", conversations, read_conversations), File("evaluation.db", verdicts, read_verdicts))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_damage_keeps_a_file_from_being_opened(file: File, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    whole = tmp_path / file.name
    file.fill(whole)
    data, (all_there, _) = whole.read_bytes(), file.read(whole)
    chance, ended, longest, left = random.Random(7), Counter[str](), 0.0, 0
    for number in range(DAMAGES):
        path = tmp_path / str(number) / file.name
        path.parent.mkdir()
        path.write_bytes(damaged(data, chance))
        began = time.monotonic()
        found, rescued = file.read(path)
        seconds = time.monotonic() - began
        assert seconds < SECONDS, f"damage {number} took {seconds:.1f} s"
        assert rescued == bool(list(path.parent.glob("*.damaged-*")))
        assert not list(path.parent.glob("*.rescu*"))
        ended["rescued" if rescued else "opened"] += 1
        longest, left = max(longest, seconds), left + found
    print(
        f"{file.name}: {dict(ended)}, longest {longest:.2f} s, {left / DAMAGES / all_there:.0%} of it was there again"
    )


def test_bought_verdicts_outlive_a_damaged_page_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    path, told = tmp_path / "evaluation.db", list[str]()
    verdicts(path)
    data = bytearray(path.read_bytes())
    middle = len(data) // PAGE // 2 * PAGE
    data[middle : middle + PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)

    with closing(open_verdicts(told.append, path)) as store:
        assert len(store.replies(f"{number:064x}" for number in range(150))) > 0
        assert len(list_runs(store)) > 0

    [aside] = path.parent.glob("evaluation.db.damaged-*")
    assert str(aside) in told[0]
    assert aside.read_bytes() == data
    again: list[str] = []
    open_verdicts(again.append, path).close()
    assert again == []
