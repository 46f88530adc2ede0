"""Keys of Hangul mode, by the table and in the running app."""

import string
from pathlib import Path

import pytest
from textual import events

from kullm_tui.ui import start
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.terminal import hangul_keys
from kullm_tui.ui.terminal.input_parser import PasteParser
from tests.ui.browsing import until

LAYOUT = {
    "q": "ㅂ", "w": "ㅈ", "e": "ㄷ", "r": "ㄱ", "t": "ㅅ", "y": "ㅛ", "u": "ㅕ", "i": "ㅑ", "o": "ㅐ", "p": "ㅔ", "a": "ㅁ", "s": "ㄴ",
    "d": "ㅇ", "f": "ㄹ", "g": "ㅎ", "h": "ㅗ", "j": "ㅓ", "k": "ㅏ", "l": "ㅣ", "z": "ㅋ", "x": "ㅌ", "c": "ㅊ", "v": "ㅍ", "b": "ㅠ",
    "n": "ㅜ", "m": "ㅡ",
}  # fmt: skip


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    start.prepare()


def test_every_letter_of_the_keyboard_is_found() -> None:
    assert sorted(LAYOUT) == sorted(string.ascii_lowercase)
    for latin, jamo in LAYOUT.items():
        assert hangul_keys.strokes(jamo) == latin


@pytest.mark.parametrize(
    ("written", "pressed"),
    [("ㅃㅉㄸㄲㅆㅒㅖ", "QWERTOP"), ("ㅘㅢㅞ", "hkmlnp"), ("안녕", "dkssud"), ("차", "ck"), ("뷁", "qnpfr"), ("읽", "dlfr"),
     ("\u1112\u1161\u11ab", "gks"), ("a1 漢", "a1 漢")],
)  # fmt: skip
def test_what_an_input_method_delivers_is_the_keys_that_wrote_it(written: str, pressed: str) -> None:
    assert hangul_keys.strokes(written) == pressed


def keys(sent: str, *, typing: bool) -> list[str]:
    read = [event for event in PasteParser().feed(sent) if isinstance(event, events.Key)]
    return [key.key for event in read for key in hangul_keys.pressed(event, typing=typing)]


@pytest.mark.parametrize("typing", [True, False])
@pytest.mark.parametrize(
    ("sent", "key"),
    [("\x1b[12610;5u", "ctrl+q"), ("\x1b[12628;5u", "ctrl+p"), ("\x1b[12611;6u", "ctrl+shift+q"), ("\x1b[12610;3u", "alt+q"),
     ("\x11", "ctrl+q"), ("\x1b[15~", "f5")],
)  # fmt: skip
def test_control_keys_are_latin_everywhere(sent: str, key: str, typing: bool) -> None:
    assert keys(sent, typing=typing) == [key]


def test_plain_keys_stay_text_where_text_is_typed() -> None:
    assert keys("ㅏ차", typing=True) == ["ㅏ", "차"]
    assert keys("ㅏ차", typing=False) == ["k", "c", "k"]
    assert keys("\x1b[0;;52264u", typing=False) == ["c", "k"]


async def test_hangul_mode_opens_the_help_and_scrolls_and_closes_it() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f1")
        await until(pilot, lambda: bool(app.screen.query("#help-body")))
        shown = app.screen
        body = shown.query_one("#help-body")
        await pilot.press("ㅓ", "ㅓ")
        await until(pilot, lambda: body.scroll_y == 2)
        await pilot.press("ㅂ")
        await until(pilot, lambda: app.screen is not shown)


async def test_hangul_mode_quits() -> None:
    app = KullmApp()
    async with app.run_test() as pilot:
        await pilot.press("ctrl+ㅂ")
        assert app._exit


async def test_text_typed_into_the_prompt_stays_hangul() -> None:
    app = KullmApp()
    async with app.run_test() as pilot:
        await pilot.press("ㅂ", "ㅈ", "가")
        assert app.screen.query_one("#prompt-text").text == "ㅂㅈ가"  # type: ignore[attr-defined]
