"""Help and the dialogs: what they say, what they give back, and how they look."""

from pathlib import Path

import pytest
from textual.screen import Screen

from kullm_tui.ui import start
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.places import PLACES
from kullm_tui.ui.screens.ask import AskLine, Confirm
from kullm_tui.ui.screens.help import HelpScreen, keys_of
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
    for place in PLACES:
        shown = keys_of(place).plain
        assert place.name
        for key in place.keys:
            assert f"{key.display}" in shown
            assert key.told_whole in shown
        if language == "en":
            assert not any("가" <= letter <= "힣" for letter in shown)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("theme", ["kullm-dark", "kullm-light"])
async def test_how_help_looks(size: tuple[int, int], theme: str) -> None:
    await looks("help", HelpScreen(), size, theme)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_how_a_decision_looks(size: tuple[int, int]) -> None:
    dialog = Confirm(
        "대화 3개를 지울까요?", "대화 3개 지우기", more="지운 뒤에도 잠시 동안은 u로 되살릴 수 있어요.", danger=True
    )
    await looks("confirm", dialog, size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_how_a_question_looks(size: tuple[int, int]) -> None:
    await looks("ask-line", AskLine("대화 이름", button="이름 바꾸기", value="대한민국의 수도"), size)


@pytest.mark.parametrize("size", SIZES, ids=str)
async def test_how_the_palette_looks(size: tuple[int, int]) -> None:
    app = KullmApp()
    async with app.run_test(size=size) as pilot:
        await app.push_screen(Blank())
        await pilot.press("ctrl+p")
        await pilot.pause(0.5)
        await assert_looks_like(pilot, f"palette-{size[0]}x{size[1]}")


async def looks(name: str, dialog: Screen, size: tuple[int, int], theme: str = "kullm-dark") -> None:
    app = KullmApp()
    async with app.run_test(size=size) as pilot:
        app.theme = theme
        await app.push_screen(Blank())
        await app.push_screen(dialog)
        suffix = "" if theme == "kullm-dark" else f"-{theme.removeprefix('kullm-')}"
        await assert_looks_like(pilot, f"{name}-{size[0]}x{size[1]}{suffix}")
