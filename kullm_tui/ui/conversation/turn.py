"""One turn of a conversation on the screen: the words on the left, who and when on the right, what is to be said about it below."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widgets._static import Static

from kullm_tui.core.asking.live_reply import LiveReply, Reading
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.core.times import clock
from kullm_tui.ui.conversation.text import facts_of, limits_of, said_of, speaker, waiting_line
from kullm_tui.ui.conversation.thinking import Thinking
from kullm_tui.ui.judge.verdict_card import VerdictCard
from kullm_tui.ui.markdown.reply_view import Reply
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.told import Told

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Turn

# Longer questions (an attached file) are shown folded: laying out a megabyte holds up the whole screen.
_FOLDED_AT = 4000
_FOLDED_LINES = 60
_WIDTH = 22


class Byline(Told):
    """Who spoke, when, and which of several branches this is: `2/3 ‹ ›`, whose arrows can be clicked."""

    @dataclass
    class Switched(Message):
        step: int

    def show(self, name: str, when: str, place: int, count: int) -> None:
        time = plain(f"  {when}")
        lines = [plain(name).truncate(_WIDTH - time.cell_length, ellipsis=True) + time]
        if count > 1:
            lines.append(Content.assemble((f"{place}/{count} ", "$quiet"), ("‹ ›", "$accent")))
        self._arrows = count > 1
        self.set_class(count > 1, "-branches")
        self.tell(Content("\n").join(lines))

    def on_click(self, event: events.Click) -> None:
        if self._arrows and event.y == 1:
            event.stop()
            self.post_message(self.Switched(1 if event.x >= self.size.width - 1 else -1))


class TurnView(Vertical):
    """Without focus of its own: the thread chooses among its turns."""

    DEFAULT_CSS = """
    TurnView { height: auto; padding: 0 1; margin-bottom: 1; border-left: blank $background; }
    TurnView.-chosen { border-left: outer $accent; }
    TurnView.-found { background: $accent 12%; }
    TurnView > Horizontal { height: auto; }
    TurnView .words { width: 1fr; height: auto; }
    TurnView .said { width: 1fr; height: auto; }
    TurnView.-user .said { color: $text; text-style: bold; }
    TurnView .input { width: 1fr; height: auto; color: $quiet; border-left: outer $rule; padding-left: 1; }
    TurnView Byline { width: 22; height: auto; margin-left: 2; text-align: right; color: $quiet; }
    TurnView .facts { color: $quiet; }
    TurnView .said-of { color: $accent; }
    TurnView .limits { color: $warning; }
    TurnView .fault { color: $error; }
    TurnView .hidden { display: none; }
    """

    @dataclass
    class BranchAsked(Message):
        """The reader wants the branch beside this one."""

        turn: Turn
        step: int

    @dataclass
    class Clicked(Message):
        view: TurnView

    def __init__(self, turn: Turn, titles: Mapping[str, str], live: LiveReply | None = None) -> None:
        super().__init__(classes=f"-{turn.role}")
        self.turn = turn
        self._titles = titles
        self.live = live
        self._reading = Reading()
        self._copied_block = -1
        self._composed = False
        # Held by hand: a reply may still tell its state while the turn leaves the screen, its children first.
        self.reply = Reply("" if live else turn.content) if turn.role == "assistant" else None
        self.thinking = Thinking() if turn.role == "assistant" else None
        self.verdicts = VerdictCard() if turn.role == "assistant" else None
        self._byline = Byline()
        self._lines = {name: Told(f"{name} hidden") for name in ("limits", "fault", "said-of", "facts")}

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical(classes="words"):
                yield from self._words()
            yield self._byline
        if self.verdicts:
            yield self.verdicts
        yield from self._lines.values()

    def _words(self) -> ComposeResult:
        turn = self.turn
        if self.reply and self.thinking:
            yield self.thinking
            yield self.reply
        elif turn.role == "system":
            yield Static(_system_line(turn.content), classes="facts system")
        else:
            yield Said(turn.content, classes="said")
            if turn.input:
                yield Said(turn.input, classes="input")

    def on_mount(self) -> None:
        self._composed = True
        self._tell()
        if self.live:
            self.grow()
            self.set_interval(0.5, self._tick)

    @property
    def text(self) -> str:
        """Everything that was said in this turn, as far as it has arrived."""
        return terminal_safe(self.live.text) if self.live else terminal_safe(self.turn.content)

    def next_code(self) -> str:
        """A code block of the reply; asked again, the next one. Empty where there is none."""
        blocks = self.reply.code_blocks() if self.reply else []
        if not blocks:
            return ""
        self._copied_block = (self._copied_block + 1) % len(blocks)
        return blocks[self._copied_block]

    @property
    def has_code(self) -> bool:
        return bool(self.reply and self.reply.code_blocks())

    def grow(self) -> None:
        """Show what has arrived since the last look."""
        if self.live is None or not self._composed:
            return
        anew, news = self._reading.news(self.live)
        if anew and self.reply:
            self.reply.begin_anew()
        if news and self.reply:
            self.reply.append(news)
        self._tell()

    async def settle(self, turn: Turn) -> None:
        """The reply is over and written down: what the store says of it is shown from here on."""
        was_live, self.live = self.live, None
        was_told, self.turn = self.turn.content, turn
        if was_live and self.reply:
            anew, news = self._reading.news(was_live)
            if news and not anew:
                self.reply.append(news)
        if self.reply and (was_live or was_told != turn.content):
            await self.reply.finish(turn.content)
        self._tell()

    async def update_turn(self, turn: Turn) -> None:
        """The same turn, read again: branches may have come beside it, and a reply may have ended."""
        if turn == self.turn:
            return
        if self.live:
            self.turn = turn
            self._tell()
        else:
            await self.settle(turn)

    def relabel(self) -> None:
        self._tell()
        for line in self.query(".system").results(Static):
            line.update(_system_line(self.turn.content))

    def _tick(self) -> None:
        if self.live:
            self._tell()

    def _tell(self) -> None:
        if not self._composed:
            return
        turn = self.turn
        name = speaker(turn, self._titles)
        siblings = turn.siblings
        place = siblings.index(turn.id) + 1 if turn.id in siblings else 1
        self._byline.show(name, clock(turn.created), place, len(siblings))
        if turn.role == "assistant":
            self._tell_outcome()

    def _tell_thinking(self) -> None:
        if self.thinking is None:
            return
        if self.live:
            self.thinking.show(self.live.thinking, self.live.thinking_seconds, goes_on=self.live.is_thinking)
        else:
            lasted = self.turn.timings.get("thinking_ms")
            self.thinking.show(self.turn.thinking, None if lasted is None else lasted / 1000)

    def _tell_outcome(self) -> None:
        self._tell_thinking()
        if self.live and self.live.state is None:
            self._line("facts", waiting_line(self.live))
            return
        error = (self.live.error if self.live else self.turn.error) or ""
        failed = bool(error) or self.turn.state == "failed"
        self._line("fault", _fault_line(error) if failed else "")
        self._line("limits", "\n".join(limits_of(self.turn)))
        self._line("said-of", said_of(self.turn))
        self._line("facts", facts_of(self.turn) if not failed or self.turn.content else "")

    def _line(self, name: str, text: str) -> None:
        line = self._lines[name]
        line.set_class(not text, "hidden")
        if text:
            line.tell(plain(text))

    @on(Byline.Switched)
    def _switch(self, event: Byline.Switched) -> None:
        event.stop()
        self.post_message(self.BranchAsked(self.turn, event.step))

    def on_click(self) -> None:
        self.post_message(self.Clicked(self))


class Said(Static):
    """What a person wrote, as they wrote it; a long text folded, with a line that unfolds it."""

    def __init__(self, text: str, *, classes: str) -> None:
        super().__init__(classes=classes, markup=False)
        self._text = text
        self._folded = len(text) > _FOLDED_AT or text.count("\n") >= _FOLDED_LINES

    def on_mount(self) -> None:
        self._show()

    def on_click(self) -> None:
        if self._folded and len(self._text) <= _FOLDED_AT * 50:
            self._folded = False
            self._show()

    def relabel(self) -> None:
        self._show()

    def _show(self) -> None:
        if not self._folded:
            self.update(plain(self._text))
            return
        head = "\n".join(self._text[:_FOLDED_AT].splitlines()[: _FOLDED_LINES - 1])
        rest = len(self._text) - len(head)
        note = say(f"… {rest:,}자를 접었어요 (누르면 펼쳐요)", f"… {rest:,} characters folded (click to unfold)")
        self.update(Content("\n").join([plain(head), Content.styled(note, Style(dim=True))]))


def _system_line(content: str) -> Content:
    if not content.strip():
        return Content(say("시스템 프롬프트를 비웠어요.", "The system prompt was emptied."))
    line = " ".join(terminal_safe(content[:400]).split())
    return plain(line).truncate(160, ellipsis=True)


def _fault_line(error: str) -> str:
    what = error or say("답이 도중에 끊겼어요.", "The reply broke off.")
    return f"✗ {what}\n  {say('^r 다시 물어보기 · F8 다른 모델', '^r asks again · F8 another model')}"
