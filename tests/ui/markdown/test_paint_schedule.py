"""Who paints when several replies stream at once."""

import asyncio
from collections.abc import Callable

from kullm_tui.ui.markdown.paint_schedule import LONGEST, SHORTEST, FlushBudget


class _Pane:
    """Paints at once, in as much time as it is told."""

    def __init__(self, clock: "_Clock", name: str, log: list[tuple[float, str]], cost: float = 0.0) -> None:
        self.clock, self.name, self.log, self.cost = clock, name, log, cost
        self.is_watched = True
        self.is_foremost = False
        self.more = False

    def flush(self) -> bool:
        self.log.append((round(self.clock.now, 3), self.name))
        self.clock.now += self.cost
        return self.more

    def painted(self, then: Callable[[], None]) -> bool:
        then()
        return True


class _Clock:
    """Stands still but for what is done; a wait moves it on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def _pass(clock: _Clock, seconds: float, *, each: Callable[[], None] = lambda: None) -> None:
    for _ in range(round(seconds / 0.005)):
        clock.now += 0.005
        each()
        await asyncio.sleep(0.006)


async def test_a_cheap_reply_is_shown_twenty_times_a_second_at_most() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget, pane = FlushBudget(clock), _Pane(clock, "a", log)
    await _pass(clock, 0.5, each=lambda: budget.ask(pane))
    gaps = [later - earlier for (earlier, _), (later, _) in zip(log, log[1:], strict=False)]
    assert gaps
    assert min(gaps) >= SHORTEST


async def test_a_dear_reply_leaves_three_quarters_of_the_time() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget, pane = FlushBudget(clock), _Pane(clock, "a", log, cost=0.04)
    await _pass(clock, 0.6, each=lambda: budget.ask(pane))
    gaps = [later - earlier for (earlier, _), (later, _) in zip(log, log[1:], strict=False)]
    assert gaps
    assert min(gaps) >= 0.16 - 0.001


async def test_the_longest_wait_is_a_second() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget, pane = FlushBudget(clock), _Pane(clock, "a", log, cost=5.0)
    await _pass(clock, LONGEST + 0.2, each=lambda: budget.ask(pane))
    assert len(log) == 2


async def test_the_pane_with_the_focus_goes_first() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget = FlushBudget(clock)
    panes = [_Pane(clock, name, log, cost=0.01) for name in "abc"]
    panes[2].is_foremost = True
    for pane in panes:
        budget.ask(pane)
    await _pass(clock, 0.3)
    assert [name for _, name in log] == ["c", "a", "b"]


async def test_what_the_reader_does_not_see_waits_until_it_is_seen() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget, pane = FlushBudget(clock), _Pane(clock, "a", log)
    pane.is_watched = False
    budget.ask(pane)
    await _pass(clock, 0.5)
    assert not log
    pane.is_watched = True
    await _pass(clock, 0.3)
    assert len(log) == 1


async def test_a_reply_that_is_gone_is_not_painted() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget, pane = FlushBudget(clock), _Pane(clock, "a", log)
    budget.ask(pane)
    budget.forget(pane)
    await _pass(clock, 0.1)
    assert not log


async def test_work_that_did_not_fit_goes_on_by_itself() -> None:
    clock, log = _Clock(), list[tuple[float, str]]()
    budget, pane = FlushBudget(clock), _Pane(clock, "a", log)
    pane.more = True
    budget.ask(pane)
    await _pass(clock, 0.2)
    assert len(log) >= 2
