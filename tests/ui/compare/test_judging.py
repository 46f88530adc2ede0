"""Judging in compare mode: F3 on a column or on all, and two replies against each other in both orders."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.ui.judge.price_dialog import FirstVerdictScreen
from tests.evaluator.judge_server import JudgeServer
from tests.ui.comparing import Comparing, Far, comparing
from tests.ui.judging import reasoned


def _verdict(question: str) -> str:
    """Scores for one reply; of two the one of `red`, wherever it stands."""
    if "<response-1>" not in question:
        return reasoned()
    first = question.index("<response-1>") < question.find("red의 답") < question.index("<response-2>")
    return json.dumps(
        {"근거": "더 낫다", "선택": 1 if first else 3 if "red의 답" in question else 2}, ensure_ascii=False
    )


@pytest.fixture
def judge() -> Iterator[JudgeServer]:
    with JudgeServer(verdict=_verdict) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, judge: JudgeServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    monkeypatch.setenv("KULLM_LANG", "ko")
    monkeypatch.setenv("OPENAI_BASE_URL", judge.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-1")
    return tmp_path


def _turned(said: str) -> str:
    """`B > A` as `A < B`."""
    better, worse = said.split(" > ")
    return f"{worse} < {better}"


async def _agrees(here: Comparing) -> None:
    await here.until(lambda: isinstance(here.app.screen, FirstVerdictScreen))
    await here.pilot.press("enter")


async def test_f3_judges_the_focused_column_and_without_one_all(home: Path, judge: JudgeServer) -> None:
    with Far() as server:
        async with comparing(home / "kullm.db", server=server) as here:
            await here.asks("물음")
            here.screen.columns.focus_column(1)
            await here.until(lambda: here.screen.columns.focused_place == 1)
            await here.pilot.press("f3")
            await _agrees(here)
            cards = [view.thread.views[-1].verdicts for view in here.views]
            await here.until(lambda: cards[1] and cards[1].verdicts)
            assert len(judge.bought) == 1
            assert "green의 답" in next(iter(judge.bought))
            here.screen.prompt.focus()
            await here.pilot.press("f3")
            await here.until(lambda: len(judge.bought) == 3 and all(card and card.verdicts for card in cards))


async def test_a_judge_compares_a_column_with_the_others_in_both_orders(home: Path, judge: JudgeServer) -> None:
    with Far() as server:
        async with comparing(home / "kullm.db", server=server, blind=True) as here:
            await here.asks("물음")
            assert here.controller.comparison
            red = next(one.place for one in here.controller.comparison.columns if one.contestant.model == "far/red")
            here.screen.columns.focus_column(red)
            await here.until(lambda: here.screen.columns.focused_place == red)
            await here.pilot.press("p")
            await _agrees(here)
            won = [f"{'ABC'[red]} > {name}" for place, name in enumerate("ABC") if place != red]
            await here.until(lambda: here.told(" · ".join(won)))
            asked = [one for one in judge.requests if not one.path.endswith("/models")]
            assert len(asked) == 4, "two pairs, each in both orders"
            assert "red" not in here.shown.replace("red의 답", ""), "a judge is no vote"
            bought, compared = len(judge.requests), here.controller.comparison
            here.controller.open(None)
            await here.until(lambda: not here.told(won[0]))
            here.controller.open(compared)
            await here.until(lambda: here.told("red의 답"))
            await here.pilot.pause(0.3)
            assert not here.told(won[0]), "what was found before would tell who is who"
            here.controller.voting.cast("tie")
            await here.until(lambda: here.votes)
            here.controller.open(compared)
            others = [f"red > {name}" for name in ("green", "blue")]
            await here.until(lambda: all(here.told(one) or here.told(_turned(one)) for one in others))
            assert len(judge.requests) == bought, "what was found is shown again, and nobody is asked"


async def test_the_price_of_all_columns_is_said_together(home: Path, judge: JudgeServer) -> None:
    with Far() as server:
        async with comparing(home / "kullm.db", server=server) as here:
            await here.asks("물음")
            here.screen.prompt.focus()
            await here.pilot.press("f3")
            await here.until(lambda: isinstance(here.app.screen, FirstVerdictScreen))
            asked = here.app.screen
            assert isinstance(asked, FirstVerdictScreen)
            assert asked._estimate.calls == 3
            await here.pilot.press("enter")
            await here.until(lambda: len(judge.bought) == 3)


async def test_a_blind_comparison_shows_no_verdict_that_was_bought_elsewhere(home: Path) -> None:
    with Far() as server:
        async with comparing(home / "kullm.db", server=server) as here:
            await here.asks("물음")
            here.screen.columns.focus_column(0)
            await here.until(lambda: here.screen.columns.focused_place == 0)
            await here.pilot.press("f3")
            await _agrees(here)
            card = here.views[0].thread.views[-1].verdicts
            assert card
            await here.until(lambda: card.verdicts)
        async with comparing(home / "kullm.db", server=server, blind=True) as here:
            await here.asks("물음")
            await here.pilot.pause(0.5)
            cards = [view.thread.views[-1].verdicts for view in here.views]
            assert not any(card.verdicts for card in cards if card)
            here.controller.voting.cast("tie")
            await here.until(lambda: any(card.verdicts for card in cards if card))
