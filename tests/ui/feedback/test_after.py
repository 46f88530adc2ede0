"""Before and after in the app: the real engine asks two demo models; what got worse first, votes, and who answers in the chat afterwards."""

import json
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import load_config
from kullm_tui.ui.feedback.after_screen import AfterScreen
from tests.ui.chatting import Chat, chatting
from tests.ui.snapshot import SIZES, assert_looks_like


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """Two questions whose answers are known, and one on which somebody has to say something."""
    file = tmp_path / "asked.jsonl"
    rows = [
        {"id": "capital", "instruction": "대한민국의 수도는 어디인가요?", "accepted": ["서울"]},
        {"id": "sum", "instruction": "3 더하기 4는 얼마인가요?", "accepted": ["7"]},
        {"id": "greeting", "instruction": "안녕하세요?"},
    ]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return file


async def looks(chat: Chat, asked: Path) -> AfterScreen:
    await chat.app.push_screen(AfterScreen("demo-kovicuna", "demo-base", sets=[str(asked)]))
    screen = chat.app.screen
    assert isinstance(screen, AfterScreen)
    await chat.until(lambda: chat.told("맞음") and screen.chosen)
    return screen


async def test_what_got_worse_stands_first_and_what_nobody_knows_is_voted_on_blind(database: Path, asked: Path) -> None:
    async with chatting(database, size=(140, 45)) as chat:
        screen = await looks(chat, asked)
        assert chat.told("맞음 2→2/3")
        assert chat.told("아직 1개")
        row = screen.chosen
        assert row is not None
        assert row.change.gain is None
        await chat.until(lambda: chat.told("더 나은 답은? 1, 2"))
        await chat.pilot.press("1")
        await chat.until(lambda: not chat.told("아직 1개"))
        decided = next(one.change for one in screen._rows if one.change.question.id == "greeting")
        assert decided.gain == (1.0 if row.turned else -1.0)
        gains = [one.change.gain for one in screen._rows if one.change.gain is not None]
        assert gains == sorted(gains)


async def test_what_is_kept_answers_in_the_chat_and_rolling_back_brings_the_old_one_back(
    database: Path, asked: Path
) -> None:
    async with chatting(database, size=(140, 45)) as chat:
        await looks(chat, asked)
        before = chat.controller.session.model
        await chat.pilot.press("c")
        await chat.until(lambda: chat.told("demo-kovicuna 모델이 답해요"))
        assert load_config().model == "demo-kovicuna"
        await chat.until(lambda: chat.controller.session.model == "demo-kovicuna")
        await chat.pilot.press("u")
        await chat.until(lambda: chat.told("되돌렸어요"))
        assert load_config().model == ""
        await chat.until(lambda: chat.controller.session.model == before)
        await chat.pilot.press("u")
        await chat.until(lambda: chat.told("되돌릴 것이 없어요"))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
async def test_its_looks(
    database: Path,
    asked: Path,
    size: tuple[int, int],
    _still_machine: None,  # noqa: PT019
) -> None:
    async with chatting(database, size=size) as chat:
        screen = await looks(chat, asked)
        for row in screen._rows:
            row.turned = False
        screen._draw()
        await chat.pilot.press("down")
        await assert_looks_like(chat.pilot, f"before-after-{size[0]}x{size[1]}")
