"""By whom, by which rubric and for how much a reply is judged, and what becomes of it while other things go on."""

import asyncio
import json
from pathlib import Path

import pytest
from textual.widgets import Input, Select

from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import KullmError
from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.judge.price_dialog import FirstVerdictScreen
from kullm_tui.ui.judge.settings import JudgeSettings, last_settings
from kullm_tui.ui.judge.settings_dialog import JudgeScreen
from kullm_tui.ui.judge.subject import Subject
from tests.evaluator.judge_server import JudgeServer, judged
from tests.openai_server import OpenAIServer, Reply, refuses, says
from tests.ui.chatting import chatting
from tests.ui.judging import NEWEST, answered, card, has_verdicts, judges, presses_f3, reasoned


async def test_a_budget_stops_and_says_how_to_go_on(home: Path, judge: JudgeServer) -> None:
    async with answered(home, "하나", "둘") as chat:
        await chat.app.judging.choose(JudgeSettings(budget=0.004))
        await judges(chat)
        await chat.pilot.press("shift+tab", "up", "up", "f3")
        await chat.until(lambda: chat.told("예산 $0.0040에 도달해서 묻지 않았어요"))
        assert len(judge.bought) == 1


async def test_a_budget_is_not_kept_by_guessing(home: Path, judge: JudgeServer) -> None:
    judge.models = ("secret-model",)
    judge_host = "http://judge.example/v1"
    async with answered(home, "하나") as chat:
        await chat.app.judging.choose(JudgeSettings(budget=1.0))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("OPENAI_BASE_URL", judge_host)
            patch.setenv("http_proxy", f"http://127.0.0.1:{judge.port}")
            patch.setenv("no_proxy", "127.0.0.1")
            await chat.pilot.press("f3")
            await chat.until(lambda: isinstance(chat.app.screen, Confirm))
            await chat.pilot.press("enter")
            await chat.until(lambda: chat.told("가격을 몰라 예산을 지킬 수 없어요"))
    assert not judge.bought


async def test_judging_goes_on_beside_a_stream_and_escape_stops_it(home: Path, judge: JudgeServer) -> None:
    judge.script.append(Reply([60.0], 200, {}, "application/json"))
    with OpenAIServer([says("서울"), says(*["가 "] * 200, pause=0.01)]) as server:
        async with chatting(home / "kullm.db", server=server) as chat:
            await chat.asks("수도는?")
            await presses_f3(chat)
            await chat.until(lambda: chat.told("에 묻는 중"))
            await chat.until(lambda: any(not one.path.endswith("/models") for one in judge.requests))
            await chat.sends("세어 줘")
            await chat.until(lambda: chat.told("가 가 가"))
            await chat.pilot.press("escape")
            await chat.answered()
            assert chat.told("에 묻는 중"), "the first escape is the stream's"
            await chat.pilot.press("escape")
            await chat.until(lambda: not chat.told("에 묻는 중"))
            assert judge.requests[-1].disconnected.wait(60)
            assert not card(chat, 1).verdicts
            assert chat.app.status.parts()[-1].endswith("+?"), "it may be charged for all the same"


async def test_a_server_without_schemas_is_asked_in_the_rubrics_own_form(home: Path, judge: JudgeServer) -> None:
    judge.script.append(refuses(400, "Invalid parameter: 'response_format' of type 'json_schema' is not supported"))
    async with answered(home, "서울") as chat:
        await judges(chat)
        assert chat.told("품질 4/5") or chat.told("점수를 읽을 수 없어요")
        asked = [one.body for one in judge.requests if not one.path.endswith("/models")]
        assert ["response_format" in body for body in asked] == [True, False]


async def test_rubric_judge_and_budget_are_switched_and_kept(home: Path) -> None:
    async with answered(home, "서울") as chat:
        chat.app.action_judge_settings()
        await chat.until(lambda: isinstance(chat.app.screen, JudgeScreen) and chat.told(NEWEST))
        await chat.until(lambda: chat.told("채점 한 번에 약"))
        screen = chat.app.screen
        screen.query_one("#model", Select).value = "gpt-4o"
        screen.query_one("#rubric", Select).value = "kullm3-2024-en"
        screen.query_one("#budget", Input).focus()
        screen.query_one("#budget", Input).value = "많이"
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("0 이상의 달러"))
        screen.query_one("#budget", Input).value = "0.5"
        await chat.pilot.press("enter")
        await chat.until(lambda: isinstance(chat.app.screen, ChatScreen))
        assert last_settings() == JudgeSettings("kullm3-2024-en", "gpt-4o", "", 0.5)
        await presses_f3(chat, agree=False)
        for words in ("gpt-4o: 이 채점자에게", "kullm3-2024-en", "예산 $0.50"):
            assert chat.told(words)


async def test_another_rubrics_verdict_stands_in_a_card_of_its_own(home: Path) -> None:
    async with answered(home, "서울") as chat:
        await judges(chat)
        await chat.app.judging.choose(JudgeSettings("kullm-2023-ko-fixed"))
        await presses_f3(chat)
        await chat.until(lambda: len(card(chat).verdicts) == 2)
        await chat.until(lambda: chat.told("kullm-2023-ko-fixed"))
        assert chat.told("kullm-2023-ko ")
        assert not chat.told("4·4")


async def test_two_replies_are_compared_in_both_orders(home: Path, judge: JudgeServer) -> None:
    judge.script.extend(judged(json.dumps({"근거": "낫다", "선택": choice}, ensure_ascii=False)) for choice in (1, 3))
    async with answered(home) as chat:
        given: list[str | None] = []

        async def compare() -> None:
            given.append(await chat.app.judging.pairwise("수도는?", "", "서울", "부산"))

        chat.app.run_worker(compare())
        await chat.until(lambda: chat.told("2번 묻고"))
        await chat.pilot.press("enter")
        await chat.until(lambda: given)
        assert given[0] in ("left", "right")
        asked = [one.body["messages"][-1]["content"] for one in judge.requests if not one.path.endswith("/models")]
        assert sorted(body.index("서울") < body.index("부산") for body in asked) == [False, True]


async def test_a_comparison_that_cannot_be_bought_says_why(home: Path, judge: JudgeServer) -> None:
    judge.script.append(refuses(429, "You exceeded your current quota", code="insufficient_quota"))
    async with answered(home) as chat:
        said: list[str] = []

        async def compare() -> None:
            try:
                await chat.app.judging.pairwise("수도는?", "", "서울", "부산")
            except KullmError as fault:
                said.append(str(fault))

        chat.app.run_worker(compare())
        await chat.until(lambda: isinstance(chat.app.screen, FirstVerdictScreen))
        await chat.pilot.press("enter")
        await chat.until(lambda: said)


async def test_won_stand_beside_dollars_where_there_is_a_rate(home: Path) -> None:
    async with answered(home, "서울") as chat:
        chat.app.config = Config(endpoints=chat.app.config.endpoints, won_per_dollar=1400)
        await judges(chat)
        assert chat.app.status.parts()[-1] == "$0.0016(2원)"
        assert chat.told("$0.0016(2원)")


async def test_there_is_nothing_to_judge_yet(home: Path) -> None:
    async with answered(home) as chat:
        await chat.pilot.press("f3")
        await chat.until(lambda: chat.told("채점할 답이 아직 없어요"))


async def test_a_reply_judged_by_a_rubric_that_changed_since_has_no_scores(home: Path) -> None:
    own = home / "own.toml"
    shipped = Path(__file__).parents[3] / "evaluator" / "rubrics" / "kullm-2023-ko.toml"
    own.write_text(shipped.read_text(encoding="utf-8").replace("흥미로운가요", "신나나요"), encoding="utf-8")
    async with answered(home, "서울") as chat:
        await chat.app.judging.choose(JudgeSettings(str(own)))
        await judges(chat)
        assert chat.told("품질 4/5")
        own.write_text(own.read_text(encoding="utf-8").replace("신나나요", "즐거운가요"), encoding="utf-8")
        subject = Subject("질문 0", "", "서울", "far/model")
        kept = await asyncio.to_thread(chat.app.judging.verdicts_about, subject)
        assert [(one.status, dict(one.scores)) for one in kept] == [("unparsed", {})]
        assert kept[0].text == reasoned()


async def test_the_judge_can_be_changed_where_its_price_is_said(home: Path, judge: JudgeServer) -> None:
    async with answered(home, "서울") as chat:
        await presses_f3(chat, agree=False)
        await chat.pilot.press("left", "enter")
        await chat.until(lambda: isinstance(chat.app.screen, JudgeScreen) and chat.told("가장 강한 것: gpt"))
        chat.app.screen.query_one("#named", Input).value = "gpt-4o-mini"
        chat.app.screen.query_one("#named", Input).focus()
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("gpt-4o-mini: 이 채점자에게 채점을 맡길까요?"))
        await chat.pilot.press("enter")
        await chat.until(lambda: chat.told("채점 gpt-4o-mini"))
        assert [one.body["model"] for one in judge.requests if one.body] == ["gpt-4o-mini"]


async def test_a_damaged_file_of_verdicts_is_told_of_put_aside_and_judged_into_anew(
    home: Path, judge: JudgeServer
) -> None:
    damaged = b"this is no database at all" * 100
    (home / "evaluation.db").write_bytes(damaged)
    async with answered(home, "서울") as chat:
        await judges(chat)
        assert has_verdicts(chat, 1)
        assert judge.bought
        assert any("evaluation" in note.message and "damaged" in note.message for note in chat.app._notifications)
    (aside,) = home.glob("evaluation.*damaged*")
    assert aside.read_bytes() == damaged
