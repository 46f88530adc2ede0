"""`kullm doctor` with a terminal that answers, with one that does not, and what it says about Hangul as it arrives."""

import os
import pty
import re
import threading
import time
import unicodedata
from pathlib import Path

import pytest

from kullm_tui.doctor.terminal_io import Interrupted, TerminalTalk, Typed, raw
from kullm_tui.doctor.typing import GREETING, judge
from tests.doctor.answering_terminal import AnsweringTerminal, Habits

KITTY_WORD = f"\x1b[0;;{':'.join(str(ord(letter)) for letter in GREETING)}u"
KITTY_ENTER = "\x1b[13u"


def lines(terminal: AnsweringTerminal) -> dict[str, str]:
    """The verdict and text of each line of the report, by its subject."""
    shown = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bP[^\x1b]*\x1b\\", "", terminal.shown)
    found = re.findall(r"^\r?(?:.*\r)?(정상|주의|문제)  ([^:]+): (.*?)\r?$", shown, re.MULTILINE)
    return {subject: f"{verdict} {text}" for verdict, subject, text in found}


def test_a_terminal_that_answers_is_told_what_it_can_do(tmp_path: Path) -> None:
    terminal = AnsweringTerminal(tmp_path, Habits(), env={"COLORTERM": "truecolor", "SSH_TTY": "/dev/pts/9"})
    terminal.waits_for("› \x1b[>25u")
    terminal.types(KITTY_WORD + KITTY_ENTER)
    assert terminal.ends() == 0
    said = lines(terminal)
    assert said["환경"] == "정상 xterm-256color, SSH"
    assert said["키"].startswith("정상 kitty")
    assert said["색"] == "정상 1600만 색"
    assert said["글자 폭"].startswith("정상")
    assert said["복사"].startswith("정상 OSC 52")
    assert said["한글 입력"] == "정상 온전하게 왔어요 (kitty 방식)"
    assert terminal.shown.endswith("\r\n")
    assert "\x1b[<u" in terminal.shown  # the mode is given back


def test_an_old_terminal_with_wide_boxes_is_told_what_to_change(tmp_path: Path) -> None:
    habits = Habits(kitty=False, attributes="1;2", colour="", ambiguous_cells=2)
    terminal = AnsweringTerminal(tmp_path, habits)
    terminal.waits_for("건너뛰기) › ")
    terminal.types(GREETING[:-1] + "\r")
    assert terminal.ends() == 1
    said = lines(terminal)
    assert "^j" in said["키"]
    assert said["색"] == "정상 256색"
    assert "모호한 너비" in said["글자 폭"]
    assert said["한글 입력"].startswith("문제 온 글: 안녕하세 (예전 방식). 끝 글자가 빠졌어요.")
    assert "\x1b[>25u" not in terminal.shown


def test_colours_that_the_environment_hides_are_found(tmp_path: Path) -> None:
    terminal = AnsweringTerminal(tmp_path, Habits())
    terminal.waits_for("건너뛰기) › ")
    terminal.types("\x1b")
    assert terminal.ends() == 0
    assert "export COLORTERM=truecolor" in lines(terminal)["색"]
    assert lines(terminal)["한글 입력"] == "정상 건너뛰었어요"


def test_a_silent_terminal_is_not_waited_for_long(tmp_path: Path) -> None:
    terminal = AnsweringTerminal(tmp_path, None)
    terminal.waits_for("환경")
    assert terminal.ends() == 0
    assert lines(terminal)["터미널 시험"].startswith("주의 터미널이 물음에 답하지 않아")


def test_ctrl_c_skips_the_rest_and_the_terminal_is_put_back(tmp_path: Path) -> None:
    terminal = AnsweringTerminal(tmp_path, Habits())
    terminal.waits_for("› \x1b[>25u")
    terminal.types("\x1b[99;5u")
    assert terminal.ends() == 0
    assert lines(terminal)["터미널 시험"] == "주의 나머지는 건너뛰었어요"
    assert terminal.shown.index("\x1b[<u") > terminal.shown.index("\x1b[>25u")


@pytest.mark.parametrize(
    ("sent", "typed"),
    [
        (GREETING + "\r", Typed(GREETING, "enter")),
        (KITTY_WORD + KITTY_ENTER, Typed(GREETING, "enter", "kitty")),
        ("".join(f"\x1b[{ord(letter)};1;{ord(letter)}u" for letter in GREETING) + KITTY_ENTER, Typed(GREETING, "enter", "kitty")),
        ("안녕하세\r요", Typed(GREETING, "enter", late="요")),
        ("안\x7f안녕\x1b[127u녕하세요\n", Typed(GREETING, "enter")),
        ("\x1b[57441;2u안\x1b[D\x1b]11;rgb:0/0/0\x1b\\녕\r", Typed("안녕", "enter")),
        ("\x1b[97;1:3u안\r", Typed("안", "enter")),
        ("안\x1b", Typed("안", "escape")),
        ("안\x1b[27u", Typed("안", "escape")),
        ("안", Typed("안", "time-out")),
    ],
)  # fmt: skip
def test_what_is_typed_is_read_in_both_forms(sent: str, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "kullm_tui.doctor.terminal_io._LONE_ESCAPE_SECONDS", 1.0
    )  # the line is slow, and the machine may be
    if typed.late:
        monkeypatch.setattr("kullm_tui.doctor.terminal_io._AFTER_ENTER_SECONDS", 1.0)
    assert _read(sent, at_once=typed.ended_by == "time-out") == typed


@pytest.mark.parametrize("key", ["\x03", "\x1b[99;5u", f"\x1b[{ord('ㅊ')};5u"])
def test_ctrl_c_is_heard_while_typing(key: str) -> None:
    with pytest.raises(Interrupted):
        _read("안" + key)


def _read(sent: str, *, at_once: bool = False) -> Typed:
    """The bytes one by one, as a slow line brings them; all there before it is read where a wait for more is to be in vain."""
    keyboard, terminal = pty.openpty()
    far, near = keyboard, terminal

    def types() -> None:
        for byte in sent.encode():
            os.write(far, bytes([byte]))
            time.sleep(0.002)

    try:
        with raw(near):
            thread = threading.Thread(target=types)
            thread.start()
            if at_once:
                thread.join()
            try:
                return TerminalTalk(near, near).typed(lambda _: None, seconds=1 if at_once else 240)
            finally:
                thread.join()
    finally:
        os.close(far)
        os.close(near)


@pytest.mark.parametrize(
    ("text", "verdict", "said"),
    [
        (GREETING, "fine", "온전하게"),
        (unicodedata.normalize("NFD", GREETING), "fine", "자모로 풀려"),
        ("dkssudgktpdy", "notice", "한/영"),
        ("안안녕하세요", "problem", "겹쳐"),
        ("녕안하세요", "problem", "순서"),
        ("안녕하세", "problem", "끝 글자"),
        ("\ufffd\ufffd", "problem", "UTF-8"),
        ("\x1b]0;x\x07안녕", "problem", "안녕"),
    ],
)
def test_what_happened_to_the_greeting_is_named(
    text: str, verdict: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KULLM_LANG", "ko")
    result = judge(Typed(text, "enter"))
    assert result.verdict == verdict
    assert said in result.text
    assert "\x1b" not in result.text
