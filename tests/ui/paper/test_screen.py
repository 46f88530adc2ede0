"""Studies on their screen: one is named, fails, is mended, stopped and gone on with to its report, each stage as the shell would run it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kullm_tui.core.config.settings import Config
from kullm_tui.studies.marks import AtWork
from kullm_tui.studies.running import Moment
from kullm_tui.studies.seen import Said, Seen
from kullm_tui.studies.stages import plan_of
from kullm_tui.studies.study import load_study
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.paper.looking import planned
from kullm_tui.ui.paper.runs import Running, Wishes
from kullm_tui.ui.paper.screen import PaperScreen
from kullm_tui.ui.paper.text import Look, stage_line, state_line
from kullm_tui.ui.widgets.notice import Notice
from tests.studies.small import as_if_trained, bring_rows, own_study
from tests.ui.driving import Driven
from tests.ui.pauses import types
from tests.ui.snapshot import SIZES, assert_looks_like

CARDS = "4xA100-80GB"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "kullm"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "DEEPL_AUTH_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@asynccontextmanager
async def studies(size: tuple[int, int] = (140, 45)) -> AsyncIterator[Driven]:
    """At the paper's, whose questions need not be made first."""
    app = KullmApp(config=Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Driven(app, pilot)
        app.studies.shown = "paper"
        app.studies.wishes["paper"] = Wishes(machine=CARDS)
        await opens(one)
        yield one


async def opens(one: Driven) -> None:
    await one.app.run_action("study")
    await one.until(lambda: isinstance(one.app.screen, PaperScreen))


def half_way() -> Running:
    plan = planned("paper", Wishes(machine=CARDS))
    done = {one.id: Moment(one, "done", seconds=5400.0) for one in plan.of("sources", "mixtures", "training")}
    at = plan.of("answers")[0]
    running = Running("paper", plan, moments={**done, at.id: Moment(at, "at work", "답 31/252", 75.0)}, at=at)
    running.thread_ended.set()  # there is none
    return running


async def test_a_study_fails_is_mended_stopped_and_gone_on_with_to_its_report(home: Path) -> None:
    file, report = own_study(home), home / "kullm" / "studies" / "own" / "report" / "report.html"
    async with studies() as one:
        app = one.app
        await one.press("f")
        await one.tells("어떤 연구 파일인가요?")
        await types(one.pilot, str(file))
        await one.press("enter")
        await one.tells("우리 데이터가 도움이 되는지", "0/9 단계", "b로 시작해요")
        await one.press("left")
        await one.tells("KULLM 논문", CARDS)
        await one.press("right")
        await one.tells("우리 데이터가 도움이 되는지", "0/9 단계")
        await one.press("b")
        await one.tells("실패했어요. 고친 뒤 b로 이어 가요.", "rows.jsonl", "소스 · rows", "kullm data estimate")

        bring_rows(home)
        as_if_trained(plan_of(load_study(str(file))), [1, 4, 8])
        await one.press("b")
        await one.until(lambda: app.studies.active and app.studies.active.at)
        await one.press("ctrl+q")
        await one.tells("연구가 돌고 있어요. 끝낼까요?")
        await one.press("escape", "s")
        await one.until(lambda: not app.studies.active)
        assert app.studies.last
        assert app.studies.last.state == "stopped"
        await one.tells("멈췄어요. 한 일은 남아 있고 b로 이어 가요.")

        await one.press("b")
        await one.tells("9/9 단계", "다 했어요")
        await one.press("home")
        await one.tells("1.000", "0.125", "학습한 모델 1쌍", "report.html")
        await one.press("o")
        await one.tells(f": {report}")
        await one.press("y")
        await one.tells(f"kullm paper --study {file}")
        await one.press("down")
        await one.tells("번역할 것이 없어요")
    assert report.is_file()


async def test_what_costs_is_asked_before_it_is_begun_and_what_cannot_begin_says_why() -> None:
    async with studies() as one:
        await one.tells("b로 시작해요", "kullm keys set OPENAI_API_KEY", "DeepL")
        await one.press("b")
        await one.until(lambda: one.app.screen.query_one(Notice).has_class("-error"))
        await one.tells(f"'{CARDS}' 장비가 없어요")
        one.app.studies.wishes["paper"] = Wishes()
        await one.press("escape")
        await opens(one)
        await one.tells("b로 시작해요")
        await one.press("b")
        await one.until(lambda: isinstance(one.app.screen, Confirm))
        await one.tells("이대로 시작할까요?", "글을 밖으로 보내고 돈이 드는 단계", "시작하기 · $")
        await one.press("escape")
        await one.tells("시작하지 않았어요.")
        assert one.app.studies.last is None


def test_what_another_process_is_at_is_shown_as_that(home: Path) -> None:
    plan = plan_of(load_study(str(own_study(home))))
    said = {"sources": Said("읽는 중\n읽기 rows 12/20", home / "log")}
    look = Look("own.toml", plan, Wishes(), Seen(elsewhere=AtWork(4321), said=said))

    assert "다른 곳에서 이미 돌고 있어요(프로세스 4321)" in state_line(look).plain
    assert "읽기 rows 12/20" in stage_line(look.moment(plan.stages[0]), 60).plain
    assert look.moment(plan.stages[1]).standing == "waits"


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.usefixtures("_still_machine")
async def test_pictures(size: tuple[int, int]) -> None:
    wide = f"{size[0]}x{size[1]}"
    async with studies(size) as one:
        await one.until(lambda: bool(one.app.status.parts()))
        await one.tells("A100", "$4,917")
        await assert_looks_like(one.pilot, f"study-plan-{wide}")
        one.app.studies.last = half_way()
        await one.press("escape")
        await opens(one)
        await one.until(
            lambda: isinstance(one.app.screen, PaperScreen) and one.app.screen._look and one.app.screen._look.bill
        )
        await one.tells("10/23 단계", "답 31/252")
        await assert_looks_like(one.pilot, f"study-running-{wide}")
