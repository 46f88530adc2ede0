from pathlib import Path

import pytest

from tests.kullm_command import Terminal, kullm

SECRET = "sk-Zq8-very-secret"


def test_a_piped_key_is_stored_and_never_shown(tmp_path: Path) -> None:
    done = kullm(tmp_path, "keys", "set", "HOME_KEY", stdin=f"{SECRET}\n")
    assert done.returncode == 0
    listed = kullm(tmp_path, "keys", "list")
    assert listed.stdout == "HOME_KEY\t파일\n"
    assert SECRET not in done.stdout + done.stderr + listed.stdout + listed.stderr
    assert SECRET in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_typed_key_is_not_echoed(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "keys", "set", "HOME_KEY")
    terminal.waits_for("HOME_KEY의 값: ")
    terminal.types(f"{SECRET}\n")
    assert terminal.ends() == 0
    assert SECRET not in terminal.shown
    assert SECRET in (tmp_path / "keys.json").read_text()


def test_a_key_on_the_command_line_is_refused_and_not_repeated(tmp_path: Path) -> None:
    for extra in ([SECRET], ["--value", SECRET], [f"-{SECRET}"]):
        done = kullm(tmp_path, "keys", "set", "HOME_KEY", *extra)
        assert done.returncode == 2
        assert SECRET not in done.stdout + done.stderr
        assert "셸 기록" in done.stderr
    assert not (tmp_path / "keys.json").exists()


def test_an_empty_or_broken_value_is_refused(tmp_path: Path) -> None:
    for value in ("", "\n", "두 단어", b"\xff\xfe"):
        done = kullm(tmp_path, "keys", "set", "HOME_KEY", stdin=value)
        assert done.returncode == 2
        assert "HOME_KEY" in done.stderr


def test_removing_what_is_not_there_says_so(tmp_path: Path) -> None:
    kullm(tmp_path, "keys", "set", "HOME_KEY", stdin=SECRET)
    assert kullm(tmp_path, "keys", "remove", "HOME_KEY").returncode == 0
    again = kullm(tmp_path, "keys", "remove", "HOME_KEY")
    assert again.returncode == 1
    assert "저장된 키가 없어요" in again.stderr


def test_keys_of_the_environment_are_listed(tmp_path: Path) -> None:
    assert kullm(tmp_path, "keys", "list", env={"HF_TOKEN": SECRET}).stdout == "HF_TOKEN\t환경 변수\n"


def test_no_keys_say_how_to_store_one(tmp_path: Path) -> None:
    done = kullm(tmp_path, "keys", "list")
    assert (done.returncode, done.stdout) == (0, "")
    assert "kullm keys set" in done.stderr


def test_a_name_with_control_characters_never_reaches_the_terminal(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, "keys", "set", "A\x1b]0;owned\x07")
    assert terminal.ends() == 2
    assert "\x1b]0;" not in terminal.shown


@pytest.mark.parametrize("arguments", [["ask", "--key", "sk-mistyped-1234567"], ["keys", "--key=sk-mistyped-1234567"]])
def test_a_key_typed_where_none_belongs_is_not_repeated(tmp_path: Path, arguments: list[str]) -> None:
    done = kullm(tmp_path, *arguments)
    assert done.returncode == 2
    assert "sk-mistyped" not in done.stdout + done.stderr
