"""Clients take turns: one that asks for everything waits for it itself. Tokens and turns are counted, never seconds."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from kullm_tui.engine.batch import Batch
from kullm_tui.engine.beams import BeamSearch
from kullm_tui.engine.burden import Burden
from kullm_tui.engine.connections import owner_of
from kullm_tui.engine.generation import Event, Finished, Generation, Piece
from kullm_tui.engine.turns import Line, Turnstile
from kullm_tui.engine.wire_errors import RequestError
from kullm_tui.weights.adapters import AdapterRack
from kullm_tui.weights.loading import load_model
from tests.engine.conftest import OpenBatch
from tests.engine.replies import WAIT_SECONDS, prompt_of, wants
from tests.tiny_models import save_model

ROWS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "model", "gpt_neox")


class Log:
    """What the batch said, in the order in which it said it; whoever looks on does so in the batch's own thread."""

    def __init__(self, wanted: int) -> None:
        self.said: list[tuple[str, int, Event]] = []
        self.looks_on: Callable[[], None] = lambda: None
        self.over = threading.Event()
        self._open = wanted

    def generation(self, owner: str, place: int, *, tokens: int) -> Generation:
        def emit(event: Event) -> None:
            self.said.append((owner, place, event))
            self.looks_on()
            self._open -= isinstance(event, Finished)
            if not self._open:
                self.over.set()

        return Generation(wants(prompt_of(6, seed=place), tokens=tokens), emit, owner=owner)

    def finished(self) -> list[str]:
        return [owner for owner, _, event in self.said if isinstance(event, Finished)]

    def wait(self) -> None:
        assert self.over.wait(WAIT_SECONDS)


@pytest.mark.parametrize("kv_tokens", [10_000, 4 * 200], ids=["rows are short", "memory is short"])
def test_an_honest_client_is_next_whatever_a_greedy_one_has_asked_for(
    folder: Path, open_batch: OpenBatch, kv_tokens: int
) -> None:
    batch = open_batch(folder, rows=ROWS, kv_tokens=kv_tokens)
    log = Log(wanted=41)
    came = 0

    def when_the_greedy_one_has_every_row() -> None:
        nonlocal came
        if not came and len(log.said) >= 60:
            came = len(log.said)
            batch.submit(log.generation("honest", 0, tokens=5))

    log.looks_on = when_the_greedy_one_has_every_row
    for place in range(40):
        batch.submit(log.generation("greedy", place, tokens=150 if place < ROWS else 2))
    log.wait()

    answered = next(at for at, (owner, _, event) in enumerate(log.said) if (owner, type(event)) == ("honest", Finished))
    meanwhile = [owner for owner, _, event in log.said[came:answered] if isinstance(event, Piece)]
    assert meanwhile.count("greedy") <= 10 * ROWS, "a reply of five tokens, and the token that was under way"


def test_one_client_never_holds_more_rows_than_are_for_one(folder: Path, open_batch: OpenBatch) -> None:
    batch = open_batch(folder, rows=ROWS)
    log = Log(wanted=20)
    for place in range(20):
        batch.submit(log.generation("greedy", place, tokens=10))
    log.wait()

    running: set[int] = set()
    most = 0
    for _, place, event in log.said:
        running = running - {place} if isinstance(event, Finished) else running | {place}
        most = max(most, len(running))
    assert most == ROWS


def test_two_busy_clients_share_the_rows(folder: Path, open_batch: OpenBatch) -> None:
    batch = open_batch(folder, rows=ROWS)
    log = Log(wanted=60)
    began = False

    def when_the_first_runs() -> None:
        nonlocal began
        if not began:
            began = True
            for place in range(20):
                batch.submit(log.generation("second", 100 + place, tokens=10))

    log.looks_on = when_the_first_runs
    for place in range(40):
        batch.submit(log.generation("first", place, tokens=10))
    log.wait()

    finished = log.finished()
    last_of_second = len(finished) - finished[::-1].index("second")
    assert finished[:last_of_second].count("first") <= 30, "as many as the second, and those that ran before it came"


def test_beam_searches_of_several_clients_take_turns(folder: Path) -> None:
    loaded = load_model(
        folder, precision="fp32", device=torch.device("cpu"), progress=lambda _: None, cancelled=lambda: False
    )
    structure = threading.Lock()
    beam_search = BeamSearch(loaded.model, AdapterRack(loaded.model), structure)
    log = Log(wanted=7)

    def search(owner: str, place: int) -> list[Generation]:
        generation = log.generation(owner, place, tokens=3)
        return [Generation(wants(prompt_of(5), tokens=3, num_beams=2), generation.emit, owner=owner)]

    with structure:  # the first search waits for it
        for place in range(6):
            beam_search.submit(search("greedy", place))
        beam_search.submit(search("honest", 6))
    log.wait()
    beam_search.close()
    assert log.finished().index("honest") <= 2


def test_a_line_is_served_by_client_and_within_one_in_order() -> None:
    line: Line[int] = Line()
    for place in range(3):
        line.join("many", place)
    line.join("one", 9)
    served = []
    while first := line.first({}):
        served.append(line.take(first[0]))
    assert served == [0, 9, 1, 2]
    line.join("many", 1)
    line.join("one", 2)
    assert line.first({"many": 1}) == ("one", 2)


async def test_work_beside_the_loop_goes_to_the_client_that_has_least_of_it() -> None:
    turnstile, may_begin = Turnstile(places=1), threading.Event()
    done: list[str] = []

    def work(owner: str) -> None:
        assert may_begin.wait(60)
        done.append(owner)

    many = [asyncio.create_task(turnstile.run("many", lambda: work("many"))) for _ in range(9)]
    await asyncio.sleep(0)
    one = asyncio.create_task(turnstile.run("one", lambda: work("one")))
    await asyncio.sleep(0)
    may_begin.set()
    await asyncio.gather(one, *many)
    turnstile.close()
    assert done.index("one") == 1


async def test_whoever_leaves_gives_up_no_place_that_their_work_still_takes() -> None:
    turnstile, may_end, running = Turnstile(places=1), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def long_work() -> None:
        loop.call_soon_threadsafe(running.set)
        assert may_end.wait(60)

    left = asyncio.create_task(turnstile.run("left", long_work))
    await running.wait()
    waiting = asyncio.create_task(turnstile.run("left", long_work))
    next_one = asyncio.create_task(turnstile.run("next", lambda: may_end.is_set()))
    await asyncio.sleep(0)
    left.cancel()
    waiting.cancel()
    await asyncio.gather(left, waiting, return_exceptions=True)
    may_end.set()
    assert await next_one, "it began before the work of the one who left had ended"
    turnstile.close()


def test_what_clients_carry_is_bounded_by_client_and_in_all() -> None:
    burden = Burden(of_one=640, of_all=1000)
    with burden.share("a") as one, burden.share("a") as other:
        one.add(600)
        with pytest.raises(RequestError) as refused:
            other.add(41)
        assert refused.value.status == 503
        with burden.share("b") as third:
            third.add(400)
            with burden.share("c") as fourth, pytest.raises(RequestError):
                fourth.add(11)
            with burden.share("c") as small:
                small.add(10)
    with burden.share("a") as again:
        again.add(640)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (("192.0.2.7", 1), ("192.0.2.7", 2), True),
        (("192.0.2.7", 1), ("192.0.2.8", 1), False),
        (("2001:db8::1", 1), ("2001:db8::ffff:2", 1), True),
        (("2001:db8::1", 1), ("2001:db8:0:1::1", 1), False),
        (("fe80::1%eth0", 1), ("fe80::1%eth0", 2), True),
        (("127.0.0.1", 1), ("127.0.0.1", 2), False),
        (("::1", 1), ("::1", 2), False),
    ],
)
def test_clients_from_afar_are_their_address_and_those_of_this_machine_their_connection(
    one: tuple[str, int], other: tuple[str, int], same: bool
) -> None:
    assert (owner_of(one) == owner_of(other)) is same


def test_a_long_line_of_clients_who_left_is_given_up(folder: Path, open_batch: OpenBatch) -> None:
    batch: Batch = open_batch(folder, rows=1)
    log = Log(wanted=2)
    batch.submit(log.generation("a", 0, tokens=70))
    gone = [log.generation("a", place, tokens=5) for place in range(1, 200)]
    for one in gone:
        batch.submit(one)
        one.cancelled.set()
    batch.submit(log.generation("a", 200, tokens=5))
    log.wait()
    assert {place for _, place, _ in log.said} == {0, 200}
