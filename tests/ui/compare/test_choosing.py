"""Who is compared is chosen, and the questions of a file are gone through with the keyboard alone."""

from pathlib import Path

from kullm_tui.core.store.contestant import Contestant
from kullm_tui.ui.compare.lineup import DEMOS, last_lineup
from kullm_tui.ui.compare.picker_dialog import ContestantsScreen
from tests.ui.comparing import Comparing, Far, comparing


async def _choosing(here: Comparing) -> ContestantsScreen:
    await here.pilot.press("f2")
    await here.until(lambda: isinstance(here.app.screen, ContestantsScreen) and here.told("데모 베이스"))
    screen = here.app.screen
    assert isinstance(screen, ContestantsScreen)
    return screen


async def test_base_against_adapter_is_chosen_by_typing(database: Path) -> None:
    async with comparing(database) as here:
        screen = await _choosing(here)
        for name in ("koalpaca", "kovicuna"):  # out, one by one
            await here.types(f"demo-{name}")
            await here.pilot.press("enter")
        await here.until(lambda: here.told("2개 이상 골라 주세요"))
        await here.types("demo-base")
        await here.pilot.press("enter")
        await here.until(lambda: here.told("1 구름 데모 2 데모 베이스"))
        await here.pilot.press("enter")
        await here.until(lambda: here.app.screen is not screen and here.heads == ["구름 데모", "데모 베이스"])
        assert last_lineup() == here.controller.choice.lineup
        await here.asks("안녕하세요")
        assert {column.contestant.label for column in here.controller.comparison.columns} == {"demo-kullm", "demo-base"}  # type: ignore[union-attr]


async def test_a_model_of_an_endpoint_is_asked_for_and_a_fifth_does_not_fit(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server, contestants=DEMOS) as here:
            await _choosing(here)
            await here.types("far")
            await here.pilot.press("enter")
            await here.until(lambda: here.told("far의 어떤 모델"))
            await here.types("red")
            await here.pilot.press("enter")
            await here.until(lambda: here.told("4 red"))
            await here.types("demo-base")
            await here.pilot.press("enter")
            await here.until(lambda: here.told("4개까지 비교할 수 있어요"))
            await here.pilot.press("f2")
            await here.until(lambda: len(here.views) == 4)
            assert here.controller.contestants[3] == Contestant("far/red")


async def test_hiding_the_names_is_one_key_and_counts_from_the_next_comparison_on(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.pilot.press("ctrl+l")
            await here.until(lambda: here.heads == ["A", "B", "C"])
            assert here.told("● 가림")
            await here.pilot.press("ctrl+l")
            await here.until(lambda: here.heads == ["red", "green", "blue"])
            await here.asks("물음")
            await here.pilot.press("ctrl+l")
            await here.until(lambda: here.told("다음 비교부터 이름을 가려요"))
            assert here.heads == ["red", "green", "blue"]
            await here.pilot.press("ctrl+n")
            await here.until(lambda: here.heads == ["A", "B", "C"])


async def test_the_questions_of_a_file_are_gone_through_by_keyboard(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "물음.txt"
    file.write_text("첫째 물음?\n둘째 물음?\n", encoding="utf-8")
    with Far() as server:
        async with comparing(database, server=server, blind=True) as here:
            await here.pilot.press("ctrl+o")
            await here.until(lambda: here.told("질문이 든 파일"))
            await here.types(str(file))
            await here.pilot.press("enter")
            await here.until(lambda: here.told("물음.txt 1/2 첫째 물음?") and here.bar.has_focus)
            assert here.heads == ["A", "B", "C"]
            await here.votes_for(1)
            await here.until(lambda: here.told("⏎ 다음 질문"))
            await here.pilot.press("enter")
            await here.until(lambda: here.told("물음.txt 2/2 둘째 물음?") and here.bar.has_focus)
            assert here.heads == ["A", "B", "C"], "shuffled anew"
            await here.votes_for(3)
            await here.until(lambda: len(here.votes) == 2)
            await here.pilot.press("enter")
            await here.until(lambda: here.told("질문 2개 중 2개에 투표했어요"))
            assert [vote.outcome for vote in here.votes] == ["best", "tie"]
            assert all(vote.blind for vote in here.votes)
            assert len({request.body["messages"][0]["content"] for request in server.requests}) == 2
            assert all(len(request.body["messages"]) == 1 for request in server.requests), "each begins anew"


async def test_a_file_goes_on_where_the_votes_ended_after_a_quit_too(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "물음.txt"
    file.write_text("첫째 물음?\n둘째 물음?\n셋째 물음?\n", encoding="utf-8")

    async def takes_the_file(here: Comparing) -> None:
        await here.pilot.press("ctrl+o")
        await here.until(lambda: here.told("질문이 든 파일"))
        await here.types(str(file))
        await here.pilot.press("enter")

    with Far() as server:
        async with comparing(database, server=server) as here:
            await takes_the_file(here)
            await here.until(lambda: here.told("물음.txt 1/3 첫째 물음?") and here.bar.has_focus)
            await here.votes_for(0)
            await here.until(lambda: here.votes)
        async with comparing(database, server=server) as here:
            await takes_the_file(here)
            await here.until(lambda: here.told("물음.txt 2/3 · 투표한 1개 건너뜀 둘째 물음?") and here.bar.has_focus)
            await here.votes_for(3)
            await here.until(lambda: len(here.votes) == 2)
            await here.pilot.press("enter")
            await here.until(lambda: here.told("물음.txt 3/3 · 투표한 1개 건너뜀 셋째 물음?") and here.bar.has_focus)
            await here.votes_for(3)
            await here.until(lambda: len(here.votes) == 3)
            await here.pilot.press("enter")
            await here.until(lambda: here.told("질문 3개 중 3개에 투표했어요"))


async def test_a_file_without_questions_is_told(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "빈.jsonl"
    file.write_text('{"id": 1}\n', encoding="utf-8")
    async with comparing(database) as here:
        await here.pilot.press("ctrl+o")
        await here.until(lambda: here.told("질문이 든 파일"))
        await here.types(str(file))
        await here.pilot.press("enter")
        await here.until(lambda: here.told("빈.jsonl") and not here.told("질문이 든 파일"))
        assert here.controller.comparison is None
