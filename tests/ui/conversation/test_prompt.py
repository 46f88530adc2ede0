"""The prompt in the running app, as someone types Korean into it."""

from pathlib import Path

import pytest
from textual import events, on
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static

from kullm_tui.ui import start
from kullm_tui.ui.conversation.prompt import Draft, Prompt
from kullm_tui.ui.widgets import text_field
from kullm_tui.ui.widgets.text_field import LONGEST_SHOWN, PromptField
from tests.ui.browsing import until

_LATE_SECONDS = 1.0  # more than a key that is already there waits for a busy machine


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_field, "LATE_SYLLABLE_SECONDS", _LATE_SECONDS)
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    start.prepare()


class Page(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"rule": "#333333", "quiet": "#888888"}

    def compose(self) -> ComposeResult:
        yield Static("", id="above")
        yield Prompt()

    def on_mount(self) -> None:
        self.query_one("#above").styles.height = "1fr"
        self.prompt.focus()

    @property
    def prompt(self) -> Prompt:
        return self.query_one(Prompt)

    @property
    def field(self) -> PromptField:
        return self.query_one("#prompt-text", PromptField)

    @on(Prompt.Submitted)
    def keep(self, event: Prompt.Submitted) -> None:
        self.sent.append((event.text, event.input))


async def burst(pilot: Pilot, *keys: str) -> None:
    """Keys without a pause between them, as a terminal sends them; back once they were sent."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
    await has_sent(pilot)


async def has_sent(pilot: Pilot, count: int = 1) -> None:
    assert isinstance(pilot.app, Page)
    sent = pilot.app.sent
    await until(pilot, lambda: len(sent) >= count)


async def paste(pilot: Pilot, text: str) -> None:
    pilot.app.post_message(events.Paste(text))
    await pilot.pause()


async def test_enter_sends_and_the_other_enters_make_lines() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await pilot.press(*"가", "shift+enter", *"나", "ctrl+j", *"다", "alt+enter", *"라", "enter")
        await has_sent(pilot)
        assert app.sent == [("가\n나\n다\n라", "")]
        assert app.prompt.value == Draft("")


async def test_the_syllable_that_comes_after_enter_belongs_to_what_is_sent() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await burst(pilot, *"안녕하세", "enter", "요")
        assert app.sent == [("안녕하세요", "")]
        assert app.prompt.value == Draft("")


async def test_a_first_syllable_that_comes_late_is_sent_too() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await burst(pilot, "enter", "네")
        assert app.sent == [("네", "")]


async def test_only_one_syllable_is_late_and_the_next_belongs_to_the_next_prompt() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await burst(pilot, "하", "enter", "하", "호")
        assert app.sent == [("하하", "")]
        assert app.prompt.value == Draft("호")


async def test_another_key_after_enter_sends_at_once_and_is_not_lost() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await burst(pilot, "가", "enter", "a", "b")
        assert app.sent == [("가", "")]
        assert app.prompt.value == Draft("ab")


async def test_enter_twice_sends_once() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await burst(pilot, "가", "enter", "enter")
        await pilot.pause(1.5 * _LATE_SECONDS)
        assert app.sent == [("가", "")]


async def test_nothing_is_not_sent() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await pilot.press(" ", "enter")
        await pilot.pause(1.5 * _LATE_SECONDS)
        assert app.sent == []


async def test_decomposed_keys_become_syllables_while_they_are_typed() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await pilot.press("\u1112", "\u1161", "\u11ab", "\u1100", "\u1173", "\u11af")
        assert app.field.text == "한글"
        await pilot.press("backspace")
        assert app.field.text == "한"


async def test_a_paste_is_composed_and_safe_and_sends_nothing() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await paste(pilot, "\u1112\u1161\u11ab \x1b[31m빨강\x1b[0m\x1b]52;c;cm0=\x07\r\n둘째 줄\r[/x]\u202e")
        assert app.field.text == "한 빨강\n둘째 줄\n[/x]"
        await pilot.pause(1.5 * _LATE_SECONDS)
        assert app.sent == []


async def test_a_paste_of_a_megabyte_stands_as_a_word_and_is_sent_whole() -> None:
    text = "한글 \x1b[1m줄입니다.\n" * 80_000
    app = Page()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"앞 ")
        await paste(pilot, text)
        await pilot.press(*" 뒤")
        assert app.field.text.startswith("앞 ⟦붙인 글 1 · ")
        assert len(app.field.text) < 60
        await pilot.press("enter")
        await has_sent(pilot)
        assert app.sent == [("앞 " + "한글 줄입니다.\n" * 80_000 + " 뒤", "")]
        await pilot.press("up")
        assert len(app.field.text) < 60


async def test_the_longest_paste_that_is_shown_can_still_be_typed_in() -> None:
    app = Page()
    async with app.run_test(size=(80, 24)) as pilot:
        await paste(pilot, "가" * LONGEST_SHOWN)
        await pilot.press(*"나다라마바")
        assert app.field.text == "가" * LONGEST_SHOWN + "나다라마바"


async def test_it_grows_with_its_lines_to_a_third_of_the_screen() -> None:
    app = Page()
    async with app.run_test(size=(80, 24)) as pilot:
        assert app.field.size.height == 1
        for lines in range(2, 12):
            await pilot.press("가", "ctrl+j")
            await pilot.pause()
            assert app.field.size.height == min(lines, 24 // 3)
        assert app.prompt.region.bottom == 24


async def test_long_korean_wraps_by_cells_and_the_cursor_stands_behind_it() -> None:
    app = Page()
    async with app.run_test(size=(40, 24)) as pilot:
        await pilot.press(*"가나다")
        left = app.field.region.x
        assert app.cursor_position.x == left + 6
        await pilot.press(*("라" * 20))
        await pilot.pause()
        assert app.field.size.height == 2


async def test_up_and_down_walk_through_what_was_sent_and_back_to_the_draft() -> None:
    app = Page()
    async with app.run_test() as pilot:
        app.prompt.remember([("하나", ""), ("둘\n두 줄", "자료")])
        await pilot.press(*"초안", "up")
        assert app.prompt.value == Draft("둘\n두 줄", "자료")
        await pilot.press("up")
        assert app.prompt.value == Draft("둘\n두 줄", "자료"), "first the cursor goes up within the text"
        await pilot.press("up")
        assert app.prompt.value.text == "하나"
        await pilot.press("up")
        assert app.prompt.value.text == "하나"
        await pilot.press("down", "down", "down")
        assert app.prompt.value.text == "초안"


async def test_the_input_field_is_sent_with_the_instruction_only_while_it_is_shown() -> None:
    app = Page()
    async with app.run_test() as pilot:
        app.prompt.toggle_input()
        await pilot.pause()
        await pilot.press(*"자료")
        app.field.focus()
        await pilot.press(*"요약해 줘", "enter")
        await has_sent(pilot)
        assert app.sent == [("요약해 줘", "자료")]
        app.prompt.set("다시", "자료 2")
        app.prompt.toggle_input()
        await pilot.pause()
        await pilot.press("enter")
        await has_sent(pilot, 2)
        assert app.sent[-1] == ("다시", "")


async def test_enter_in_the_input_field_sends_too() -> None:
    app = Page()
    async with app.run_test() as pilot:
        await pilot.press(*"요약")
        app.prompt.toggle_input()
        await pilot.pause()
        await burst(pilot, "자", "enter", "료")
        assert app.sent == [("요약", "자료")]
