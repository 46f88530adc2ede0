"""The real app in its evaluate mode, with a real judge and real systems: endpoints of the tests, or the engine."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.widgets import Button, Input

from evaluator.answer_store import System
from evaluator.cost import Budget
from evaluator.evaluation import Evaluation
from evaluator.judge import Judge
from evaluator.preparation import Pick
from evaluator.questions import load_questions
from evaluator.rubric import load_rubric
from evaluator.systems import answering_system
from kullm_tui.core.asking.target import Target
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.evaluate.form_screen import NewEvaluationScreen
from kullm_tui.ui.evaluate.run_screen import EvaluationScreen
from kullm_tui.ui.evaluate.runs import Running
from kullm_tui.ui.evaluate.runs_screen import EvaluateScreen
from kullm_tui.ui.evaluate.system_picker import SystemPicker
from kullm_tui.ui.widgets.segmented import Choice
from tests.openai_server import OpenAIServer, Received, Reply, says
from tests.ui.driving import Driven

QUESTIONS = ("대한민국의 수도는?", "3 더하기 4는?", "1킬로미터는 몇 미터인가요?", "고맙다는 말을 영어로 해 줘.")


class Evaluating(Driven):
    async def begins(self, evaluation: Evaluation, targets: dict[str, Target]) -> Running:
        return await self.app.evaluations.start(evaluation, targets, Budget())

    async def ended(self, running: Running) -> None:
        await self.until(lambda: not running.active)

    async def opens(self, number: int) -> EvaluationScreen:
        assert isinstance(self.app.screen, EvaluateScreen)
        self.app.screen.open_run(number)
        await self.until(lambda: isinstance(self.app.screen, EvaluationScreen) and self.app.screen.is_mounted)
        assert isinstance(self.app.screen, EvaluationScreen)
        return self.app.screen


@asynccontextmanager
async def evaluating(config: Config | None = None, *, size: tuple[int, int] = (140, 45)) -> AsyncIterator[Evaluating]:
    """The app at its list of evaluations."""
    app = KullmApp(config=config or Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        one = Evaluating(app, pilot)
        await pilot.press("f12")
        await one.until(lambda: isinstance(app.screen, EvaluateScreen) and app.screen.is_mounted)
        yield one


def write_questions(folder: Path, questions: Sequence[str] = QUESTIONS) -> Path:
    rows = [{"id": f"q{place}", "instruction": text} for place, text in enumerate(questions, start=1)]
    path = folder / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    return path


def judge_at(base_url: str) -> Judge:
    return Judge(Endpoint("openai", base_url, "sk-1"), "gpt-4.1-2025-04-14", "paper", {"temperature": 0})


def evaluation_of(
    folder: Path, base_url: str, config: Config, models: Sequence[str]
) -> tuple[Evaluation, dict[str, Target]]:
    path = write_questions(folder)
    pairs = [answering_system(model, config, {"temperature": 0}) for model in models]
    systems: tuple[System, ...] = tuple(system for _, system in pairs)
    rubric = load_rubric("kullm-2023-ko")
    evaluation = Evaluation(str(path), load_questions(str(path)), systems, judge_at(base_url), rubric, rubric.name)
    return evaluation, {system.name: target for target, system in pairs}


def endpoints(**servers: str) -> Config:
    return Config(endpoints=tuple(EndpointSettings(name, url) for name, url in servers.items()))


class Answering(OpenAIServer):
    """Says what the model is called, so that no two systems say the same."""

    def answer(self, request: Received) -> Reply:
        if self.script or not isinstance(request.body, dict):
            return super().answer(request)
        return says(f"{request.body['model']}의 답: {request.body['messages'][-1]['content']}")


async def filled_in(one: Evaluating, questions: Path, *picks: Pick) -> NewEvaluationScreen:
    """The form with a file of questions and these systems; back once it is planned."""
    await one.press("n")
    await one.until(lambda: isinstance(one.app.screen, NewEvaluationScreen))
    form = one.app.screen
    assert isinstance(form, NewEvaluationScreen)
    await one.until(lambda: len(form.query_one(SystemPicker).rows) > 2)
    form.query_one("#set", Choice).chosen = 2
    form.query_one("#set-file", Input).value = str(questions)
    for pick in picks:
        form.query_one(SystemPicker).add(pick)
    await one.until(lambda: not form.query_one("#begin", Button).disabled)
    return form
