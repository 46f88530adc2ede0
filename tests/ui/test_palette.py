"""The command palette finds commands, conversations and models, and no title can break it."""

from pathlib import Path

import pytest
from textual.app import ComposeResult
from textual.command import CommandInput, CommandList
from textual.pilot import Pilot
from textual.screen import Screen

from kullm_tui.core.records import Message
from kullm_tui.core.store.history import Conversation
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui import palette, start
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.conversation.prompt import Prompt
from kullm_tui.ui.keymap import CHAT, bindings
from kullm_tui.ui.widgets.key_bar import KeyBar
from tests.ui.browsing import until
from tests.ui.snapshot import text_of


class Controller(Screen[None]):
    """A screen that takes whatever the palette finds."""

    BINDINGS = bindings(CHAT)

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[tuple[str, int | None]] = []
        self.used: list[str] = []
        self.began = 0

    def compose(self) -> ComposeResult:
        yield Prompt()
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Prompt).focus()

    def open_conversation(self, conversation: Conversation, message_id: int | None) -> None:
        self.opened.append((conversation.title, message_id))

    def use_model(self, name: str) -> None:
        self.used.append(name)

    def action_new_conversation(self) -> None:
        self.began += 1


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    start.prepare()
    return tmp_path


async def on_a_controller(pilot: Pilot) -> Controller:
    controller = Controller()
    await pilot.app.push_screen(controller)
    await pilot.pause()
    return controller


async def looks_for(pilot: Pilot, query: str) -> list[str]:
    await pilot.press("ctrl+p")
    await until(pilot, lambda: isinstance(pilot.app.screen, palette.Palette))
    pilot.app.screen.query_one(CommandInput).value = query
    await pilot.pause(0.5)
    await until(pilot, lambda: all(one.is_finished for one in pilot.app.workers if one.node is pilot.app.screen))
    found = pilot.app.screen.query_one(CommandList)
    return [str(found.get_option_at_index(at).prompt) for at in range(found.option_count)]


def keep(home: Path, *titles: str) -> None:
    with Store(home / "kullm.db") as store:
        for title in titles:
            conversation = store.create_conversation(title)
            turn = store.add_user_turn(conversation.id, Message("user", title), parent_id=None)
            with store.open_reply(conversation.id, turn, ReplySource("demo")) as journal:
                journal.feed("한강을 끼고 있어요.")


async def test_only_commands_that_work_here_are_offered() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await on_a_controller(pilot)
        offered = await looks_for(pilot, "")
        assert any(line.startswith("새 대화  ^n") for line in offered)
        assert not any(line.startswith("답 다시") for line in offered), "the controller cannot regenerate"


@pytest.mark.parametrize("query", ["새 대", "new", "^n", "ㅜㄷㅈ"])
async def test_a_command_is_found_in_both_languages_and_in_hangul_mode(query: str) -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        controller = await on_a_controller(pilot)
        assert (await looks_for(pilot, query))[0].startswith("새 대화")
        await pilot.press("enter")
        await until(pilot, lambda: controller.began == 1)


async def test_it_opens_in_hangul_mode_too() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+ㅔ")
        await until(pilot, lambda: isinstance(app.screen, palette.Palette))


async def test_the_theme_is_changed_from_the_palette() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await looks_for(pilot, "밝게")
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "kullm-light")


async def test_the_language_is_changed_from_the_palette_and_the_footer_follows() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await looks_for(pilot, "english")
        await pilot.press("enter")
        await until(pilot, lambda: "F1 help" in text_of(app))


NASTY = "제목 [/x][red]\x1b[2J\x1b]52;c;AA=\x07 [bold"


async def test_conversations_are_offered_and_a_nasty_title_is_only_text(home: Path) -> None:
    keep(home, "대한민국의 수도", NASTY)
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        controller = await on_a_controller(pilot)
        assert "▸ 제목 [/x][red] [bold" in await looks_for(pilot, "")
        await pilot.press("escape")
        found = await looks_for(pilot, "[/x]")
        assert found[0].startswith("▸ 제목 [/x][red] [bold")
        await pilot.press("enter")
        await until(pilot, lambda: bool(controller.opened))
        assert [title for title, _ in controller.opened] == ["제목 [/x][red] [bold"]


async def test_a_conversation_is_found_by_what_was_said(home: Path) -> None:
    keep(home, "대한민국의 수도")
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        controller = await on_a_controller(pilot)
        found = await looks_for(pilot, "한강")
        assert "한강" in found[0]
        await pilot.press("enter")
        await until(pilot, lambda: bool(controller.opened))
        assert controller.opened[0][1] is not None


async def test_a_model_is_found_and_used() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        controller = await on_a_controller(pilot)
        found = await looks_for(pilot, "kullm-5.8b")
        assert found
        assert found[0].startswith("kullm-5.8b")
        await pilot.press("enter")
        await until(pilot, lambda: bool(controller.used))
        assert controller.used[0].startswith("kullm-5.8b")


async def test_what_is_not_there_is_said_in_the_language_of_the_app() -> None:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        await looks_for(pilot, "없는것없는것")
        await until(pilot, lambda: "찾지 못했어요" in text_of(app))


async def test_a_question_of_ones_own_goes_into_the_prompt(home: Path) -> None:
    (home / "prompts.toml").write_text('[review]\ntitle = "코드 검토"\ntext = "셋만 짚어 주세요."\n')
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        chat = app.screen
        assert isinstance(chat, ChatScreen)
        assert (await looks_for(pilot, "코드 검토"))[0].startswith("질문: 코드 검토")
        await pilot.press("enter")
        await until(pilot, lambda: chat.prompt.value.text == "셋만 짚어 주세요.")


async def test_a_file_of_questions_that_cannot_be_read_says_what_is_wrong(home: Path) -> None:
    (home / "prompts.toml").write_text('[review]\ntitel = "코드 검토"\n')
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        assert (await looks_for(pilot, "질문 파일"))[0].startswith("질문 파일을 읽지 못했어요")
        await pilot.press("enter")
        await until(pilot, lambda: any("review.text" in one.message for one in app._notifications))
