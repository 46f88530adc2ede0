"""The feedback on its screen: what was said, what becomes of it, and the ways from there."""

import json
from pathlib import Path

import pytest
from textual.widgets import Input

from kullm_tui.core.store.store import Store
from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.compare.screen import CompareScreen
from kullm_tui.ui.feedback.screen import FeedbackScreen
from tests.feedback.said import answered, compared
from tests.ui.chatting import Chat, chatting
from tests.ui.snapshot import SIZES, assert_looks_like

WRONG, RIGHT = "대한민국의 수도는 부산입니다.", "대한민국의 수도는 서울입니다."


def said(database: Path) -> None:
    with Store(database) as store:
        store.correct(answered(store, "대한민국의 수도는 어디인가요?", WRONG), RIGHT)
        store.mark(answered(store, "하늘은 왜 파란가요?", "햇빛이 공기에 흩어지기 때문이에요."), "keep")
        store.mark(answered(store, "내 비밀번호를 외워 줘", "네, 외웠어요."), "never")
        store.mark(answered(store, "명함을 정리해 줘", "김민수 과장, 010-1234-5678"), "keep")
        compared(store, "일본의 수도는?", ["도쿄입니다.", "교토입니다."], "best", 0)


async def opens(chat: Chat) -> FeedbackScreen:
    await chat.app.run_action("feedback")
    await chat.until(lambda: isinstance(chat.app.screen, FeedbackScreen) and chat.app.screen.chosen)
    assert isinstance(chat.app.screen, FeedbackScreen)
    return chat.app.screen


async def chooses(chat: Chat, screen: FeedbackScreen, asked: str) -> None:
    await chat.pilot.press("home")
    while screen.chosen and screen.chosen.asked != asked:
        await chat.pilot.press("down")


async def test_all_of_it_is_there_with_what_becomes_of_it(database: Path) -> None:
    said(database)
    async with chatting(database, size=(140, 45)) as chat:
        screen = await opens(chat)
        assert chat.told("선호 쌍 2개")
        await chat.until(lambda: chat.told("개인 정보로 보이는 것이 1개에"))
        await chooses(chat, screen, "대한민국의 수도는 어디인가요?")
        await chat.until(lambda: all(map(chat.told, (RIGHT, WRONG, "선호 쌍 · 따라 배울 행"))))
        await chooses(chat, screen, "명함을 정리해 줘")
        await chat.until(lambda: chat.told("전화번호 01…8"))


async def test_it_is_filtered_by_kind_by_model_and_by_words(database: Path) -> None:
    said(database)
    async with chatting(database, size=(140, 45)) as chat:
        await opens(chat)
        await chat.pilot.press("f")
        await chat.until(lambda: chat.told("고친 답 · 1개"))
        assert not chat.told("하늘은 왜")
        await chat.pilot.press("f", "m", "m", "m")
        await chat.until(lambda: chat.told("좋은 답 · kullm-5.8b · 2개"))
        await chat.pilot.press("slash")
        await chat.types("하늘")
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("· 1개"))
        assert chat.told("하늘은 왜")
        await chat.pilot.press("escape")
        await chat.until(lambda: chat.told("· 2개"))
        assert chat.app.screen.query_one(Input).value == ""
        await chat.pilot.press("escape")
        assert isinstance(chat.app.screen, ChatScreen)


async def test_enter_leads_to_where_it_was_said(database: Path) -> None:
    said(database)
    async with chatting(database, size=(140, 45)) as chat:
        screen = await opens(chat)
        await chooses(chat, screen, "대한민국의 수도는 어디인가요?")
        await chat.pilot.press("enter")
        await chat.until(lambda: isinstance(chat.app.screen, ChatScreen) and chat.told("내가 고친 답"))
        assert chat.turns[-1].content == RIGHT
        screen = await opens(chat)
        await chooses(chat, screen, "일본의 수도는?")
        await chat.pilot.press("enter")
        await chat.until(lambda: isinstance(chat.app.screen, CompareScreen) and chat.told("교토입니다"))


async def test_what_is_never_to_be_trained_is_left_out_at_once_and_comes_back(database: Path) -> None:
    said(database)
    async with chatting(database, size=(140, 45)) as chat:
        screen = await opens(chat)
        await chooses(chat, screen, "하늘은 왜 파란가요?")
        await chat.pilot.press("x")
        await chat.until(lambda: screen.chosen and screen.chosen.feedback.kind == "never")
        assert chat.told("따라 배울 행 2개")
        await chat.pilot.press("x")
        await chat.until(lambda: chat.told("다시 학습에 쓸 수 있어요"))


async def test_what_may_be_personal_is_asked_about_before_it_is_saved(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    said(database)
    file = tmp_path / "kullm-feedback.jsonl"
    async with chatting(database, size=(140, 45)) as chat:
        await opens(chat)
        await chat.pilot.press("e")
        await chat.until(lambda: chat.told("피드백을 저장할 파일"))
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("그것까지 저장하기"))
        assert not file.exists()
        await chat.pilot.press("escape")
        await chat.until(file.is_file)
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        assert len(rows) == 4
        assert "010-1234" not in file.read_text()
        assert {row["chosen"] for row in rows if "rejected" in row} == {RIGHT, "도쿄입니다."}


async def test_without_any_it_says_how_to_give_some(database: Path) -> None:
    async with chatting(database) as chat:
        await chat.app.run_action("feedback")
        await chat.until(lambda: chat.told("피드백이 없어요"))
        await chat.pilot.press("f", "m", "x", "e", "enter")
        assert isinstance(chat.app.screen, FeedbackScreen)


async def test_the_thread_and_the_palette_lead_there(database: Path) -> None:
    said(database)
    async with chatting(database) as chat:
        with Store(database) as store:
            conversation = next(one for one in store.conversations() if one.title.startswith("하늘"))
        chat.controller.open(conversation)
        await chat.until(lambda: chat.told("하늘은 왜"))
        chat.screen.thread.focus()
        await chat.pilot.press("f")
        await chat.until(lambda: isinstance(chat.app.screen, FeedbackScreen))
        await chat.pilot.press("escape")
        await chat.pilot.press("ctrl+p")
        await chat.types("피드백")
        await chat.until(lambda: chat.told("피드백: 고친 답"))
        await chat.pilot.press("enter")
        await chat.until(lambda: isinstance(chat.app.screen, FeedbackScreen))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("language", ["ko", "en"])
async def test_its_looks(
    database: Path,
    size: tuple[int, int],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
    _still_machine: None,  # noqa: PT019
) -> None:
    monkeypatch.setenv("KULLM_LANG", language)
    said(database)
    async with chatting(database, size=size) as chat:
        screen = await opens(chat)
        await chooses(chat, screen, "대한민국의 수도는 어디인가요?")
        suffix = "" if language == "ko" else "-en"
        await assert_looks_like(chat.pilot, f"feedback{suffix}-{size[0]}x{size[1]}")
