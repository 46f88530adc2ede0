"""One reply on its way: the exchange is run here, and everything that arrives is kept in one LiveReply.

Widgets come and go while a reply streams, so each asks the LiveReply for what it has not shown yet; nothing is lost or told
twice. This is the interface's worker edge: whatever goes wrong in here becomes a line in the thread, never the end of the app.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal

from kullm_tui.core.asking.thinking import Delta, Said, ThinkingWish, Thought
from kullm_tui.core.errors import KullmError, NoSpace, StoreBusy
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

if TYPE_CHECKING:
    from kullm_tui.core.asking.target import Target
    from kullm_tui.core.endpoints.endpoint import Finished
    from kullm_tui.core.records import Message
    from kullm_tui.core.store.history import Turn
    from kullm_tui.core.store.journal import FinalState, Journal

logger = logging.getLogger(__name__)

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
    finished: Finished | None = None
    began: float = field(default_factory=time.monotonic)
    first: float | None = None  # when something came, a thought or text
    first_text: float | None = None
    last_thought: float | None = None
    unsaved_why: str = ""
    unsaved: Callable[[], None] | None = None  # writes it down; there was no room for it

    async def save(self) -> None:
        """NoSpace or StoreBusy where it still cannot be written down."""
        if self.unsaved is not None:
            await asyncio.to_thread(self.unsaved)
            self.unsaved, self.unsaved_why = None, ""

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


@dataclass(frozen=True)
class Order:
    """What is asked, of whom, and where the reply is written down."""

    target: Target
    messages: Sequence[Message]
    decoding: Mapping[str, Any]
    journal: Journal
    thinking: ThinkingWish = "fold"


async def generate(order: Order, reply: LiveReply, tell: Callable[[Change], None]) -> None:
    """Runs to the end of the reply. Cancelling it stops the generation and keeps what has arrived."""
    state: FinalState = "failed"
    try:
        await _receive(order, reply, tell)
        state = "complete"
    except asyncio.CancelledError:
        await _to_its_end(_keep(order.journal, reply, "cancelled"))
        _end(reply, "cancelled")
        tell("ended")
        raise
    except KullmError as error:
        reply.error = str(error)
    except Exception as error:  # the interface's worker edge: a bug becomes words, and its traceback is kept
        logger.exception("a reply broke")
        reply.error = _bug(error)
    await _keep(order.journal, reply, state)
    _end(reply, state)
    tell("ended")


async def _receive(order: Order, reply: LiveReply, tell: Callable[[Change], None]) -> None:
    # Late: nothing of this is needed before the first question.
    await asyncio.to_thread(_import_exchange)
    from kullm_tui.core.asking.exchange import exchange
    from kullm_tui.core.asking.waiting import waiting_for
    from kullm_tui.core.endpoints.endpoint import Finished

    events = exchange(order.target, order.messages, order.decoding, order.journal, thinking=order.thinking)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Said):
                reply.take(event)
                tell("grew")
            elif isinstance(event, Finished):
                reply.finished = _with_limits(event)
            else:
                reply.waiting = waiting_for(event)
                tell("waits")


@cache
def _import_exchange() -> None:
    """In a thread: the SDK alone takes most of a second. All of it stays for good, so nobody need look through it for garbage."""
    import openai  # noqa: F401

    import kullm_tui.core.asking.exchange  # noqa: F401

    gc.freeze()


async def _to_its_end(keeping: Coroutine[Any, Any, None]) -> None:
    """However often the one who waits is cancelled meanwhile: an app that ends cancels everybody once more."""
    task = asyncio.ensure_future(keeping)
    while not task.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.shield(task)


async def _keep(journal: Journal, reply: LiveReply, state: FinalState) -> None:
    """A reply that cannot be written down any more was still read: its text stays on the screen, with the reason."""
    finished = reply.finished or reply.measured()
    reply.unsaved = partial(journal.finish, state, error=reply.error or None, finished=finished)
    try:
        await reply.save()
    except (NoSpace, StoreBusy) as error:
        again = say("공간이 생기면 자동으로 저장해요.", "It is saved by itself once there is room.")
        reply.unsaved_why = f"{error}\n{again}"
    except KullmError as error:
        reply.unsaved = None
        reply.error = str(error)


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
        f"예상하지 못한 오류가 났어요({kind}). ^r로 다시 물어볼 수 있어요.",
        f"Something unexpected went wrong ({kind}: {error}). ^r asks again.",
    )


def as_ended(turn: Turn, reply: LiveReply) -> Turn:
    """The turn that was written down, with all that was read of it.

    A piece may have been written down just before the stop, and what the disk would not take was read all the same.
    """
    content, thinking = (
        max(kept, nfc(read), key=len) if not reply.resorted else nfc(read)
        for kept, read in ((turn.content, reply.text), (turn.thinking, reply.thinking))
    )
    return replace(
        turn,
        content=content,
        thinking=thinking,
        state=reply.state or "failed",
        error=reply.unsaved_why or reply.error or turn.error,
    )
