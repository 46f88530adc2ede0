"""The real prompt: the exact text that the model reads, every other token shaded, and what is to be known about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.text import terminal_safe
from kullm_tui.ui.conversation.settings import Session
from kullm_tui.ui.keymap import DIALOG, bindings
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.gauge import Gauge
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import EndpointSettings
    from kullm_tui.core.models.preview import Preview
    from kullm_tui.ui.host import Host

_MOST_PIECES = 20_000  # what is laid out at once; a longer prompt is shown by its beginning and its end


class PromptScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(DIALOG),
        Binding("f9", "cancel", show=False),
        Binding("c", "copy", show=False),
    ]
    DEFAULT_CSS = """
    PromptScreen #facts { height: auto; padding: 0 2; color: $quiet; }
    PromptScreen #notes { height: auto; padding: 0 2; color: $warning; display: none; }
    PromptScreen #notes.-shown { display: block; }
    PromptScreen VerticalScroll { height: 1fr; padding: 1 2; border-top: solid $rule; margin-top: 1; }
    PromptScreen #text { height: auto; }
    PromptScreen #foot { height: 1; border: none; }
    PromptScreen Gauge { margin: 0 1; }
    PromptScreen .prompt-view--token { background: $accent 22%; }
    PromptScreen .prompt-view--mark { color: $quiet; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"prompt-view--token", "prompt-view--mark"}

    def __init__(self, session: Session, messages: Sequence[Message]) -> None:
        super().__init__()
        self._session = session
        self._messages = messages
        self._text = ""

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, say("실제 프롬프트", "Real prompt"))
        yield Static(
            say("토크나이저를 읽는 중 · esc 닫기", "reading the tokenizer · esc closes"), id="facts", markup=False
        )
        yield Static(id="notes", markup=False)
        with VerticalScroll(can_focus=True):
            yield Static(id="text", markup=False)
        with Horizontal(id="foot"):
            yield KeyBar()
            yield Gauge()

    def on_mount(self) -> None:
        self.query_one(VerticalScroll).focus()
        self.run_worker(self._read(), group="real prompt", exit_on_error=False)

    async def _read(self) -> None:
        if not any(message.role == "user" for message in self._messages):
            self.query_one("#facts", Static).update(
                say("아직 질문이 없어요. 질문을 쓰고 F9를 눌러 보세요.", "No question yet. Type one and press F9.")
            )
            return
        try:
            found = await asyncio.to_thread(_preview, self._session, self._messages, self.host.config.endpoints)
        except KullmError as error:
            self._warn([str(error)])
            self.query_one("#facts", Static).update("")
            return
        self._show(found)

    def _show(self, found: Preview) -> None:
        told = list(found.notes)
        if found.dropped_turns:
            told.insert(
                0,
                say(
                    f"문맥에 다 들어가지 않아 앞의 문답 {found.dropped_turns}개를 빼고 보내요.",
                    f"The context is too small: the first {found.dropped_turns} turns are left out.",
                ),
            )
        self._warn(told)
        text = self.query_one("#text", Static)
        if found.pieces:
            self._text = "".join(found.pieces)
            facts = say(
                f"{len(found.pieces):,}토큰 · 템플릿 {found.template} · 칸마다 한 토큰 · c 복사",
                f"{len(found.pieces):,} tokens · template {found.template} · one shade a token · c copies",
            )
            text.update(self._shaded(found.pieces))
            self.query_one(Gauge).show(len(found.pieces), found.context)
        elif found.text:
            self._text = found.text
            facts = say(
                f"템플릿 {found.template} · 토큰 경계는 모델을 내려받은 뒤에 표시해요 · c 복사",
                f"template {found.template} · tokens are shown once the model is downloaded · c copies",
            )
            text.update(plain(found.text))
        else:
            self._text = "\n\n".join(f"[{one.role}]\n{one.content}" for one in found.messages)
            facts = say(f"메시지 {len(found.messages)}개 · c 복사", f"{len(found.messages)} messages · c copies")
            text.update(self._as_messages(found.messages))
        self.query_one("#facts", Static).update(plain(facts))

    def _warn(self, notes: Sequence[str]) -> None:
        line = self.query_one("#notes", Static)
        line.set_class(bool(notes), "-shown")
        line.update(plain("\n".join(notes)))

    def _shaded(self, pieces: Sequence[str]) -> Content:
        """Every other token on a shade; a line's end is told, so that an empty token can be seen."""
        token = self.get_visual_style("prompt-view--token", partial=True)
        mark = self.get_visual_style("prompt-view--mark", partial=True)
        parts: list[Content] = []
        for place, piece in enumerate(_shortened(pieces)):
            safe = terminal_safe(piece)
            content = Content(safe.replace("\n", "↵\n"))
            if place % 2:
                content = content.stylize(token)
            if "\n" in safe:
                content = content.highlight_regex("↵", style=mark)
            parts.append(content)
        return Content("").join(parts)

    def _as_messages(self, messages: Sequence[Message]) -> Content:
        parts = []
        for message in messages:
            extra = f"\n\n{message.input}" if message.input else ""
            parts.append(Content.assemble((message.role, "$accent bold"), "\n", plain(message.content + extra)))
        return Content("\n\n").join(parts)

    async def action_copy(self) -> None:
        from kullm_tui.ui.terminal.clipboard import copy

        self.app.notify(plain(await copy(self.app, self._text)).plain, timeout=3, markup=False)

    def action_accept(self) -> None:
        self.dismiss()

    def action_cancel(self) -> None:
        self.dismiss()


def _preview(session: Session, messages: Sequence[Message], endpoints: Sequence[EndpointSettings]) -> Preview:
    """In a thread: it reads the tokenizer, whose library is imported only here."""
    from kullm_tui.core.asking.target import split_adapter
    from kullm_tui.core.models.preview import preview

    model, adapter = split_adapter(session.model, endpoints, apart=session.adapter)
    return preview(model, messages, endpoints, adapter=adapter, max_tokens=session.decoding.get("max_tokens"))


def _shortened(pieces: Sequence[str]) -> Sequence[str]:
    if len(pieces) <= _MOST_PIECES:
        return pieces
    half = _MOST_PIECES // 2
    left_out = say(f"\n\n… {len(pieces) - 2 * half:,}토큰 …\n\n", f"\n\n… {len(pieces) - 2 * half:,} tokens …\n\n")
    return [*pieces[:half], left_out, *pieces[-half:]]
