"""What an evaluation shows: verdicts with their words, items, people's ratings, reports, the list of runs."""

from pathlib import Path

from textual.widgets import Input

from evaluator.evaluation import keep_run
from evaluator.people import ratings_of
from evaluator.runs import list_runs
from evaluator.verdicts import VerdictStore
from kullm_tui.ui.evaluate.form_screen import NewEvaluationScreen
from kullm_tui.ui.evaluate.item_browser import ItemBrowser
from kullm_tui.ui.evaluate.rating_screen import HumanRatingScreen
from tests.evaluator.judge_server import JudgeServer, judged
from tests.openai_server import refuses, says
from tests.ui.evaluating import Answering, endpoints, evaluating, evaluation_of, write_questions

UNREADABLE = "이 응답은 좋습니다."


async def test_a_verdict_that_cannot_be_read_is_shown_with_its_words_and_counted(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    judge.script.append(judged(UNREADABLE))
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.ended(running)
        await one.opens(running.number)
        await one.press("t")
        await one.tells("점수 없음 (못 읽음 1)")
        assert one.told("3/4")
        await one.press("i", "f")
        await one.tells("점수 없음 · 1/4")
        await one.press("enter", "w")
        await one.tells(UNREADABLE)


async def test_a_judge_that_refuses_the_key_stops_the_run_with_its_reason(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    judge.script.extend([refuses(401, "Incorrect API key provided", code="invalid_api_key")] * 4)
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.ended(running)
        assert running.state == "failed"
        await one.opens(running.number)
        await one.tells("401")


async def test_items_are_found_by_number_and_words_and_filtered(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    model.script.append(says("###"))
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a", "home/b"]))
        await one.ended(running)
        await one.opens(running.number)
        await one.press("i")
        browser = one.app.screen.query_one(ItemBrowser)
        await one.until(lambda: browser.item is not None)
        await one.press("g", "3")
        await one.until(lambda: browser.item is not None and browser.item.number == 3)
        await one.press("enter", "enter")
        await one.tells("킬로미터")
        await one.press("n")
        assert browser.item is not None
        assert browser.item.number == 4  # the number narrowed nothing
        await one.press("escape", "escape")
        await one.press("slash", *"더하기")
        await one.until(lambda: browser.item is not None and browser.item.number == 2)
        await one.press("enter", "escape")
        await one.press("f", "f")
        await one.tells("비정상 답변 · 1/4")


async def test_people_rate_blind_by_keyboard_and_see_how_far_they_agree(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/x", "home/b"]))
        await one.ended(running)
        screen = await one.opens(running.number)
        await one.press("h")
        await one.tells("아직 매긴 사람이 없어요")
        await one.press("enter")
        await one.until(lambda: bool(one.app.screen.query(Input)))
        one.app.screen.query_one(Input).value = "지은"
        await one.press("enter")
        await one.until(lambda: isinstance(one.app.screen, HumanRatingScreen))
        await one.tells("지은 · 1/8")
        assert not one.told("home/x")
        assert not one.told("채점자")
        await one.press("7")
        await one.tells("이해 가능성: 0–1에서 골라 주세요")
        await one.press("1", "3", "2", "1", "0", "backspace", "1", "4")
        await one.tells("지은 · 2/8")
        for _ in range(7):
            await one.press("1", "3", "2", "1", "1", "4")
        await one.tells("모두 매겼어요")
        await one.press("escape")
        await one.tells("지은: 8개")
        assert one.told("전반적인 품질")
        await one.press("t", "v")
        await one.tells("사람 지은의 점수")
        assert one.told("4.000")
    with VerdictStore() as store:
        assert len(ratings_of(screen._facts.evaluation, screen._facts.results, store)) == 8  # type: ignore[union-attr]


async def test_a_report_is_written_where_the_user_says(home: Path, judge: JudgeServer, model: Answering) -> None:
    config = endpoints(home=model.base_url)
    async with evaluating(config) as one:
        running = await one.begins(*evaluation_of(home, judge.base_url, config, ["home/a"]))
        await one.ended(running)
        screen = await one.opens(running.number)
        await one.until(lambda: screen._facts is not None)
        await one.press("e")
        await one.until(lambda: bool(one.app.screen.query(Input)))
        one.app.screen.query_one(Input).value = str(home / "보고서")
        await one.press("enter")
        await one.tells("table.md, provenance.json, table.csv, figure.svg")
    assert "| home/a |" in (home / "보고서" / "table.md").read_text()


async def test_questions_that_changed_since_are_told_and_the_run_can_be_copied(
    home: Path, judge: JudgeServer, model: Answering
) -> None:
    config = endpoints(home=model.base_url)
    evaluation, _ = evaluation_of(home, judge.base_url, config, ["home/a"])
    with VerdictStore() as store:
        keep_run(evaluation, store)
    write_questions(home, ["다른 질문"])
    async with evaluating(config) as one:
        await one.tells("c를 누르면 같은 설정으로 새로 평가할 수 있어요")
        await one.press("c")
        await one.until(lambda: isinstance(one.app.screen, NewEvaluationScreen))
        await one.tells("질문 1개 × 시스템 1개")


async def test_a_run_is_taken_off_the_list_after_a_question(home: Path, judge: JudgeServer, model: Answering) -> None:
    config = endpoints(home=model.base_url)
    evaluation, _ = evaluation_of(home, judge.base_url, config, ["home/a"])
    with VerdictStore() as store:
        keep_run(evaluation, store)
    async with evaluating(config) as one:
        await one.tells("시작 전")
        await one.press("delete")
        await one.tells("목록에서 뺄까요")
        await one.press("right", "enter")
        await one.tells("아직 평가가 없어요")
    with VerdictStore() as store:
        assert list_runs(store) == []
