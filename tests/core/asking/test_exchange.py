"""An exchange with a real server, and what of it survives a kill."""

import asyncio
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path

import pytest

from kullm_tui.core.asking import exchange as exchange_module
from kullm_tui.core.asking.exchange import Starting, exchange
from kullm_tui.core.asking.target import Target
from kullm_tui.core.asking.thinking import Delta
from kullm_tui.core.endpoints.endpoint import Endpoint, Finished
from kullm_tui.core.errors import EndpointError, EngineGone
from kullm_tui.core.records import Message
from kullm_tui.core.store import journal as journal_module
from kullm_tui.core.store.journal import Journal, ReplySource
from kullm_tui.core.store.recovery import open_store
from kullm_tui.core.store.store import Store
from tests.openai_server import CUT, OpenAIServer, Reply, chunk, event, says

QUESTION = [Message("user", "수도는?")]


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("KULLM_LANG", "ko")
    with Store(tmp_path / "kullm.db") as opened:
        yield opened


def opened_journal(store: Store) -> Journal:
    one = store.create_conversation("수도는?")
    return store.open_reply(one.id, store.add_user_turn(one.id, QUESTION[0], parent_id=None), ReplySource("m"))


def far(server: OpenAIServer) -> Target:
    return Target("home/m", "m", None, Endpoint("home", server.base_url))


def kept(store: Store) -> tuple[str, str]:
    reply = store.thread(store.conversations()[0].id)[-1]
    return reply.content, reply.state


async def test_an_engine_starts_while_the_sdk_comes_in(
    store: Store, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting, coming = threading.Event(), threading.Event()

    def start(_: object) -> Endpoint:
        starting.set()
        assert coming.wait(60)
        return Endpoint("home", server.base_url)

    def import_sdk() -> None:
        coming.set()
        assert starting.wait(60)

    monkeypatch.setattr(exchange_module, "running_engine", lambda: None)
    monkeypatch.setattr(exchange_module, "start_engine", start)
    monkeypatch.setattr(exchange_module, "import_sdk", import_sdk)
    target = Target("m", "m", None, None)
    async with aclosing(exchange(target, QUESTION, {}, opened_journal(store))) as pieces:
        assert isinstance([piece async for piece in pieces][-1], Finished)


async def test_every_piece_is_kept_before_it_is_handed_on(
    store: Store, server: OpenAIServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_JOURNAL_SECONDS", 0)
    server.script.append(says("서울", "입니다"))
    pieces = []
    with opened_journal(store) as journal:
        async for piece in exchange(far(server), QUESTION, {}, journal):
            pieces.append(piece)
            if isinstance(piece, Delta):
                assert kept(store)[0].endswith(piece.text)
    assert [type(piece) for piece in pieces] == [Delta, Delta, Finished]
    assert kept(store) == ("서울입니다", "complete")


async def test_a_pause_in_the_stream_leaves_nothing_unsaved(store: Store, server: OpenAIServer) -> None:
    server.script.append(Reply([chunk("먼저"), 3600.0, chunk("나중", finish="stop")]))
    journal = opened_journal(store)
    async with aclosing(exchange(far(server), QUESTION, {}, journal)) as pieces:
        assert await anext(pieces) == Delta("먼저")
        waiting = asyncio.ensure_future(anext(pieces))
        while not kept(store)[0]:  # the pause is never over
            await asyncio.sleep(0.02)
        assert kept(store) == ("먼저", "streaming")
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert server.requests[0].disconnected.wait(60)
    journal.finish("cancelled")
    assert kept(store) == ("먼저", "cancelled")


async def test_closing_stops_the_generation(store: Store, server: OpenAIServer) -> None:
    server.script.append(says(*["가"] * 500, pause=0.02))
    with opened_journal(store) as journal:
        async with aclosing(exchange(far(server), QUESTION, {}, journal)) as pieces:
            await anext(pieces)
        assert server.requests[0].disconnected.wait(60)
    assert "가" in kept(store)[0]


@pytest.fixture
def engine(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    local = Endpoint("kullm", server.base_url, "token", local=True)
    monkeypatch.setattr(exchange_module, "running_engine", lambda: None)
    monkeypatch.setattr(exchange_module, "start_engine", lambda _: local)
    return server


READY = Reply([event({"status": "ready"})])
HERE = Target("kullm-5.8b", "kullm-5.8b", "kullm-v2", None)


async def test_an_engine_that_vanished_is_started_once_more(store: Store, engine: OpenAIServer) -> None:
    engine.script.extend([READY, Reply([CUT]), READY, says("서울")])
    with opened_journal(store) as journal:
        pieces = [piece async for piece in exchange(HERE, QUESTION, {}, journal)]
    assert sum(isinstance(piece, Starting) for piece in pieces) == 2
    assert kept(store) == ("서울", "complete")


@pytest.mark.parametrize("script", [[READY, Reply([CUT])] * 2, [READY, Reply([chunk("반"), CUT])]])
async def test_what_was_shown_is_not_asked_again(store: Store, engine: OpenAIServer, script: list[Reply]) -> None:
    engine.script.extend([*script, READY, says("다시")])
    with pytest.raises(EngineGone), opened_journal(store) as journal:
        async for _ in exchange(HERE, QUESTION, {}, journal):
            pass
    assert kept(store)[1] == "failed"
    assert "다시" not in kept(store)[0]


async def test_an_endpoint_that_fails_is_not_asked_again(store: Store, server: OpenAIServer) -> None:
    server.script.extend([Reply([CUT])] * 9)
    with pytest.raises(EndpointError), opened_journal(store) as journal:
        async for _ in exchange(far(server), QUESTION, {}, journal):
            pass
    assert kept(store)[1] == "failed"


async def test_a_long_write_of_another_holds_up_no_stream(store: Store, server: OpenAIServer) -> None:
    """The other writes until the stream has ended: had the stream waited for it, neither would ever end."""
    server.script.append(says(*["가"] * 40, pause=0.05))
    writer = Store(store._database.path)
    with writer, opened_journal(store) as journal, writer._database.transaction():
        async with aclosing(exchange(far(server), QUESTION, {}, journal)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Finished):
                    break
    assert kept(store) == ("가" * 40, "complete")


STREAMING = """
import asyncio, pathlib, sys, time
from kullm_tui.core.store import journal as journal_module
from kullm_tui.core.store.journal import ReplySource
from kullm_tui.core.store.recovery import open_store
from kullm_tui.core.records import Message
from kullm_tui.core.asking.thinking import Delta
journal_module._PATIENCE_IN_PASSING_S = 60.0  # how long ten writers wait for each other is a matter of the machine
store = open_store(pathlib.Path(sys.argv[1]))
one = store.create_conversation("질문")
print("talks", one.id, flush=True)
leaf = None
number = 0
while True:
    number += 1
    leaf = store.add_user_turn(one.id, Message("user", f"질문 {number}"), parent_id=leaf)
    print("asked", number, flush=True)
    with store.open_reply(one.id, leaf, ReplySource("m")) as journal:
        began = time.monotonic()
        while (before := time.monotonic()) - began < 1.5:
            journal.feed("가")
            print("fed", before, flush=True)
            time.sleep(0.003)
            journal.tick()
    leaf = journal.reply_id
    print("ended", flush=True)
"""


def test_fifty_kills_at_random_moments_lose_at_most_the_last_second(tmp_path: Path) -> None:
    """Five times ten programs that write into one database, each killed at a moment of its own."""
    path, dice = tmp_path / "kullm.db", random.Random(20)
    open_store(path).close()
    for _ in range(5):
        with ThreadPoolExecutor(10) as pool:
            told = list(
                pool.map(lambda seconds: streams_until_killed(path, seconds), [dice.random() * 2.5 for _ in range(10)])
            )
        with open_store(path) as store:
            assert store.notice is None
            for said in told:
                assert_nothing_older_than_a_second_is_missing(store, said)
    with open_store(path) as store:
        assert len(store.conversations()) == 50


def streams_until_killed(path: Path, seconds: float) -> list[list[str]]:
    """What the program said it did."""
    child = subprocess.Popen([sys.executable, "-c", STREAMING, path], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = [child.stdout.readline(), child.stdout.readline()]  # its conversation, and that it has asked
    time.sleep(seconds)
    child.kill()
    said += child.communicate(timeout=240)[0].splitlines()
    return [line.split() for line in said if line.strip()]


def assert_nothing_older_than_a_second_is_missing(store: Store, said: list[list[str]]) -> None:
    """Older than the last that it said it had fed: how long it then stood still, waiting for a busy machine, is not its doing."""
    turns = store.thread(int(said[0][1]))
    questions = [turn.content for turn in turns if turn.role == "user"]
    asked = sum(line[0] == "asked" for line in said)
    assert len(questions) in (asked, asked + 1), "the last one may have been kept and not yet said"
    replies = [turn for turn in turns if turn.role == "assistant"]
    assert all(turn.state == "complete" for turn in replies[: sum(line[0] == "ended" for line in said)])
    last_question = max(place for place, line in enumerate(said) if line[0] == "asked")
    fed = [float(line[1]) for line in said[last_question:] if line[0] == "fed" and len(line) == 2]
    old_enough = sum(moment < fed[-1] - 1 for moment in fed)
    if len(replies) >= asked:
        assert len(replies[asked - 1].content) >= old_enough
    else:
        assert old_enough == 0
    assert all(turn.state in ("complete", "failed") for turn in replies)
