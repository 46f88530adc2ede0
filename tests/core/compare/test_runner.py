"""A contest without a screen and without a terminal: real store, real servers, waves, stops and faults."""

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kullm_tui.core.asking.live_replies import LiveReplies
from kullm_tui.core.asking.question import Answerer, Committed, open_reply
from kullm_tui.core.asking.target import Target
from kullm_tui.core.compare.runner import Competitors, Contest, Lane, Round
from kullm_tui.core.compare.schedule import Plan
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.records import Message
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.store.history import Turn
from kullm_tui.core.store.store import Store
from tests.openai_server import CUT, Reply, chunk, says
from tests.ui.comparing import Far

NAMES = ("red", "green", "blue")
ENDLESS = Reply([chunk("반쪽"), 3600.0])
Waves = tuple[tuple[int, ...], ...]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("KULLM_LANG", "ko")
    with Store(tmp_path / "kullm.db") as opened:
        yield opened


def answerer(server: Far, name: str) -> Answerer:
    return Answerer(f"far/{name}", "", Target(f"far/{name}", name, None, Endpoint("far", server.base_url)))


def contest(
    store: Store,
    answerers: Sequence[Answerer],
    waves: Waves = ((0, 1, 2),),
    *,
    questions: Sequence[str] = ("물음",),
    **more: Any,
) -> Contest:
    async def opened() -> Store:
        return store

    competitors = Competitors({Contestant(one.model): one for one in answerers}, Plan(waves, ""))
    return Contest(
        rounds=[Round(Message("user", question)) for question in questions],
        waves=len(waves),
        store=opened,
        replies=LiveReplies(lambda *_: None),
        begin=lambda held, one: one.begin(held, competitors, blind=False),
        **more,
    )


def kept(store: Store, lane: Lane) -> Turn:
    return store.thread(lane.conversation_id)[-1]


def states(held: Contest) -> list[str | None]:
    return [lane.state for lane in held.lanes]


async def until(condition: Any) -> None:
    async with asyncio.timeout(240):
        while not condition():
            await asyncio.sleep(0.01)


async def test_a_wave_is_asked_once_the_one_before_is_written_down_and_looked_at(store: Store) -> None:
    with Far() as server:
        looked: list[tuple[str, int]] = []

        async def ended(lane: Lane) -> None:
            looked.append((kept(store, lane).state, len(server.requests)))

        three = [answerer(server, name) for name in NAMES]
        held = contest(store, three, ((0, 2), (1,)), questions=("하나", "둘"), at_once=2, ended=ended)
        await held.run()
    assert [request.body["model"] for request in server.requests[4:]] == ["green", "green"]
    assert [state for state, _ in looked] == ["complete"] * 6
    assert all(asked <= 4 for _, asked in looked[:4]), "nobody of the second wave yet"
    assert [lane.text for lane in held.lanes] == ["red의 답", "green의 답", "blue의 답"] * 2
    assert all(one.is_over for one in held.rounds)


async def test_who_cannot_be_asked_is_written_down_and_the_others_answer(store: Store) -> None:
    with Far() as server:
        nobody = Answerer("kullm-5.8b", "", None, fault="받지 않은 모델이에요")
        held = contest(store, [nobody, answerer(server, "green"), answerer(server, "blue")])
        await held.run()
    assert states(held) == ["failed", "complete", "complete"]
    turn = kept(store, held.lanes[0])
    assert (turn.model, turn.state, turn.error) == ("kullm-5.8b", "failed", "받지 않은 모델이에요")
    assert held.lanes[0].error == "받지 않은 모델이에요"


async def test_a_bug_in_one_reply_is_its_failure_and_costs_the_others_nothing(store: Store) -> None:
    with Far(by_model={"green": [says("온전한 ", "답", pause=0.1)]}) as server:
        broken = answerer(server, "red")
        assert broken.target
        strange: Any = {"no": "name"}.keys()  # nothing that could be sent
        broken = dataclasses.replace(broken, target=dataclasses.replace(broken.target, model=strange))
        held = contest(store, [broken, answerer(server, "green"), answerer(server, "blue")])
        await held.run()
    assert states(held) == ["failed", "complete", "complete"]
    assert "예상하지 못한 오류" in (kept(store, held.lanes[0]).error or "")
    assert held.lanes[1].text == "온전한 답"


async def test_a_stopped_lane_keeps_what_came_and_one_that_waits_is_not_asked(store: Store) -> None:
    with Far(by_model={"red": [ENDLESS]}) as server:
        held = contest(store, [answerer(server, name) for name in NAMES], ((0, 1), (2,)))
        running = asyncio.create_task(held.run())
        await until(lambda: held.lanes and held.lanes[0].text and held.lanes[1].state)
        red, _, blue = held.lanes
        assert held.waits(blue.conversation_id)
        assert held.stop({red.conversation_id, blue.conversation_id})
        assert not held.waits(blue.conversation_id)
        await running
        assert not held.stop({red.conversation_id})
    assert states(held) == ["cancelled", "complete", "cancelled"]
    assert (kept(store, red).content, kept(store, red).state) == ("반쪽", "cancelled")
    assert [request.body["model"] for request in server.requests].count("blue") == 0
    assert kept(store, blue).role == "user"


async def test_cancelling_stops_all_and_keeps_what_has_arrived(store: Store) -> None:
    with Far(by_model={name: [ENDLESS] for name in NAMES}) as server:
        held = contest(store, [answerer(server, name) for name in NAMES])
        running = asyncio.create_task(held.run())
        await until(lambda: held.lanes and all(lane.text for lane in held.lanes))
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert [(kept(store, lane).content, kept(store, lane).state) for lane in held.lanes] == [
            ("반쪽", "cancelled")
        ] * 3
        assert all(request.disconnected.wait(60) for request in server.requests)


async def test_a_failure_says_how_long_it_took_and_what_was_cut_is_kept(store: Store) -> None:
    script = {
        "red": [Reply([chunk("반쪽"), CUT])],
        "green": [says("긴 답", finish="length", last={"dropped_turns": 2})],
    }
    with Far(by_model=script) as server:
        held = contest(store, [answerer(server, name) for name in NAMES])
        await held.run()
    failed, cut, whole = (kept(store, lane).timings for lane in held.lanes)
    assert failed["client_total_ms"] > 0
    assert (cut["cut_at_length"], cut["dropped_turns"]) == (1, 2)
    assert "cut_at_length" not in whole


async def test_a_reply_that_is_stopped_before_its_first_step_is_ended_all_the_same(store: Store) -> None:
    with Far() as server:
        conversation = store.create_conversation("물음")
        question = store.add_user_turn(conversation.id, Message("user", "물음"), parent_id=None)
        request, reply = open_reply(store, Committed(conversation, question), answerer(server, "red"), "fold")
        replies = LiveReplies(lambda *_: None)
        replies.start(request, reply)
        await replies.stop_and_wait([reply])
    assert (reply.state, store.thread(conversation.id)[-1].state) == ("cancelled", "cancelled")
    assert replies.all == []
