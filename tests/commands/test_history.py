"""`kullm history`, with conversations that are really there."""

import contextlib
import json
import subprocess
from pathlib import Path

import pytest

from kullm_tui.core.records import Message
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from tests.kullm_command import Terminal, kullm


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def talk(home: Path, question: str, *answers: str, more: str = "") -> int:
    with Store(home / "kullm.db") as store:
        one = store.create_conversation(question)
        turn = store.add_user_turn(one.id, Message("user", question, more), parent_id=None)
        for answer in answers:
            with store.open_reply(one.id, turn, ReplySource("kullm-5.8b")) as journal:
                journal.feed(answer)
    return one.id


def test_the_list_shows_the_newest_first(home: Path) -> None:
    done = kullm(home, "history", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "kullm ask" in done.stderr
    talk(home, "첫째", "답")
    talk(home, "둘째 \x1b[31m", "답")
    lines = kullm(home, "history", "list").stdout.splitlines()
    assert [line.split()[-1] for line in lines] == ["제목", "둘째", "첫째"]
    assert "kullm-5.8b" in lines[1]
    assert lines[1].split()[0] == "2"
    rows = json.loads(kullm(home, "history", "list", "--json").stdout)["conversations"]
    assert [(row["id"], row["title"], row["pinned"]) for row in rows] == [(2, "둘째", False), (1, "첫째", False)]


def test_a_long_list_is_cut_and_says_so(home: Path) -> None:
    with Store(home / "kullm.db") as store:
        for number in range(35):
            store.create_conversation(f"대화 {number}")
    done = kullm(home, "history", "list")
    assert (len(done.stdout.splitlines()), "--all" in done.stderr) == (31, True)
    assert len(kullm(home, "history", "list", "--all").stdout.splitlines()) == 36


def test_a_syllable_is_found(home: Path) -> None:
    talk(home, "질문", "대한민국의 수도는 서울\x1b[2J입니다.")
    done = kullm(home, "history", "search", "수", "서울")
    assert done.returncode == 0
    assert "수도는 서울입니다." in done.stdout
    [hit] = json.loads(kullm(home, "history", "search", "수도", "--json").stdout)["hits"]
    assert hit["excerpt"][hit["start"] : hit["end"]] == "수도"
    assert (hit["conversation"]["title"], hit["message_id"]) == ("질문", 2)
    nothing = kullm(home, "history", "search", "부산")
    assert (nothing.returncode, nothing.stdout) == (1, "")


def test_a_conversation_is_shown_from_beginning_to_end(home: Path) -> None:
    number = talk(home, "수도는?", "부산", "서울\x1b]0;x\x07", more="한국")
    shown = kullm(home, "history", "show", str(number)).stdout
    assert shown.index("수도는?") < shown.index("한국") < shown.index("서울")
    assert "부산" not in shown
    assert "2/2" in shown
    assert "\x1b" not in shown
    assert "부산" in kullm(home, "history", "show", str(number), "--message", "2").stdout
    facts = json.loads(kullm(home, "history", "show", str(number), "--json").stdout)
    assert [(turn["role"], turn["content"]) for turn in facts["turns"]] == [
        ("user", "수도는?"),
        ("assistant", "서울\x1b]0;x\x07"),
    ]


@pytest.mark.parametrize("number", ["99", "0", "-1", "x", "9" * 30])
def test_a_number_that_is_none_is_told(home: Path, number: str) -> None:
    talk(home, "질문")
    for action in ("show", "export", "delete"):
        done = kullm(home, "history", action, number, *(["--yes"] if action == "delete" else []))
        assert (done.returncode, done.stdout) == (1 if number == "99" else 2, "")
        assert "Traceback" not in done.stderr


def test_what_goes_out_comes_in_again_elsewhere(home: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    talk(home, "수도는?", "부산", "서울\x1b[31m")
    talk(home, "둘째", "답")
    piped = kullm(home, "history", "export")
    assert "\x1b" not in piped.stdout
    file = home / "대화.jsonl"
    assert kullm(home, "history", "export", "-o", str(file)).stdout == ""
    assert file.read_text() == piped.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    other = tmp_path_factory.mktemp("other")
    done = kullm(other, "history", "import", str(file))
    assert (done.returncode, done.stdout) == (0, f"{file}: 새 대화 2개\n")
    assert kullm(other, "history", "import", str(file)).stdout == f"{file}: 이미 있는 대화 2개\n"
    assert kullm(other, "history", "export").stdout == piped.stdout
    counts = json.loads(kullm(other, "history", "import", "--json", str(file)).stdout)
    assert counts == {"file": str(file), "new": 0, "grown": 0, "known": 2, "messages": 0, "unreadable": 0}


def test_markdown_takes_one_conversation(home: Path) -> None:
    number = str(talk(home, "수도는?", "**서울**"))
    file = home / "대화.md"
    assert kullm(home, "history", "export", number, "-o", str(file)).returncode == 0
    assert "# 수도는?" in file.read_text()
    assert kullm(home, "history", "export", number, "--format", "markdown").stdout == file.read_text()
    assert kullm(home, "history", "export", "--format", "markdown").returncode == 2


def test_a_file_that_cannot_be_read_is_one_line_and_imports_nothing(home: Path) -> None:
    good, bad = home / "good.jsonl", home / "bad.jsonl"
    talk(home, "질문", "답")
    kullm(home, "history", "export", "-o", str(good))
    bad.write_bytes(good.read_bytes()[:-20])
    (home / "kullm.db").unlink()
    done = kullm(home, "history", "import", str(bad))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert str(bad) in done.stderr
    assert json.loads(kullm(home, "history", "list", "--json").stdout) == {"conversations": []}


def test_nothing_is_deleted_unasked(home: Path) -> None:
    number = str(talk(home, "지울 대화", "답"))
    assert kullm(home, "history", "delete", number).returncode == 2
    for answer, code, left in (("\n", 1, 1), ("ㅛ\n", 0, 0)):
        terminal = Terminal(home, "history", "delete", number)
        terminal.waits_for("지울 대화")
        terminal.waits_for("[y/N] ")
        terminal.types(answer)
        assert terminal.ends() == code
        assert len(json.loads(kullm(home, "history", "list", "--json").stdout)["conversations"]) == left
    other = str(talk(home, "둘째"))
    assert kullm(home, "history", "delete", other, "--yes").returncode == 0


def test_a_file_that_is_there_is_replaced_only_by_force(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.jsonl"
    file.write_text("그대로")
    refused = kullm(home, "history", "export", "-o", str(file))
    assert refused.returncode == 2
    assert "--force" in refused.stderr
    assert file.read_text() == "그대로"
    assert kullm(home, "history", "export", "-o", str(file), "--force").returncode == 0
    assert file.read_text() != "그대로"


@pytest.mark.root
@pytest.mark.parametrize("disk", ["full", "read-only"])
def test_conversations_are_read_from_a_disk_that_takes_no_writes(tmp_path: Path, disk: str) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", str(home)], check=True)
    try:
        number = talk(home, "바다는 왜 파란가요?", "빛 때문이에요.")
        if disk == "full":
            with contextlib.suppress(OSError), (home / "filler").open("wb", buffering=0) as filler:
                while True:
                    filler.write(bytes(4096))
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)

        for arguments in (["list"], ["show", str(number)], ["search", "바다"], ["export", str(number)]):
            done = kullm(home, "history", *arguments)
            assert (done.returncode, done.stderr) == (0, "")
            assert "바다" in done.stdout
    finally:
        subprocess.run(["umount", str(home)], check=True)
