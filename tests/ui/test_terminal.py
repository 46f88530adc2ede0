"""The real app in a real terminal: what it switches on it switches off, and what is typed arrives."""

import json
import os
import signal
from pathlib import Path

import pytest

from tests.ui.real_terminal import AppTerminal, drawn, left_switched_on, strange_escapes

WORD = "안녕하세요"
COMMIT = f"\x1b[0;;{':'.join(str(ord(syllable)) for syllable in WORD)}u"
KITTY_ENTER = "\x1b[13u"


def opened(home: Path, **options: object) -> AppTerminal:
    terminal = AppTerminal(home, **options)  # type: ignore[arg-type]
    terminal.waits_for("무엇이든 물어보세요")
    return terminal


@pytest.mark.parametrize("sent", [WORD, COMMIT], ids=["legacy", "kitty"])
def test_a_word_typed_with_an_input_method_arrives(tmp_path: Path, sent: str) -> None:
    with opened(tmp_path) as terminal:
        terminal.types(sent)
        terminal.waits_for(WORD)


@pytest.mark.parametrize("sent", ["\x11", "\x1b[113;5u", "\x1b[12610;5u"], ids=["legacy", "kitty", "kitty-hangul"])
def test_quitting_puts_the_terminal_back(tmp_path: Path, sent: str) -> None:
    with opened(tmp_path) as terminal:
        before = len(terminal.written)
        assert len(left_switched_on(terminal.written)) == 9, "the test must see what is on"
        terminal.types(sent)
        assert terminal.ends() == 0
        assert left_switched_on(terminal.written) == []
        assert strange_escapes(terminal.written) == []
        assert "Traceback" not in drawn(terminal.written[before:])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_puts_the_terminal_back(tmp_path: Path, number: signal.Signals) -> None:
    with opened(tmp_path) as terminal:
        os.kill(terminal.pid, number)
        assert terminal.ends() == 128 + number
        assert left_switched_on(terminal.written) == []


def test_a_terminal_that_is_closed_takes_the_app_with_it(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        terminal.close()
        assert terminal.ends() != 0


def test_nothing_in_a_paste_reaches_the_terminal_and_the_app_goes_on(tmp_path: Path) -> None:
    nasty = "붙인\x1b]52;c;cm0gLXJm\x07\x1b[2J\x1b]0;제목\x07\x9b31m\r\x1b[13u글\x1b[?1049l\u202e"
    with opened(tmp_path, columns=100, lines=30) as terminal:
        terminal.types(f"\x1b[200~{nasty}\x1b[201~")
        terminal.waits_for("붙인")
        terminal.waits_for("글")
        terminal.types("뒤")
        terminal.waits_for("뒤")
        terminal.types("\x11")
        assert terminal.ends() == 0
        assert strange_escapes(terminal.written) == []
        assert left_switched_on(terminal.written) == []


def test_a_megabyte_is_pasted_and_typing_goes_on(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        terminal.types("\x1b[200~" + "한글 줄입니다.\r" * 60_000 + "\x1b[201~")
        terminal.waits_for("붙인 글 1")
        terminal.types("끝말")
        terminal.waits_for("끝말")


def test_it_follows_a_terminal_that_changes_its_size(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        for columns, lines in ((140, 45), (40, 12), (20, 5), (1, 1), (100, 30), (80, 24)):
            terminal.resize(columns, lines)
            terminal.reads(0.1)
        mark = len(terminal.written)
        terminal.resize(120, 40)
        terminal.waits_for("F1", since=mark)
        terminal.types("아직 여기")
        terminal.waits_for("아직 여기")
        terminal.types("\x11")
        assert terminal.ends() == 0


@pytest.mark.parametrize(("variable", "value"), [("LC_TERMINAL", "iTerm2"), ("TERM_PROGRAM", "iTerm.app")])
def test_iterm_gets_no_kitty_keys(tmp_path: Path, variable: str, value: str) -> None:
    with opened(tmp_path, env={variable: value}) as terminal:
        assert b"\x1b[>25u" not in terminal.written
        terminal.types(WORD)
        terminal.waits_for(WORD)


def test_what_opening_imports_is_what_it_needs(tmp_path: Path) -> None:
    code = (
        "import json, sys, atexit;"
        "atexit.register(lambda: json.dump(sorted(sys.modules), open('modules.json', 'w')));"
        "from kullm_tui.commands.main import main; sys.exit(main([]))"
    )
    from tests.kullm_command import COMMAND

    with opened(tmp_path, command=(COMMAND[0], "-P", "-c", code)) as terminal:
        terminal.types("\x11")
        assert terminal.ends() == 0
    loaded = {name.partition(".")[0] for name in json.loads((tmp_path / "modules.json").read_text())}
    assert loaded.isdisjoint(
        {"torch", "transformers", "openai", "httpx", "httpx2", "tokenizers", "huggingface_hub", "markdown_it"}
    )
