"""Help and the dialogs: what they say, what they give back, and how they look."""

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from kullm_tui.core.store.store import Store
from kullm_tui.ui import start
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.conversation.prompt import Prompt
from kullm_tui.ui.conversation.thread import Thread
from kullm_tui.ui.dialogs.ask import AskLine, Confirm
from kullm_tui.ui.dialogs.help import HelpScreen, keys_of, scopes_of
from kullm_tui.ui.keymap import SCOPES, THREAD
from kullm_tui.ui.keymap.key import Key
from kullm_tui.ui.keymap.own import OwnKeys
from kullm_tui.ui.models.screen import ModelsScreen
from kullm_tui.ui.widgets.key_bar import KeyBar
from tests.ui.chatting import chatting
from tests.ui.snapshot import SIZES, assert_looks_like

NASTY = "[/x]\x1b[2J"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    start.prepare()


class Blank(Screen[None]):
    pass


async def answer(dialog: Confirm | AskLine, *keys: str) -> object:
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        answers: list[object] = []
        await app.push_screen(dialog, answers.append)
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()
        return answers[0] if answers else "open"


@pytest.mark.parametrize(
    ("danger", "keys", "given"),
    [(False, ["enter"], True), (False, ["escape"], False), (True, ["enter"], False), (True, ["right", "enter"], True),
     (False, ["left", "enter"], False)],
)  # fmt: skip
async def test_a_decision(danger: bool, keys: list[str], given: bool) -> None:
    assert await answer(Confirm(f"지울까요? {NASTY}", f"지우기 {NASTY}", more=NASTY, danger=danger), *keys) is given


async def test_a_line_is_composed_and_trimmed() -> None:
    assert await answer(AskLine("이름", button="바꾸기"), " ", "\u1112", "\u1161", "\u11ab", " ", "enter") == "한"


async def test_a_line_that_is_closed_is_none() -> None:
    assert await answer(AskLine(NASTY, button="바꾸기", value=NASTY), "escape") is None


async def test_a_wrong_line_is_told_in_its_place_and_can_be_mended() -> None:
    def fault(line: str) -> str | None:
        return None if line else f"이름이 비어 있어요 {NASTY}"

    assert await answer(AskLine("이름", button="바꾸기", fault=fault), "enter") == "open"
    assert await answer(AskLine("이름", button="바꾸기", fault=fault), "enter", "a", "enter") == "a"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_help_has_every_key_of_the_table(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", language)
    for scope in SCOPES:
        shown = keys_of(scope, OwnKeys()).plain
        assert scope.name
        for key in scope.keys:
            assert f"{key.display}" in shown
            assert key.told_whole in shown
        if language == "en":
            assert not any("가" <= letter <= "힣" for letter in shown)


async def told_on(*screens: Screen) -> dict[str, list[str]]:
    """What the help says over these screens: each scope with its keys."""
    app = KullmApp()
    async with app.run_test(size=(80, 24)) as pilot:
        for screen in screens:
            await app.push_screen(screen)
        await pilot.pause()
        found = {scope.english: [key.action for key in scope.keys] for scope in scopes_of(app.screen)}
        await pilot.press("f1")
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("f1")
        assert not isinstance(app.screen, HelpScreen)
        return found


async def test_the_help_of_the_chat_has_the_chats_places_and_nothing_that_is_not_there() -> None:
    told = await told_on()
    assert [scope.partition(" (")[0] for scope in told] == ["Everywhere", "Chat", "Prompt", "Thread", "Conversations"]
    assert "switch_model" in told["Everywhere"]
    assert told["Thread (by ⇧⇥ or mouse)"] == [key.action for key in THREAD]


async def test_the_help_of_another_screen_has_what_works_there() -> None:
    told = await told_on(ModelsScreen())
    assert list(told) == ["Everywhere", "Models"]
    assert {"command_palette", "help", "quit"} <= set(told["Everywhere"])
    assert not {"models", "switch_model"} & set(told["Everywhere"]), "F5 leaves here, and F8 has nobody to ask"


async def test_the_help_over_a_dialog_has_what_the_dialog_lets_through() -> None:
    told = await told_on(Confirm("지울까요?", "지우기"))
    assert told == {"Everywhere": ["command_palette", "help", "quit"], "Dialog": ["accept", "cancel"]}


async def test_a_key_that_nobody_answers_to_is_in_no_help(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Thread, "action_copy_code")
    assert "copy_code" not in (await told_on())["Thread (by ⇧⇥ or mouse)"]


async def test_the_footer_says_everything_once_and_only_what_works() -> None:
    app = KullmApp()
    async with app.run_test(size=(200, 24)) as pilot:
        prompt = await footer(pilot)
        assert len({key.meaning for key in prompt}) == len(prompt)
        app.screen.add_class("-talking")
        app.screen.query_one(Thread).focus()
        shown = {key.meaning: key.display for key in await footer(pilot)}
        assert shown["복사"] == "c"
        assert {"다시", "고치기"}.isdisjoint(shown), "nothing was asked yet"
        assert list(shown)[-2:] == ["명령", "도움"]
        await pilot.press("f6")
        typing = [key.display for key in await footer(pilot)]
        assert not {"u", "p"} & set(typing), "in the search these are letters"
        app.screen.query_one(Prompt).focus()
        assert await footer(pilot) == prompt


async def test_what_was_deleted_is_restored_with_one_key_at_once_and_later(database: Path) -> None:
    with Store(database) as store:
        for title in ("하나", "둘"):
            store.create_conversation(title)
    async with chatting(database, size=(200, 24)) as chat:
        await chat.pilot.press("f6")
        await chat.until(lambda: chat.told("하나"))
        await chat.pilot.press("down")
        shown = [key.meaning for key in await footer(chat.pilot)]
        assert shown[0] == "열기"
        await chat.pilot.press("delete")
        await chat.until(lambda: chat.told("u 되돌리기"))
        chat.screen.sidebar._forget()  # as time does
        await chat.until(lambda: not chat.told("되돌리기"))
        await chat.pilot.press("u")
        await chat.until(lambda: chat.told("되살렸어요"))
        assert {one.title for one in chat.app.store.conversations()} == {"하나", "둘"}
        await chat.pilot.press("u")
        await chat.until(lambda: chat.told("되살릴 대화가 없어요"))


async def test_the_open_conversation_deleted_leaves_the_focus_where_it_can_be_undone(database: Path) -> None:
    with Store(database) as store:
        store.create_conversation("하나")
    async with chatting(database, size=(120, 24)) as chat:
        chat.controller.open(chat.app.store.conversations()[0])
        await chat.until(lambda: chat.controller.conversation)
        await chat.pilot.press("f6", "down")
        await chat.until(lambda: chat.screen.sidebar.chosen)
        await chat.pilot.press("delete")
        await chat.until(lambda: chat.controller.conversation is None and chat.told("u 되돌리기"))
        await chat.pilot.press("u")
        await chat.until(lambda: chat.told("되살렸어요"))
        assert chat.screen.prompt.value.text == ""


async def footer(pilot: Pilot[int]) -> list[Key]:
    await pilot.pause()
    return pilot.app.screen.query_one(KeyBar)._keys()


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("theme", ["kullm-dark", "kullm-light", "ansi-dark"])
async def test_how_help_looks(size: tuple[int, int], theme: str) -> None:
    await looks("help", None, size, theme)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_how_help_looks_in_english(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    await looks("help-en", None, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("theme", ["kullm-dark", "kullm-light", "ansi-dark"])
async def test_how_a_decision_looks(size: tuple[int, int], theme: str) -> None:
    dialog = Confirm(
        "대화 3개를 지울까요?", "대화 3개 지우기", more="지운 뒤에도 잠시 동안은 u로 되살릴 수 있어요.", danger=True
    )
    await looks("confirm", dialog, size, theme)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_how_a_question_looks(size: tuple[int, int]) -> None:
    await looks("ask-line", AskLine("대화 이름", button="이름 바꾸기", value="대한민국의 수도"), size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_how_the_palette_looks(size: tuple[int, int]) -> None:
    app = KullmApp()
    async with app.run_test(size=size) as pilot:
        await app.push_screen(Blank())
        await pilot.press("ctrl+p")
        await assert_looks_like(pilot, f"palette-{size[0]}x{size[1]}")


async def looks(name: str, dialog: Screen | None, size: tuple[int, int], theme: str = "kullm-dark") -> None:
    """A dialog over nothing, or the help over the chat."""
    app = KullmApp()
    async with app.run_test(size=size) as pilot:
        app.theme = theme
        if dialog:
            await app.push_screen(Blank())
            await app.push_screen(dialog)
        else:
            await pilot.pause()
            await pilot.press("f1")
        suffix = "" if theme == "kullm-dark" else f"-{theme.removeprefix('kullm-')}"
        await assert_looks_like(pilot, f"{name}-{size[0]}x{size[1]}{suffix}")
