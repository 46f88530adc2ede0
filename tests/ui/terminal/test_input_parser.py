"""Raw bytes of terminals through the parser that reads them."""

import pytest
from textual import _xterm_parser, events

from kullm_tui.ui import start
from kullm_tui.ui.terminal import input_parser
from kullm_tui.ui.terminal.input_parser import LONGEST_SEQUENCE, PasteParser
from tests.growth import growth

WORD = "안녕하세요"
COMMIT = f"\x1b[0;;{':'.join(str(ord(syllable)) for syllable in WORD)}u"


@pytest.fixture(autouse=True)
def cured() -> None:
    start.prepare()


def parsed(*pieces: str) -> list[events.Event]:
    parser = PasteParser()
    return [event for piece in pieces for event in parser.feed(piece) if isinstance(event, events.Event)]


def typed(*pieces: str) -> str:
    return "".join(event.character or "" for event in parsed(*pieces) if isinstance(event, events.Key))


def test_a_word_that_an_input_method_commits_arrives_as_text() -> None:
    assert len(COMMIT) == 35
    assert typed(COMMIT) == WORD


def test_without_the_cure_it_arrives_as_rubbish(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_xterm_parser, "_MAX_SEQUENCE_SEARCH_THRESHOLD", 32)
    assert typed(COMMIT) != WORD


def test_a_sentence_in_one_commit_arrives_too() -> None:
    sentence = (WORD + " ") * 13
    commit = f"\x1b[0;;{':'.join(str(ord(syllable)) for syllable in sentence)}u"
    assert LONGEST_SEQUENCE - 80 < len(commit) <= LONGEST_SEQUENCE
    assert typed(commit) == sentence


@pytest.mark.parametrize("size", [1, 2, 3, 7, 35])
def test_a_commit_cut_by_the_reads_is_the_same_text(size: int) -> None:
    assert typed(*(COMMIT[at : at + size] for at in range(0, len(COMMIT), size))) == WORD


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("\x11", "ctrl+q"),
        ("\x1b[113;5u", "ctrl+q"),
        ("\x1b[12610;5u", "ctrl+ㅂ"),
        ("\x1b[12610u", "ㅂ"),
        ("ㅂ", "ㅂ"),
        ("\r", "enter"),
        ("\n", "ctrl+j"),
        ("\x1b[13;2u", "shift+enter"),
        ("\x1b\r", "alt+enter"),
        ("\x1b[13;3u", "alt+enter"),
    ],
)
def test_keys_in_legacy_and_kitty_form(sent: str, key: str) -> None:
    assert [event.key for event in parsed(sent) if isinstance(event, events.Key)] == [key]


NASTY = "빨강 \x1b[31mred\x1b[0m\r다음 줄\x1b]52;c;cm0gLXJm\x07\x1b[13u\r\x1b끝"


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 4096])
def test_a_paste_is_one_event_whatever_is_in_it(size: int) -> None:
    sent = f"가\x1b[200~{NASTY}\x1b[201~나"
    found = parsed(*(sent[at : at + size] for at in range(0, len(sent), size)))
    assert [getattr(event, "text", None) or getattr(event, "character", None) for event in found] == ["가", NASTY, "나"]


def test_without_the_cure_a_paste_presses_enter() -> None:
    parser = _xterm_parser.XTermParser()
    found = [event for event in parser.feed(f"\x1b[200~{NASTY}\x1b[201~") if isinstance(event, events.Key)]
    assert "enter" in [event.key for event in found]


def test_two_pastes_and_keys_between_them() -> None:
    found = parsed("\x1b[200~하나\x1b[201~\x1b[200~\x1b[201~ㅁ\x1b[200~둘\x1b[201~")
    assert [type(event).__name__ for event in found] == ["Paste", "Paste", "Key", "Paste"]


def test_a_paste_of_a_megabyte_is_read_in_time_that_grows_with_its_length() -> None:
    def read(size: int) -> None:
        text = "한글 줄입니다.\n" * size
        sent = f"\x1b[200~{text}\x1b[201~"
        found = parsed(*(sent[at : at + 4096] for at in range(0, len(sent), 4096)))
        assert [getattr(event, "text", "") for event in found] == [text]

    assert growth(read, 30_000) < 3


def test_the_mouse_and_the_focus_are_read_as_before() -> None:
    kinds = [type(event).__name__ for event in parsed("\x1b[<0;10;5M", "\x1b[I", "\x1b[<0;10;5m")]
    assert kinds == ["MouseDown", "AppFocus", "MouseUp"]


def test_iterm_is_asked_for_legacy_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_DISABLE_KITTY_KEY", raising=False)
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    monkeypatch.setenv("LC_TERMINAL", "iTerm2")
    monkeypatch.setattr(input_parser, "install", lambda: None)
    start.prepare()
    import os

    assert os.environ.pop("TEXTUAL_DISABLE_KITTY_KEY") == "1"
