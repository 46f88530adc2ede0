"""A person compares: one question in equal columns, each answer beside the others, and a vote."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest
from rich.cells import cell_len
from textual import events

from kullm_tui.core.endpoints import consent
from kullm_tui.core.endpoints.local_engine import running_engine
from kullm_tui.ui.chat.screen import ChatScreen
from kullm_tui.ui.compare.history_dialog import EarlierScreen
from tests.openai_server import CUT, Reply, chunk, refuses, says
from tests.ui.comparing import Comparing, Far, comparing

_SLOW = ["가나다 "] * 400


async def test_a_newcomer_compares_the_demos_and_votes(database: Path) -> None:
    async with comparing(database) as here:
        assert here.heads == ["코알파카 데모", "코비쿠나 데모", "구름 데모"]
        await here.until(lambda: here.told("(demo-base)을 함께 써서 같이 답해요"))
        await here.asks("대한민국의 수도는 어디인가요?")
        assert all(here.said(place)[-1] for place in range(3))
        assert "서울" in here.said(2)[-1]
        assert here.bar.has_focus
        assert here.told("가장 나은 답은?")
        assert here.shown.count("대한민국의 수도는 어디인가요?") == 1, "one question above three columns"
        assert here.shown.count("tok/s") >= 3
        await here.votes_for(2)
        await here.until(lambda: here.told("구름 데모에 투표했어요"))
        vote = here.votes[0]
        assert (vote.outcome, vote.winner, vote.blind) == ("best", 2, False)
        await here.pilot.press("f9")
        await here.until(lambda: here.told("표 1개") and here.told("10개는 모여야"))
        assert here.shown.index("구름 데모", here.shown.index("95 %")) < here.shown.index(
            "코알파카", here.shown.index("95 %")
        )


async def test_names_are_hidden_until_the_vote_and_then_shown(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server, blind=True) as here:
            assert here.heads == ["A", "B", "C"]
            await here.asks("누구세요?")
            assert here.heads == ["A", "B", "C"]
            assert "red" not in here.shown.replace("red의 답", "")
            await here.votes_for(1)
            await here.until(lambda: here.heads != ["A", "B", "C"])
            comparison = here.controller.comparison
            assert comparison
            shown = [column.contestant.model.removeprefix("far/") for column in comparison.columns]
            assert here.heads == shown
            assert [here.said(place)[-1] for place in range(3)] == [f"{name}의 답" for name in shown]
            assert here.told(f"B = {shown[1]}에 투표했어요")
            assert here.votes[0].blind
            await here.asks("또 물어요")
            assert here.heads == shown, "who has been told stays told"


async def test_what_failed_keeps_the_name_hidden_too(database: Path) -> None:
    with Far(by_model={"red": [refuses(400, "모델 far/red가 red를 모릅니다")]}) as server:
        async with comparing(database, server=server, blind=True) as here:
            await here.asks("누구세요?")
            failed = next(place for place in range(3) if here.controller.turns(place)[-1].state == "failed")
            assert here.told("✗")
            assert "far/red" not in here.shown
            await here.votes_for(failed)
            await here.until(lambda: here.told("이 칸에는 고를 답이 없어요"))
            assert here.votes == []
            await here.votes_for(3)
            await here.until(lambda: here.told("비김으로 투표했어요"))
            assert [reply is None for reply in here.votes[0].replies].count(True) == 1


async def test_one_column_is_stopped_and_the_others_go_on(database: Path) -> None:
    slow = {name: [says(*_SLOW, pause=0.1)] for name in ("red", "green")}
    with Far(by_model={**slow, "blue": [says("짧은 답")]}) as server:
        async with comparing(database, server=server) as here:
            await here.sends("세어 줘")
            await here.until(lambda: here.shown.count("가나다 가나다") >= 2)
            await here.pilot.press("tab")
            await here.until(lambda: here.screen.columns.focused_place == 0)
            await here.pilot.press("escape")
            await here.until(
                lambda: here.controller.live(0) is None and here.controller.turns(0)[-1].state == "cancelled"
            )
            assert here.controller.live(1) is not None
            assert not here.bar.is_shown
            await here.pilot.press("shift+tab", "escape")
            await here.finishes()
            assert [here.controller.turns(place)[-1].state for place in range(3)] == [
                "cancelled",
                "cancelled",
                "complete",
            ]
            assert here.told("중단됨")


async def test_the_next_question_goes_to_all_and_a_follow_up_to_one(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("첫 물음")
            await here.pilot.press("escape")
            await here.asks("둘째 물음")
            assert [len(here.said(place)) for place in range(3)] == [4, 4, 4]
            await here.pilot.press("escape", "tab")
            await here.until(lambda: here.screen.columns.focused_place == 0)
            await here.pilot.press("tab")
            await here.until(lambda: here.screen.columns.focused_place == 1)
            await here.pilot.press("o")
            assert here.told("green에게만 이어 물어요")
            await here.types("너만")
            await here.pilot.press("enter")
            await here.until(lambda: len(here.said(1)) == 6 and not here.controller.busy)
            assert [len(here.said(place)) for place in range(3)] == [4, 6, 4]
            assert not here.told("에게만 이어 물어요")
            last = [request for request in server.requests if request.body["model"] == "green"][-1]
            assert [one["content"] for one in last.body["messages"]] == [
                *("첫 물음", "green의 답", "둘째 물음", "green의 답", "너만")
            ]
            # The vote stays with the question that all answered.
            await here.until(lambda: here.bar.is_shown)
            here.controller.voting.cast("best", 1)
            await here.until(lambda: here.votes)
            assert here.votes[0].replies[1] == here.controller.turns(1)[3].id


async def test_asking_again_makes_branches_and_a_vote_again_replaces_the_first(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("물음")
            await here.votes_for(0)
            await here.until(lambda: here.told("red에 투표했어요"))
            await here.pilot.press("ctrl+r")
            await here.until(lambda: len(server.requests) == 6)
            await here.finishes()
            assert all(len(here.controller.turns(place)[-1].siblings) == 2 for place in range(3))
            assert here.told("2/2 ‹ ›")
            here.bar.focus()
            await here.votes_for(4)
            await here.until(lambda: here.told("모두 나쁨으로 투표했어요"))
            assert [vote.outcome for vote in here.votes] == ["bad"]


async def test_somebody_who_writes_already_is_not_interrupted_by_the_vote(database: Path) -> None:
    with Far(by_model={"red": [Reply([chunk("하나"), 0.5, chunk("둘")])]}) as server:
        async with comparing(database, server=server) as here:
            await here.sends("물음")
            await here.types("다음 1")
            await here.finishes()
            assert here.screen.prompt.has_focus_within
            assert here.screen.prompt.value.text == "다음 1"
            here.screen.prompt.set("")
            here.bar.focus()
            await here.types("안녕")
            assert here.screen.prompt.value.text == "안녕"
            assert here.votes == []


async def test_sending_while_somebody_answers_keeps_the_words(database: Path) -> None:
    with Far(by_model={"red": [says(*_SLOW, pause=0.1)]}) as server:
        async with comparing(database, server=server) as here:
            await here.sends("물음")
            await here.types("성급한 물음")
            await here.pilot.press("enter")
            await here.until(lambda: here.told("esc로 멈춘 다음"))
            assert here.screen.prompt.value.text == "성급한 물음"
            await here.pilot.press("escape")
            await here.until(lambda: not here.controller.busy)


async def test_faults_of_one_column_leave_the_others_alone(database: Path) -> None:
    script = {"red": [Reply([chunk("반만 "), CUT])], "green": [refuses(401, "열쇠")]}
    with Far(by_model=script) as server:
        async with comparing(database, server=server) as here:
            await here.types("물음")
            await here.pilot.press("enter")
            await here.until(lambda: len(server.requests) >= 3 and not here.controller.busy)
            states = [here.controller.turns(place)[-1].state for place in range(3)]
            assert states == ["failed", "failed", "complete"]
            assert not here.bar.is_shown, "one reply is nothing to compare"
            await here.pilot.press("ctrl+r")
            await here.finishes()
            assert [here.said(place)[-1] for place in range(3)] == ["red의 답", "green의 답", "blue의 답"]


async def test_text_leaves_the_machine_only_with_consent(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consent, "is_outside", lambda _: True)
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.types("비밀")
            await here.pilot.press("enter")
            await here.until(lambda: here.told("보낼까요"))
            await here.pilot.press("escape")
            await here.until(lambda: here.screen.prompt.value.text == "비밀")
            assert server.requests == []
            assert here.controller.comparison is None
            await here.pilot.press("enter")
            await here.until(lambda: here.told("보낼까요"))
            await here.pilot.press("enter")
            await here.finishes()
            assert len(server.requests) == 3


async def test_an_earlier_comparison_is_opened_again_with_its_vote(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("첫 비교")
            await here.votes_for(1)
            await here.until(lambda: here.votes)
            await here.pilot.press("ctrl+n")
            await here.until(lambda: here.controller.comparison is None and not here.told("green의 답"))
            await here.asks("둘째 비교")
            await here.pilot.press("f6")
            await here.until(lambda: isinstance(here.app.screen, EarlierScreen) and here.told("첫 비교"))
            assert here.told("투표 1")
            await here.pilot.press("down", "enter")
            await here.until(lambda: here.told("green에 투표했어요"))
            assert here.said(1) == ["첫 비교", "green의 답"]


async def test_a_comparison_that_was_left_goes_on_and_is_whole_later(database: Path) -> None:
    pieces = [f"{number} " for number in range(30)]
    with Far(by_model={"red": [says(*pieces, pause=0.05)]}) as server:
        async with comparing(database, server=server) as here:
            await here.sends("긴 답")
            await here.until(lambda: here.told("0 1 2"))
            first = here.controller.comparison
            await here.pilot.press("ctrl+n")
            await here.until(lambda: here.controller.comparison is None)
            await here.asks("다른 물음")
            assert first
            here.controller.open(first)
            await here.until(lambda: here.bar.is_shown and here.said(0) == ["긴 답", "".join(pieces)])


async def test_the_header_leads_from_mode_to_mode(database: Path) -> None:
    async with comparing(database) as here:
        assert here.told("대화 ▸ 비교")
        await here.pilot.press("f4")
        await here.until(lambda: isinstance(here.app.screen, ChatScreen) and not here.told("모델 3개"))
        before = here.shown.splitlines()[0].partition("비교")[0]
        await here.pilot.click(offset=(cell_len(before) + 1, 0))
        await here.until(lambda: here.app.current_mode == "compare")


async def test_the_engine_killed_in_mid_stream_leaves_a_fault_where_something_was_said(database: Path) -> None:
    async with comparing(database) as here:
        await here.asks("안녕하세요")
        here.controller.choice.session = here.controller.choice.session.with_decoding(
            {"temperature": 4.0, "max_tokens": 900}
        )
        await here.pilot.press("escape")
        await here.types("대한민국의 수도는?")
        await here.pilot.press("enter")
        await here.until(lambda: here.controller.busy)
        while (states := await _killed_while_they_answer(here)) == {"complete"}:
            # All was said before any of it was shown: the machine is busy, or the model had little to say.
            await here.pilot.press("ctrl+r")
            await here.until(lambda: here.controller.busy)
        assert states <= {"failed", "complete"}  # one may have come to its end in that moment
        await here.until(lambda: here.told("✗"))
        here.controller.choice.session = here.controller.choice.session.with_decoding({})
        await here.pilot.press("ctrl+r")
        await here.finishes()
        assert [here.controller.turns(place)[-1].state for place in range(3)] == ["complete"] * 3


async def _killed_while_they_answer(here: Comparing) -> set[str]:
    """How the replies ended of which something had been said."""

    def answering() -> list[int]:
        return [place for place in range(3) if (live := here.controller.live(place)) and live.pieces]

    await here.until(lambda: answering() or not here.controller.busy)
    if not (begun := answering()):
        return {"complete"}
    engine = running_engine()
    assert engine
    os.kill(engine.pid, signal.SIGKILL)
    await here.until(lambda: not here.controller.busy)
    return {here.controller.turns(place)[-1].state for place in begun}


async def test_votes_are_saved_as_preference_pairs(database: Path, tmp_path: Path) -> None:
    saved = tmp_path / "pairs.jsonl"
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("물음")
            await here.votes_for(0)
            await here.until(lambda: here.votes)
            await here.pilot.press("f9")
            await here.until(lambda: here.told("표 1개"))
            await here.pilot.press("e", "ctrl+u")
            await here.types(str(saved))
            await here.pilot.press("enter")
            await here.until(lambda: here.told("선호 쌍 2개"))
    pairs = [json.loads(line) for line in (await asyncio.to_thread(saved.read_text)).splitlines()]
    told = {(pair["chosen"][0]["content"], pair["rejected"][0]["content"]) for pair in pairs}
    assert told == {("red의 답", "green의 답"), ("red의 답", "blue의 답")}


@pytest.mark.parametrize("size", [(140, 45), (80, 24)], ids=["wide", "narrow"])
async def test_tab_walks_over_every_column(database: Path, size: tuple[int, int]) -> None:
    with Far() as server:
        async with comparing(database, server=server, size=size) as here:
            await here.asks("물음")
            here.screen.prompt.focus()
            walked = []
            for _ in range(3):
                await here.pilot.press("tab")
                await here.until(lambda: here.screen.columns.focused_place is not None)
                await here.pilot.pause()
                walked.append(here.screen.columns.focused_place)
            assert walked == [0, 1, 2]
            await here.until(lambda: here.told("blue의 답"))
            await here.pilot.press("tab")
            assert here.bar.has_focus


async def test_columns_scroll_together_to_the_same_turn(database: Path) -> None:
    long = "\n\n".join(f"{number}째 줄" for number in range(40))
    longer = "\n\n".join(f"{number}째 줄" for number in range(90))
    script = {"red": [says(long), says(long)], "green": [says(longer), says(long)], "blue": [says(long), says(longer)]}
    with Far(by_model=script) as server:
        async with comparing(database, server=server) as here:
            await here.asks("하나")
            await here.pilot.press("escape")
            await here.asks("둘")
            threads = [view.thread for view in here.views]
            assert all(thread.following for thread in threads)
            threads[0].focus()
            await here.pilot.press("pageup", "pageup")
            await here.until(lambda: len({thread.where() for thread in threads}) == 1)
            assert threads[0].where().lines > 0
            await here.pilot.press("s", "pageup")
            await here.pilot.pause()
            assert threads[0].where() != threads[1].where()
            await here.pilot.press("s", "ctrl+end")
            await here.until(lambda: all(thread.following for thread in threads))


async def test_who_writes_on_after_the_replies_loses_no_key_and_casts_no_vote(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("하나")
            await here.until(lambda: here.bar.has_focus)
            for character in "왜 2개 1":
                here.app.post_message(events.Key({" ": "space"}.get(character, character), character))
            await here.until(lambda: here.screen.prompt.value.text == "왜 2개 1")
            assert not here.votes


async def test_a_paste_at_the_vote_bar_is_the_next_question(database: Path) -> None:
    with Far() as server:
        async with comparing(database, server=server) as here:
            await here.asks("하나")
            await here.until(lambda: here.bar.has_focus)
            here.app.post_message(events.Paste("붙인 3가지"))
            await here.until(lambda: here.screen.prompt.value.text == "붙인 3가지")
            assert not here.votes
