"""Another model or adapter for this conversation: what can answer here, what it needs, what is loaded. Type to filter."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.memory import Memory
from kullm_tui.core.models.registration import register_endpoint
from kullm_tui.core.text import nfc, size_text
from kullm_tui.ui.background import Fault, begin
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.models.choices import (
    Answerer,
    Answerers,
    Group,
    ModelChoice,
    answerers,
    as_typed,
    at_endpoint,
    endpoint_of,
    headings,
)
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.row_list import Heading, Row, Rows

if TYPE_CHECKING:
    from kullm_tui.ui.models.host import ModelsHost

_NAME_CELLS, _NEED_CELLS = 26, 9
_NOTHING = Content("")


@dataclass(frozen=True)
class Choice:
    answerer: Answerer
    now: bool
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        mark = Content.styled("▌" if self.now else " ", "$accent")
        state = say("올라와 있음", "loaded") if self.answerer.loaded else ""
        return line_of(self.answerer, mark, width, state=Content.assemble("  ", (state, "$success")))


def line_of(one: Answerer, mark: Content, width: int, *, state: Content = _NOTHING) -> Content:
    """Its name, as much of the rest as there is room for, and what it needs."""
    need = (size_text(one.need) if one.need else "").rjust(_NEED_CELLS)
    right = Content.assemble(state, "  ", (need, "$quiet" if one.fits else "$warning"), " ")
    name = plain(one.title).truncate(_NAME_CELLS, ellipsis=True, pad=True)
    room = max(0, width - mark.cell_length - right.cell_length - name.cell_length - 2)
    detail = Content(safe_line(one.detail)).truncate(room, ellipsis=True, pad=True)
    return Content.assemble(mark, name, "  ", detail.stylize("$quiet"), right)


class SwitcherScreen(Dialog[ModelChoice]):
    """The model that was chosen; None where none was."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", show=False),
        Binding("f8", "cancel", show=False),
        Binding("f5", "browse", show=False),
    ]
    CSS = """
    SwitcherScreen .dialog { width: 92; height: 90%; padding: 1 2; }
    SwitcherScreen Input { margin: 0 0 1 0; }
    SwitcherScreen #memory { color: $quiet; height: 1; }
    SwitcherScreen #asking { color: $quiet; height: auto; max-height: 3; display: none; }
    SwitcherScreen #asking.-told { display: block; }
    SwitcherScreen #asking.-error { color: $error; }
    SwitcherScreen KeyBar { background: transparent; padding: 0; }
    """

    def __init__(self, chosen: ModelChoice) -> None:
        super().__init__()
        self._chosen = chosen
        self._found: Answerers | None = None
        self._taken_early = False  # enter was pressed before anything was found
        self._opened: dict[str, tuple[Answerer, ...]] = {}  # what the endpoints offer whose models are listed
        self._around: dict[str, EndpointSettings] = {}  # servers of this machine that nobody has registered yet

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield Static(say("누구에게 물을까요?", "Who should answer?"), markup=False)
            yield Static(say("살펴보는 중", "looking"), id="memory", markup=False)
            yield Input(
                placeholder=say(
                    "찾기 · 이름, 저장소, 폴더, 엔드포인트/모델", "filter · name, repository, folder, endpoint/model"
                )
            )
            yield Rows(id="choices")
            yield Static(id="asking", markup=False)
            yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        begin(self, self._look, self._failed, group="look")

    @property
    def host(self) -> ModelsHost:
        return cast("ModelsHost", self.app)

    async def _look(self) -> None:
        try:
            self._found = await asyncio.to_thread(answerers, self.host.config)
        except KullmError as error:
            self.query_one("#memory", Static).update(plain(str(error)))
            return
        self.query_one("#memory", Static).update(_memory_line(self._found.memory))
        self._list()
        if self._taken_early:
            self.query_one(Rows).action_take()
            return
        begin(self, self._look_around, self._failed, group="around")
        here = endpoint_of(self._chosen.model, self.host.config.endpoints)
        if here:
            begin(self, partial(self._open_endpoint, here), self._failed, group="asking")

    async def _look_around(self) -> None:
        """Other servers of this machine, while its user reads what there is already."""
        for server in await self.host.endpoint_models.look_around(self.host.config.endpoints):
            self._around[server.settings.name] = server.settings
            self._opened[server.settings.name] = tuple(
                at_endpoint(server.settings, model, f"{server.title} · {server.settings.base_url}")
                for model in server.models
            )
            self._list()

    async def _open_endpoint(self, endpoint: EndpointSettings, *, go_there: bool = False) -> None:
        """What it offers, asked once, listed under its name."""
        name = safe_line(endpoint.name)
        if self.host.endpoint_models.known(endpoint) is None:
            self._tell(say(f"{name} 엔드포인트에 모델을 물어보고 있어요.", f"Asking {name} for its models."))
        try:
            models = await self.host.endpoint_models.ask(endpoint)
        except KullmError as error:
            hint = say(f"{name}/모델이름을 적어서 쓸 수 있어요.", f"Type {name}/MODEL to use one all the same.")
            self._tell(f"{error} {hint}", error=True)
            return
        self._tell("" if models else say(f"{name}: 제공하는 모델이 없어요.", f"{name} offers no model."))
        self._opened[endpoint.name] = tuple(at_endpoint(endpoint, model) for model in models)
        self._list(first_of=endpoint.name if go_there else "")

    def _tell(self, text: str, *, error: bool = False) -> None:
        line = self.query_one("#asking", Static)
        line.update(plain(text))
        line.set_class(bool(text), "-told").set_class(error, "-error")

    def _failed(self, error: Fault) -> None:
        self._tell(str(error), error=True)

    @on(Input.Changed)
    def _typed(self) -> None:
        self._list()

    def _list(self, *, first_of: str = "") -> None:
        """What there is, narrowed by what was typed; the choice goes to the first model of an endpoint where one was opened."""
        if self._found is None:
            return
        before = self._chosen_model
        typed = nfc(self.query_one(Input).value).strip()
        words = typed.lower().split()
        rows: list[Row] = []
        for heading, members in self._groups():
            shown = [Choice(row, self._is_now(row)) for row in members if row.matches(words)]
            rows += [Heading(heading), *shown] if shown else []
        listed = any(isinstance(row, Choice) and row.answerer.model == typed for row in rows)
        if typed and not listed and (not rows or self._names_a_model_there(typed)):
            rows.append(Choice(as_typed(typed), now=False))
        place = _place_of(rows, f"{first_of}/" if first_of else before)
        self.query_one(Rows).show(rows, _place_to_begin(rows, filtered=bool(words)) if place is None else place)

    def _groups(self) -> Iterator[tuple[str, Sequence[Answerer]]]:
        assert self._found
        for group, heading in _headings().items():
            if group == "missing":
                yield from self._opened.items()
            yield heading, [row for row in self._found.rows if row.group == group]

    def _names_a_model_there(self, typed: str) -> bool:
        """An endpoint may serve what it does not list, so that whatever is typed behind its name can be used."""
        return bool(typed.partition("/")[2] and endpoint_of(typed, self.host.config.endpoints))

    @property
    def _chosen_model(self) -> str:
        rows = self.query_one(Rows)
        row = rows.rows[rows.chosen] if rows.chosen is not None else None
        return row.answerer.model if isinstance(row, Choice) and not self.query_one(Input).value else ""

    def _is_now(self, row: Answerer) -> bool:
        return row.model == self._chosen.model and row.adapter == self._chosen.adapter

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
            endpoint = endpoint_of(chosen.model, self.host.config.endpoints)
            if endpoint:
                self.query_one(Input).value = ""
                begin(
                    self,
                    partial(self._open_endpoint, endpoint, go_there=True),
                    self._failed,
                    group="asking",
                    exclusive=True,
                )
        elif chosen.model.partition("/")[0] in self._around:
            begin(self, partial(self._take_in, chosen), self._failed, group="taking", exclusive=True)
        else:
            self._dismiss_with(chosen)

    def _dismiss_with(self, chosen: Answerer) -> None:
        model = chosen.model or self._chosen.model
        self.dismiss(ModelChoice(model, chosen.adapter))

    async def _take_in(self, chosen: Answerer) -> None:
        """A server that was found here becomes an endpoint of the configuration, so that the name holds from now on."""
        settings = self._around[chosen.model.partition("/")[0]]
        await asyncio.to_thread(register_endpoint, settings.name, settings.base_url, "")
        config = self.host.config
        self.host.config = replace(config, endpoints=(*config.endpoints, settings))
        self._dismiss_with(chosen)

    async def action_browse(self) -> None:
        self.dismiss(None)
        await self.app.run_action("app.models")

    def action_accept(self) -> None:
        self._taken_early = self._found is None
        self.query_one(Rows).action_take()


def _headings() -> dict[Group, str]:
    return {**headings(), "missing": say("내려받지 않음 (⏎ 모델 찾아보기)", "Not downloaded (⏎ browse models)")}


def _place_to_begin(rows: list[Row], *, filtered: bool) -> int | None:
    """What answers now; while filtering, the first that is left."""
    now = next((place for place, row in enumerate(rows) if isinstance(row, Choice) and row.now), None)
    if now is not None and not filtered:
        return now
    return next((place for place, row in enumerate(rows) if row.choosable), None)


def _place_of(rows: Sequence[Row], model: str) -> int | None:
    """The row of this model, or of the first of an endpoint's."""
    if not model:
        return None
    choices = [(place, row.answerer.model) for place, row in enumerate(rows) if isinstance(row, Choice)]
    exact = next((place for place, name in choices if name == model and not model.endswith("/")), None)
    inside = (place for place, name in choices if model.endswith("/") and name.startswith(model) and name != model)
    return exact if exact is not None else next(inside, None)


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
