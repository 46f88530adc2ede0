"""How comparing looks, in the two sizes it is made for. The clock stands still, and what was measured was measured beforehand."""

from pathlib import Path

import pytest

from kullm_tui.core.compare import schedule
from kullm_tui.core.endpoints.endpoint import Finished, Usage
from kullm_tui.core.records import Message
from kullm_tui.core.store.comparisons import Comparison
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.store import Store
from kullm_tui.ui.compare import text as compare_text
from kullm_tui.ui.compare.history_dialog import EarlierScreen
from kullm_tui.ui.compare.lineup import DEMOS
from kullm_tui.ui.compare.picker_dialog import ContestantsScreen
from tests.openai_server import Reply, chunk, says
from tests.ui.comparing import Comparing, Far, comparing
from tests.ui.conftest import MEMORY
from tests.ui.snapshot import SIZES, assert_looks_like

_ANSWERS = (
    "대한민국의 수도는 **서울**입니다. 한강을 끼고 있으며 조선이 세워진 뒤로 육백 년 넘게 나라의 중심이었습니다.",
    "서울입니다.",
    "수도는 서울특별시예요.\n\n1. 인구는 약 940만 명이에요.\n2. 스물다섯 구로 나뉘어요.\n\n```python\n수도 = '서울'\n```",
)

sizes = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def _still(_still_machine: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "list_cached", list)
    monkeypatch.setattr(schedule, "memory_here", lambda _: MEMORY)
    monkeypatch.setattr(compare_text, "live_speed", lambda reply: "≈28 tok/s" if reply.pieces else "")


def _compared(database: Path, *, blind: bool = False, vote: int | None = None) -> Comparison:
    with Store(database) as store:
        for title in ("세종대왕은 누구인가요?", "12 더하기 30은 얼마인가요?"):
            other = store.comparisons.create(title, DEMOS)
            _voted(store, other, _answered(store, other, title), 2)
        comparison = store.comparisons.create("대한민국의 수도는 어디인가요?", DEMOS, blind=False)
        if blind:
            comparison = store.comparisons.create("대한민국의 수도는 어디인가요?", DEMOS, blind=True)
        replies = _answered(store, comparison, "대한민국의 수도는 어디인가요?")
        if vote is not None:
            _voted(store, comparison, replies, vote)
    return comparison


def _answered(store: Store, comparison: Comparison, question: str) -> list[int]:
    replies = []
    for column, text in zip(comparison.columns, _ANSWERS, strict=True):
        asked = store.add_user_turn(column.conversation.id, Message("user", question), parent_id=None)
        ms, rate = 1100.0 + 700 * column.place, 31.4 - 5 * column.place
        timings = {"client_total_ms": ms, "client_first_text_ms": 212.0, "tokens_per_second": rate}
        with store.open_reply(column.conversation.id, asked, ReplySource(column.contestant.model)) as journal:
            journal.feed(text)
            journal.finish("complete", finished=Finished("stop", Usage(40, 42), timings))
        replies.append(journal.reply_id)
    return replies


def _voted(store: Store, comparison: Comparison, replies: list[int], winner: int) -> None:
    store.comparisons.vote(comparison.id, replies, "best", winner)


async def _opened(here: Comparing, comparison: Comparison) -> None:
    here.controller.open(comparison)
    await here.until(lambda: here.bar.is_shown and all(len(view.thread.views) == 2 for view in here.views))


@sizes
async def test_before_the_first_question(database: Path, size: tuple[int, int]) -> None:
    async with comparing(database, size=size) as here:
        await here.until(lambda: here.told("같이 답해요"))
        await assert_looks_like(here.pilot, f"compare-empty-{size[0]}x{size[1]}")


@sizes
async def test_while_they_answer(database: Path, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    # What the far side took in truth is not the same twice.
    monkeypatch.setattr(compare_text, "_seconds", lambda _: 0.4)
    scripts = {
        "red": [Reply([chunk("대한민국의 수도는 **서울**입니다. 한강을 끼고"), 60.0])],
        "green": [says("서울입니다.", last={"timings": {"tokens_per_second": 31.4}})],
        "blue": [Reply([60.0])],
    }
    with Far(scripts) as server:
        async with comparing(database, size=size, server=server) as here:
            await here.sends("대한민국의 수도는 어디인가요?")
            await here.until(
                lambda: here.told("한강을 끼고") and here.controller.live(1) is None and here.views[1].head.state
            )
            await here.until(lambda: here.told("답하는 중"))
            await assert_looks_like(here.pilot, f"compare-running-{size[0]}x{size[1]}")


@sizes
async def test_all_have_finished(database: Path, size: tuple[int, int]) -> None:
    comparison = _compared(database)
    async with comparing(database, size=size) as here:
        await _opened(here, comparison)
        here.bar.focus()
        await assert_looks_like(here.pilot, f"compare-finished-{size[0]}x{size[1]}")


@sizes
async def test_after_the_vote(database: Path, size: tuple[int, int]) -> None:
    comparison = _compared(database, vote=2)
    async with comparing(database, size=size) as here:
        await _opened(here, comparison)
        here.screen.columns.focus_column(2)
        await here.until(lambda: here.screen.columns.focused_place == 2)
        await assert_looks_like(here.pilot, f"compare-voted-{size[0]}x{size[1]}")


@sizes
async def test_blind(database: Path, size: tuple[int, int]) -> None:
    comparison = _compared(database, blind=True)
    async with comparing(database, size=size) as here:
        await _opened(here, comparison)
        here.bar.focus()
        await assert_looks_like(here.pilot, f"compare-blind-{size[0]}x{size[1]}")


@sizes
async def test_ratings(database: Path, size: tuple[int, int]) -> None:
    _compared(database, vote=1)
    with Store(database) as store:
        for number in range(29):
            more = store.comparisons.create(f"{number}번 질문", DEMOS)
            _voted(store, more, _answered(store, more, more.title), (0, 2, 2, 1, 2)[number % 5])
    async with comparing(database, size=size) as here:
        await here.pilot.press("f9")
        await here.until(lambda: here.told("표 32개"))
        await assert_looks_like(here.pilot, f"compare-ratings-{size[0]}x{size[1]}")


@sizes
async def test_the_chooser(database: Path, size: tuple[int, int]) -> None:
    _compared(database)
    async with comparing(database, size=size) as here:
        await here.pilot.press("f2")
        await here.until(lambda: isinstance(here.app.screen, ContestantsScreen) and here.told("데모 베이스"))
        await here.until(lambda: here.told("같이 답해요"))
        await assert_looks_like(here.pilot, f"compare-chooser-{size[0]}x{size[1]}")


@sizes
async def test_earlier_comparisons(database: Path, size: tuple[int, int]) -> None:
    _compared(database, blind=True)
    async with comparing(database, size=size) as here:
        await here.pilot.press("f6")
        await here.until(lambda: isinstance(here.app.screen, EarlierScreen) and here.told("이름 가림"))
        await assert_looks_like(here.pilot, f"compare-earlier-{size[0]}x{size[1]}")
