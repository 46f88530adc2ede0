"""One reply on its way, for every screen and every command: the exchange is run here, and all that arrives is kept in one LiveReply.

Who shows it may come and go while it streams, and asks the LiveReply for what it has not shown yet; nothing is lost or told twice.
This is an edge: whatever goes wrong in here is one reply's failure, written down beside what had arrived, never the end of the others.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from kullm_tui.core.asking.thinking import Delta, Said, ThinkingWish, Thought
from kullm_tui.core.errors import KullmError, NoSpace, StoreBusy
from kullm_tui.core.language import say

if TYPE_CHECKING:
    from kullm_tui.core.asking.target import Target
    from kullm_tui.core.endpoints.endpoint import Finished
    from kullm_tui.core.records import Message
    from kullm_tui.core.store.journal import FinalState, Journal

Change = Literal["waits", "grew", "ended"]


@dataclass
class LiveReply:
    """A reply that is being made, and what is known of it so far."""

    conversation_id: int
    reply_id: int
    title: str  # of the conversation, for telling that it has ended
    here: bool = False  # made by this machine's engine
    waiting: str = ""  # what it waits for, while nothing has arrived
    pieces: list[str] = field(default_factory=list)
    thoughts: list[str] = field(default_factory=list)
    resorted: int = 0  # how often what was shown turned out to be something else
    state: FinalState | None = None  # None while it goes on
    stopped: bool = False
    error: str = ""
    fault: Exception | None = None  # what the error says
    finished: Finished | None = None
    began: float = field(default_factory=time.monotonic)
    first: float | None = None  # when something came, a thought or text
    first_text: float | None = None
    last_thought: float | None = None
    unsaved_why: KullmError | None = None
    unsaved: Callable[[], None] | None = None  # writes it down; there was no room for it

    async def save(self) -> None:
        """NoSpace or StoreBusy where it still cannot be written down."""
        if self.unsaved is not None:
            await asyncio.to_thread(self.unsaved)
            self.unsaved = self.unsaved_why = None

    def fail(self, fault: Exception) -> None:
        self.fault, self.error = fault, str(fault) if isinstance(fault, KullmError) else _bug(fault)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def thinking(self) -> str:
        return "".join(self.thoughts)

    @property
    def is_thinking(self) -> bool:
        """The last that came was a thought."""
        return self.state is None and bool(self.thoughts) and not self.pieces

    @property
    def thinking_seconds(self) -> float | None:
        if self.first is None or not self.thoughts:
            return None
        until = time.monotonic() if self.is_thinking else self.last_thought
        return (until or self.first) - self.first

    def take(self, piece: Said) -> None:
        now = time.monotonic()
        self.first = self.first or now
        if isinstance(piece, Delta):
            self.first_text = self.first_text or now
            self.pieces.append(piece.text)
            return
        self.last_thought = now
        if isinstance(piece, Thought):
            self.thoughts.append(piece.text)
        else:
            self.thoughts, self.pieces = [piece.thinking], [piece.text] if piece.text else []
            self.first_text = now if piece.text else None
            self.resorted += 1

    @property
    def ending(self) -> bool:
        """All was said, or it is being stopped: it only has to be written down."""
        return self.finished is not None or self.stopped

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def measured(self) -> Finished:
        """What can be said of a reply that the other side never finished."""
        from kullm_tui.core.endpoints.endpoint import Finished

        timings = {"client_total_ms": round(self.seconds * 1000, 1)}
        if self.first_text is not None:
            timings["client_first_text_ms"] = round((self.first_text - self.began) * 1000, 1)
        if (thought := self.thinking_seconds) is not None:
            timings["thinking_ms"] = round(thought * 1000, 1)
        return Finished("", timings=timings)


class Reading:
    """How far somebody has read a reply that is on its way."""

    def __init__(self) -> None:
        self._pieces = self._resorted = 0

    def news(self, reply: LiveReply) -> tuple[bool, str]:
        """What came since the last look, and whether it takes the place of all that was read before."""
        anew = reply.resorted != self._resorted
        news = reply.pieces if anew else reply.pieces[self._pieces :]
        self._pieces, self._resorted = len(reply.pieces), reply.resorted
        return anew, "".join(news)


@dataclass(frozen=True)
class ReplyRequest:
    """What is asked, of whom, and where the reply is written down."""

    target: Target
    messages: Sequence[Message]
    decoding: Mapping[str, Any]
    journal: Journal
    thinking: ThinkingWish = "fold"


async def generate(request: ReplyRequest, reply: LiveReply, tell: Callable[[Change], None]) -> None:
    """Runs to the end of the reply. Cancelling it stops the generation and keeps what has arrived."""
    state: FinalState = "failed"
    try:
        await _receive(request, reply, tell)
        state = "complete"
    except asyncio.CancelledError:
        await _to_its_end(_keep(request.journal, reply, "cancelled"))
        _end(reply, "cancelled")
        tell("ended")
        raise
    except Exception as error:  # noqa: BLE001 - the edge of one reply: a bug becomes words, and is kept for a log
        reply.fail(error)
    await _to_its_end(_keep(request.journal, reply, state))  # all was said: a stop that comes now is too late
    _end(reply, state)
    tell("ended")


async def watched(request: ReplyRequest, reply: LiveReply) -> AsyncGenerator[None, None]:
    """Generates it, and says whenever there is something new in the reply. Closing it stops the generation and keeps what has arrived."""
    changed = asyncio.Event()
    generating = asyncio.ensure_future(generate(request, reply, lambda _: changed.set()))
    generating.add_done_callback(lambda _: changed.set())
    try:
        while not generating.done():
            await changed.wait()
            changed.clear()
            yield
        await generating
    finally:
        generating.cancel()
        await asyncio.wait({generating})


async def _receive(request: ReplyRequest, reply: LiveReply, tell: Callable[[Change], None]) -> None:
    # Late: nothing of this is needed before the first question.
    await asyncio.to_thread(_import_exchange)
    from kullm_tui.core.asking.exchange import exchange
    from kullm_tui.core.asking.waiting import waiting_for
    from kullm_tui.core.endpoints.endpoint import Finished

    events = exchange(request.target, request.messages, request.decoding, request.journal, thinking=request.thinking)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Said):
                reply.take(event)
                tell("grew")
            elif isinstance(event, Finished):
                reply.finished = event
            else:
                reply.waiting = waiting_for(event)
                tell("waits")


@cache
def _import_exchange() -> None:
    import kullm_tui.core.asking.exchange  # noqa: F401


async def _to_its_end(keeping: Coroutine[Any, Any, None]) -> None:
    """However often the one who waits is cancelled meanwhile: an app that ends cancels everybody once more."""
    task = asyncio.ensure_future(keeping)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)


async def _keep(journal: Journal, reply: LiveReply, state: FinalState) -> None:
    """A reply that cannot be written down any more was still read: its text stays on the screen, with the reason."""
    finished = _with_limits(reply.finished) if reply.finished else reply.measured()
    reply.unsaved = partial(journal.finish, state, error=reply.error or None, finished=finished)
    try:
        await reply.save()
    except (NoSpace, StoreBusy) as error:
        reply.unsaved_why = error
    except KullmError as error:
        reply.unsaved = None
        reply.fail(error)


def _end(reply: LiveReply, state: FinalState) -> None:
    reply.waiting = ""
    reply.state = "failed" if reply.error else state


def _with_limits(finished: Finished) -> Finished:
    """What was cut off, kept among the measures, so that the thread can tell it again when it is opened later."""
    told = {"dropped_turns": float(finished.dropped_turns), "cut_at_length": float(finished.reason == "length")}
    return replace(finished, timings={**finished.timings, **{name: value for name, value in told.items() if value}})


def _bug(error: Exception) -> str:
    kind = type(error).__name__
    return say(
        f"예상하지 못한 오류가 났어요({kind}).",
        f"Something unexpected went wrong ({kind}: {error}).",
    )
