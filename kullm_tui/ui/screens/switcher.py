"""Another model or adapter for this conversation: what can answer here, what it needs, what is loaded. Type to filter."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.memory import Memory
from kullm_tui.core.text import nfc, size_text
from kullm_tui.ui.answerers import Answerer, Answerers, Group, answerers
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.places import DIALOG, bindings
from kullm_tui.ui.plain import plain, safe_line
from kullm_tui.ui.session import Session
from kullm_tui.ui.widgets.keybar import KeyBar
from kullm_tui.ui.widgets.rows import Heading, Row, Rows

_NEED_WIDTH = 9


@dataclass(frozen=True)
class Choice:
    answerer: Answerer
    now: bool
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        one = self.answerer
        mark = "▌" if self.now else " "
        state = say("올라와 있음", "loaded") if one.loaded else ""
        need = (size_text(one.need) if one.need else "").rjust(_NEED_WIDTH)
        right = Content.assemble("  ", (state, "$success"), "  ", (need, "$warning" if not one.fits else "$quiet"), " ")
        name = plain(one.title).truncate(26, ellipsis=True, pad=True)
        room = max(0, width - right.cell_length - name.cell_length - 3)
        detail = Content(safe_line(one.detail)).truncate(room, ellipsis=True, pad=True)
        return Content.assemble((mark, "$accent"), name, "  ", detail.stylize("$quiet"), right)


class SwitcherScreen(ModalScreen[Session | None]):
    """The session with the model that was chosen; None where none was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(DIALOG),
        Binding("down", "into_list", show=False),
        Binding("f8", "cancel", show=False),
        Binding("f5", "browse", show=False),
    ]
    CSS = """
    SwitcherScreen .dialog { width: 92; height: 90%; padding: 1 2; }
    SwitcherScreen Input { margin: 0 0 1 0; }
    SwitcherScreen #memory { color: $quiet; height: 1; }
    SwitcherScreen KeyBar { background: transparent; padding: 0; }
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._found: Answerers | None = None
        self._taken_early = False  # enter was pressed before anything was found

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("누구에게 물을까요?", "Who should answer?"), classes="dialog--question", markup=False)
            yield Static(say("살펴보는 중", "looking"), id="memory", markup=False)
            yield Input(
                placeholder=say(
                    "찾기 · 이름, 저장소, 폴더, 엔드포인트/모델", "filter · name, repository, folder, endpoint/model"
                )
            )
            yield Rows(id="choices")
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.run_worker(self._look(), exit_on_error=False)

    async def _look(self) -> None:
        assert isinstance(self.app, KullmApp)
        try:
            self._found = await asyncio.to_thread(answerers, self.app.config)
        except KullmError as error:
            self.query_one("#memory", Static).update(plain(str(error)))
            return
        self.query_one("#memory", Static).update(_memory_line(self._found.memory))
        self._list()
        if self._taken_early:
            self.query_one(Rows).action_take()

    @on(Input.Changed)
    def _list(self) -> None:
        if self._found is None:
            return
        typed = nfc(self.query_one(Input).value).strip()
        words = typed.lower().split()
        chosen = [row for row in self._found.rows if all(word in row.searched for word in words)]
        rows: list[Row] = []
        for group, heading in _headings().items():
            members = [Choice(row, self._is_now(row)) for row in chosen if row.group == group]
            rows += [Heading(heading), *members] if members else []
        if not rows and typed:
            rows = [Choice(_as_typed(typed), now=False)]
        self.query_one(Rows).show(rows, _place_to_begin(rows, filtered=bool(words)))

    def _is_now(self, row: Answerer) -> bool:
        return row.model == self._session.model and row.adapter == self._session.adapter

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    def action_into_list(self) -> None:
        rows = self.query_one(Rows)
        rows.focus()
        rows.action_move(1)

    @on(Rows.LeftAtTop)
    def _to_filter(self) -> None:
        self.query_one(Input).focus()

    @on(Rows.Taken)
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        row = event.rows.rows[event.index]
        if isinstance(row, Choice):
            self._choose(row.answerer)

    def _choose(self, chosen: Answerer) -> None:
        if chosen.group == "missing":
            self.run_worker(self.action_browse(), exit_on_error=False)
        elif chosen.model.endswith("/"):
            self.run_worker(self._choose_at_endpoint(chosen), exit_on_error=False)
        else:
            model = chosen.model or self._session.model
            self.dismiss(replace(self._session, model=model, adapter=chosen.adapter))

    async def _choose_at_endpoint(self, chosen: Answerer) -> None:
        """A configured endpoint has no list of models of its own here: its user names one."""
        from kullm_tui.ui.screens.ask import AskLine

        model = await self.app.push_screen_wait(
            AskLine(
                say(f"{chosen.title}의 어떤 모델에게 물을까요?", f"Which model of {chosen.title}?"),
                button=say("이 모델 쓰기", "Use it"),
                placeholder="gpt-4o-mini",
                fault=lambda line: None if line else say("이름이 비어 있어요.", "The name is empty."),
            )
        )
        if model:
            self.dismiss(replace(self._session, model=f"{chosen.model}{model}", adapter=""))

    async def action_browse(self) -> None:
        self.dismiss(None)
        await self.app.run_action("app.models")

    def action_accept(self) -> None:
        self._taken_early = self._found is None
        self.query_one(Rows).action_take()

    def action_cancel(self) -> None:
        self.dismiss(None)


def _headings() -> dict[Group, str]:
    return {
        "here": say("이 컴퓨터", "On this machine"),
        "adapter": say("어댑터", "Adapters"),
        "endpoint": say("엔드포인트", "Endpoints"),
        "missing": say("내려받지 않음 (⏎ 모델 찾아보기)", "Not downloaded (⏎ browse models)"),
    }


def _place_to_begin(rows: list[Row], *, filtered: bool) -> int | None:
    """What answers now; while filtering, the first that is left."""
    now = next((place for place, row in enumerate(rows) if isinstance(row, Choice) and row.now), None)
    if now is not None and not filtered:
        return now
    return next((place for place, row in enumerate(rows) if row.choosable), None)


def _as_typed(typed: str) -> Answerer:
    detail = say("적은 이름 그대로 쓰기", "use the name as typed")
    return Answerer("here", typed, "", typed, detail, None, loaded=False, fits=True)


def _memory_line(memory: Memory) -> Content:
    device = "GPU" if memory.device == "gpu" else say("메모리", "memory")
    total = size_text(memory.total)
    if memory.free is None:
        return Content(f"{device} {total}")
    return Content(
        say(
            f"{device} {total} 중 {size_text(memory.free)} 비어 있음",
            f"{device}: {size_text(memory.free)} of {total} free",
        )
    )
