"""An evaluation judged in a batch, from the app: handed in, waited for over a restart, taken up."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from evaluator.batches import batch_judging
from evaluator.preparation import Pick
from kullm_tui.ui.evaluate.run_screen import EvaluationScreen
from kullm_tui.ui.widgets.segmented import Choice
from tests.evaluator.batch_server import BatchServer
from tests.ui.evaluating import Answering, endpoints, evaluating, filled_in, write_questions


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[BatchServer]:
    monkeypatch.setattr(batch_judging, "_FIRST_PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(batch_judging, "_GROWTH", 1.0)
    with BatchServer() as running:
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
        yield running


async def test_a_batch_is_handed_in_from_the_form_and_taken_up_after_the_app_was_closed(
    home: Path, batches: BatchServer, model: Answering
) -> None:
    batches.steps = 1_000_000
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        form = await filled_in(one, write_questions(home), Pick("home/a"))
        form.query_one("#asking", Choice).chosen = 1
        await one.until(lambda: "채점 4번 맡기기" in str(form.query_one("#begin", Button).label))
        assert "(배치, 50%)" in str(form.query_one("#begin", Button).label)
        assert "보여 준 만큼" in form.query_one("#limit", Input).placeholder
        assert one.told("채점은 맡긴 뒤 24시간 안에 끝나요")
        form.query_one("#begin", Button).press()
        await one.until(lambda: isinstance(one.app.screen, EvaluationScreen))
        await one.tells("배치 1개를 기다려요: 0/4 끝남")
        assert one.told("s 그만 기다리기")
    batches.steps = 1
    async with evaluating(config) as again:
        await again.tells("맡겨 둠")
        await again.press("r")
        await again.tells("맡겨 둔 4개 받기")
        await again.press("enter")
        await again.tells("모두 끝났어요")
        await again.press("escape")
        await again.tells("끝남")
    assert len(batches.batches) == 1
    assert set(batches.billed.values()) == {1}
    assert batches.paid == 0, "nothing was asked call by call"
