"""The evaluate mode, driven by its keys: from the form to a whole run, stopped, gone on with, killed, and everything kept."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Button, Input

from evaluator.evaluation import keep_run, load_run
from evaluator.preparation import Pick
from evaluator.questions import load_questions
from evaluator.runs import Counts, counts_of
from evaluator.verdicts import VerdictStore
from kullm_tui.ui.evaluate.form_screen import NewEvaluationScreen
from kullm_tui.ui.evaluate.run_screen import EvaluationScreen
from kullm_tui.ui.evaluate.runs_screen import EvaluateScreen
from kullm_tui.ui.evaluate.system_picker import SystemPicker
from kullm_tui.ui.widgets.segmented import Choice
from tests.evaluator.judge_server import FORM, JudgeServer, judged
from tests.openai_server import Reply, says
from tests.ui.evaluating import Answering, endpoints, evaluating, evaluation_of, filled_in, write_questions
from tests.ui.real_terminal import AppTerminal

F12 = b"\x1b[24~"


async def test_an_empty_mode_says_what_it_is_for_and_escape_goes_back(home: Path) -> None:
    assert home.is_dir()
    async with evaluating() as one:
        await one.tells("아직 평가가 없어요")
        await one.press("escape")
        assert one.app.current_mode == "chat"
        await one.press("f12")
        await one.press("f12")
        assert one.app.current_mode == "chat"


async def test_the_form_says_what_it_will_do_and_cost_before_it_does_it(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        form = await filled_in(one, write_questions(home), Pick("home/a"), Pick("home/b"))
        button = str(form.query_one("#begin", Button).label)
        assert "답 8개 받기" in button
        assert "8번 채점하기" in button
        assert "$0.0" in button
        assert one.told("질문 4개 × 시스템 2개")
        assert one.told("gpt-4.1-2025-04-14")
        assert not model.requests
        assert not judge.bought
        form.query_one("#judge", Choice).chosen = 2  # people only
        await one.until(lambda: str(form.query_one("#begin", Button).label) == "답 8개 받기")


async def test_the_form_warns_of_a_judge_that_will_be_shut_down(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    judge.shutdown_dates["gpt-4.1-2025-04-14"] = "2027-01-14"
    async with evaluating(endpoints(home=model.base_url)) as one:
        await filled_in(one, write_questions(home), Pick("home/a"))
        await one.tells("모델은 2027-01-14에 서비스가")


async def test_an_evaluation_goes_from_the_form_to_its_table(home: Path, judge: JudgeServer, model: Answering) -> None:
    async with evaluating(endpoints(home=model.base_url)) as one:
        form = await filled_in(one, write_questions(home), Pick("home/a"), Pick("home/b"))
        form.query_one("#begin", Button).press()
        await one.until(lambda: isinstance(one.app.screen, EvaluationScreen))
        await one.tells("모두 끝났어요")
        assert one.told("답 ━━━━━━━━━━━━━━━━━━━━ 4/4")
        await one.press("t")
        await one.tells("4.000")
        assert one.told("2.000")
        assert one.told("4/4")
        assert one.told("home/a − home/b")
        await one.press("p")
        await one.tells("75.0")
        await one.press("escape")
        await one.tells("끝남")
        assert sum(judge.bought.values()) == 8


async def test_without_a_key_the_form_takes_one_or_lets_people_rate(home: Path, model: Answering) -> None:
    async with evaluating(endpoints(home=model.base_url)) as one:
        await one.press("n")
        form = one.app.screen
        await one.until(lambda: len(form.query_one(SystemPicker).rows) > 2)
        form.query_one("#set", Choice).chosen = 2
        form.query_one("#set-file", Input).value = str(write_questions(home))
        form.query_one(SystemPicker).add(Pick("home/a"))
        await one.tells("키가 없어요")
        assert form.query_one("#key", Button).display
        assert form.query_one("#begin", Button).disabled
        form.query_one("#judge", Choice).chosen = 2
        await one.until(lambda: not form.query_one("#begin", Button).disabled)


async def test_stopping_keeps_what_came_and_going_on_buys_only_the_rest(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    model.script.extend([says("하나"), Reply([60.0]), Reply([60.0]), Reply([60.0])])
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.until(lambda: running.progress.answers.get("home/a") == 1)
        screen = await one.opens(running.number)
        await one.press("s")
        await one.ended(running)
        assert running.state == "stopped"
        await one.tells("멈췄어요")
        await one.press("r")
        await one.tells("답 3개 받기 · 4번 채점하기")
        await one.press("enter")
        await one.until(lambda: screen.running is not None and screen.running.state == "done")
    assert sum(judge.bought.values()) == 4


async def test_a_run_goes_on_after_the_app_was_closed_in_the_middle(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    model.script.extend([says("하나"), Reply([60.0]), Reply([60.0]), Reply([60.0])])
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.until(lambda: running.progress.answers.get("home/a") == 1)
    model.script.clear()
    async with evaluating(config) as again:
        await again.tells("멈춤") if judge.bought else await again.tells("시작 전")
        await again.press("r")
        await again.tells("답 3개 받기 · 4번 채점하기")
        await again.press("enter")
        await again.tells("모두 끝났어요")
    assert sum(judge.bought.values()) == 4
    assert max(judge.bought.values()) == 1


async def test_help_tells_the_keys_of_every_place_of_the_mode(home: Path, judge: JudgeServer, model: Answering) -> None:
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.ended(running)
        await one.press("f1")
        await one.tells("이어서 하기")
        await one.press("escape", "n")
        await one.until(lambda: bool(one.app.screen.query(SystemPicker)))
        await one.press("f1")
        await one.tells("시스템 고르거나 빼기")
        assert one.told("평가 시작")
        await one.press("escape", "escape")
        await one.opens(running.number)
        await one.press("i", "f1")
        await one.tells("번호나 낱말로 찾기")


async def test_quitting_while_a_run_goes_on_asks_once(home: Path, judge: JudgeServer, model: Answering) -> None:
    model.script.extend(Reply([60.0]) for _ in range(4))
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.press("ctrl+q")
        await one.tells("평가를 하는 중이에요. 끝낼까요?")
        await one.press("escape")
        assert running.active


async def test_the_language_changes_what_is_on_the_screen(home: Path, judge: JudgeServer, model: Answering) -> None:
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.ended(running)
        await one.opens(running.number)
        await one.press("t")
        await one.tells("구간은 95 %")
        await one.app.choose_language("en")
        await one.tells("intervals are 95 %")
        await one.press("i")
        await one.tells("number or words")
        await one.press("escape")
        await one.tells("1 evaluation")
        await one.press("c")
        await one.tells("by name")


async def test_an_app_that_is_killed_while_it_judges_loses_the_calls_under_way_and_no_others(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    (home / "config.toml").write_text(f'endpoints = [{{name = "home", base_url = "{model.base_url}"}}]\n')
    config = endpoints(home=model.base_url)
    evaluation, _ = evaluation_of(home, judge.base_url, config, ["home/a", "home/b"])
    with VerdictStore() as store:
        number = keep_run(evaluation, store)
    judge.script.extend([judged(FORM), judged(FORM), *(Reply([60.0]) for _ in range(6))])
    keys = {"OPENAI_BASE_URL": judge.base_url, "OPENAI_API_KEY": "sk-1"}
    with AppTerminal(home, env=keys) as terminal:
        terminal.waits_for("구름")
        terminal.types(F12)
        terminal.waits_for("시작 전")
        terminal.types("r")
        terminal.waits_for("답 8개 받기")
        terminal.types("\r")
        await asyncio.to_thread(
            _until, lambda: len(judge.requests) >= 4
        )  # two answered, and as many as the budget allows under way
        os.kill(terminal.pid, signal.SIGKILL)
    judge.script.clear()
    async with evaluating(config) as one:
        await one.tells("2/8")
        await one.press("r")
        await one.tells("6번 채점하기")
        await one.press("enter")
        await one.tells("모두 끝났어요")
    with VerdictStore() as store:
        assert counts_of(load_run(store, number), store) == {"home/a": Counts(4, 4), "home/b": Counts(4, 4)}
    assert sum(judge.bought.values()) == 6  # beside the two that were scripted
    assert len(model.requests) == 8


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


async def test_answers_of_another_system_are_brought_in_from_a_file(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    file = home / "남의 답.jsonl"
    rows = [{"id": f"q{place}", "response": f"남의 답 {place}"} for place in (1, 2)]
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows))
    async with evaluating(endpoints(home=model.base_url)) as one:
        form = await filled_in(one, write_questions(home), Pick(file=str(file), name="남"))
        assert str(form.query_one("#begin", Button).label).startswith("2번 채점하기")
        form.query_one("#begin", Button).press()
        await one.tells("모두 끝났어요")
        file.unlink()  # its answers were kept
        await one.press("c")
        await one.until(lambda: isinstance(one.app.screen, NewEvaluationScreen))
        await one.tells("답은 모두 있어요")
        assert one.app.screen.query_one(SystemPicker).picks[0].name == "남"
    assert sum(judge.bought.values()) == 2
    assert not model.requests


async def test_the_app_answers_keys_while_verdicts_pour_in(home: Path, judge: JudgeServer, model: Answering) -> None:
    """The work has a loop of its own: the app's is never held up for long."""
    config = endpoints(home=model.base_url)
    questions = [f"질문 {number}" for number in range(120)]
    longest = 0.0

    async def watched() -> None:
        nonlocal longest
        while True:
            before = time.thread_time()  # our own time: other programs on the machine are not what is tested
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - before)

    async with evaluating(config) as one:
        evaluation, targets = evaluation_of(home, judge.base_url, config, ["home/a"])
        path = write_questions(home, questions)
        running = await one.begins(replace(evaluation, questions=load_questions(str(path))), targets)
        await one.until(lambda: running.progress.stage == "judging")
        watching = asyncio.create_task(watched())
        await one.ended(running)
        watching.cancel()
        assert running.progress.verdicts == {"home/a": 120}
    assert longest < 1.0


async def test_two_demo_adapters_answer_through_the_engine_and_are_judged(
    chat_home: Path, monkeypatch: pytest.MonkeyPatch, judge: JudgeServer
) -> None:
    monkeypatch.setenv("KULLM_HOME", str(chat_home))
    for file in chat_home.glob("evaluation.db*"):
        file.unlink()
    async with evaluating() as one:
        await filled_in(one, write_questions(chat_home), Pick("demo-kullm"), Pick("demo-koalpaca"))
        one.app.screen.query_one("#begin", Button).press()
        await one.until(lambda: isinstance(one.app.screen, EvaluationScreen))
        await one.until(lambda: one.told("모두 끝났어요"), seconds=120)
        await one.press("i")
        await one.tells("서울")
        assert isinstance(one.app.screen_stack[-2], EvaluateScreen)
    assert sum(judge.bought.values()) >= 4
