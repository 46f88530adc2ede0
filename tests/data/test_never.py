"""What was marked as not for training is known by its words, and stays out of every set that is built."""

import json
from pathlib import Path

import pytest

from data.never import Never, marked_never
from kullm_tui.core.store.store import Store
from tests.feedback.said import answered
from tests.kullm_command import kullm

SECRET = "아무에게도 말하면 안 되는 이야기예요."
MIXTURE = """summary = "이야기"
[steps]
decontaminate = []
duplicates = 0
[[sources]]
name = "stories"
file = "stories.jsonl"
language = "ko"
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SECRET, True),
        (SECRET.replace(" ", "  ").removesuffix("."), True),
        (f"그가 말했다. “{SECRET}” 그리고 갔다.", True),
        ("말하면 안 되는 이야기예요.", False),
        ("네.", True),
        ("네, 알겠어요.", False),
        ("👍", True),
        ("", False),
    ],
)
def test_a_text_is_it_where_it_says_the_same_or_quotes_all_of_it(text: str, expected: bool) -> None:
    never = Never(frozenset([SECRET, "네", "👍", " "]))
    assert never.is_in([text]) is expected


def test_where_nothing_is_marked_nothing_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "nowhere"))
    assert not marked_never()
    assert not marked_never().is_in(["", "무엇이든"])
    assert not (tmp_path / "nowhere" / "kullm.db").exists()


def test_a_built_set_holds_nothing_of_it_and_neither_does_any_file_of_the_build(tmp_path: Path) -> None:
    (tmp_path / "mixtures").mkdir()
    (tmp_path / "mixtures" / "stories.toml").write_text(MIXTURE)
    rows = [
        f'{{"instruction": "{number}번 이야기를 해 줘", "output": "{number}번째 이야기예요."}}' for number in range(20)
    ]
    source = tmp_path / "mixtures" / "stories.jsonl"
    source.write_text("\n".join([*rows, f'{{"instruction": "비밀은?", "output": "{SECRET}"}}']) + "\n")
    assert kullm(tmp_path, "data", "build", "stories").returncode == 0
    built = tmp_path / "data" / "stories" / "stories.jsonl"
    assert SECRET in built.read_text()

    with Store(tmp_path / "kullm.db") as store:
        store.mark(answered(store, "또 비밀은?", SECRET), "never")
    for made in (tmp_path / "cache", tmp_path / "data"):
        for file in sorted(made.rglob("*"), reverse=True):
            file.unlink() if file.is_file() else file.rmdir()
    done = kullm(tmp_path, "data", "build", "stories")
    assert done.returncode == 0, done.stderr
    assert len(built.read_text().splitlines()) == 20
    written = [file for folder in ("cache", "data") for file in (tmp_path / folder).rglob("*") if file.is_file()]
    assert [file for file in written if SECRET.encode() in file.read_bytes()] == []
    assert "학습 제외 1" in kullm(tmp_path, "data", "rejected", "stories").stdout


@pytest.mark.parametrize("source", ["file", "conversations"])
def test_a_mark_that_comes_later_is_heeded_by_the_next_build(tmp_path: Path, source: str) -> None:
    (tmp_path / "mixtures").mkdir()
    with Store(tmp_path / "kullm.db") as store:
        replies = [
            answered(store, f"{number}번 이야기를 해 줘", f"{number}번째로 하는 긴 이야기예요.") for number in range(3)
        ]
        rows = [
            {"instruction": one.led_by[0].content, "output": one.content} for one in store.reviewed(replies).values()
        ]
    (tmp_path / "mixtures" / "stories.jsonl").write_text("\n".join(map(json.dumps, rows)))
    own = MIXTURE.replace('name = "stories"\nfile = "stories.jsonl"\nlanguage = "ko"', 'name = "conversations"')
    (tmp_path / "mixtures" / "stories.toml").write_text(MIXTURE if source == "file" else own)
    built = tmp_path / "data" / "stories" / "stories.jsonl"
    assert kullm(tmp_path, "data", "build", "stories").returncode == 0
    assert len(built.read_text().splitlines()) == 3
    with Store(tmp_path / "kullm.db") as store:
        store.mark(replies[2], "never")
    assert kullm(tmp_path, "data", "build", "stories").returncode == 0
    assert "2번째로" not in built.read_text()
    assert len(built.read_text().splitlines()) == 2
