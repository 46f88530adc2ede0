"""Who is compared: two to four of everything that can answer here, or a set that was compared before. Type to filter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets._button import Button
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.store.contestant import FEWEST, MOST, Contestant
from kullm_tui.core.text import nfc
from kullm_tui.ui.compare.lineup import DEMOS, Lineup
from kullm_tui.ui.compare.text import name_of
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.models.choices import Answerer, Group, answerers, as_typed, headings
from kullm_tui.ui.models.picker_dialog import line_of
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.button import name_button
from kullm_tui.ui.widgets.row_list import Heading, Row, Rows

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host

_RECENT = 4
_LOOKED_AT = 40  # earlier comparisons


@dataclass(frozen=True)
class Candidate:
    answerer: Answerer
    number: int | None  # the place among the chosen, from 1
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        mark = Content.styled(f" {self.number} ", "$accent bold") if self.number else Content(" · ").stylize("$quiet")
        return line_of(self.answerer, mark, width)


@dataclass(frozen=True)
class Together:
    """A set that was compared before."""

    contestants: tuple[Contestant, ...]
    names: str
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        return Content.assemble(" ▸ ", plain(self.names).truncate(max(1, width - 4), ellipsis=True))


class ContestantsScreen(Dialog[Lineup]):
    """The lineup that was chosen; None where it was closed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "into_list", show=False),
        Binding("space", "take", show=False),
        Binding("ctrl+l", "blind", show=False),
        Binding("f2", "keep", show=False),
    ]
    CSS = """
    ContestantsScreen .dialog { width: 96; height: 90%; padding: 1 2; }
    ContestantsScreen #chosen { height: auto; max-height: 2; color: $accent; }
    ContestantsScreen #plan { height: auto; max-height: 2; color: $quiet; }
    ContestantsScreen Input { margin: 1 0; }
    ContestantsScreen .hint { color: $quiet; height: 1; }
    """

    def __init__(self, lineup: Lineup) -> None:
        super().__init__()
        self._lineup = lineup
        self._found: Sequence[Answerer] = ()
        self._sets: Sequence[tuple[Contestant, ...]] = ()
        self._titles: Mapping[str, str] = {}

    def compose(self) -> ComposeResult:
        asked = say(f"누구를 비교할까요? {FEWEST}~{MOST}개", f"Who is compared? {FEWEST} to {MOST}")
        with Vertical(classes="dialog"):
            yield Static(asked, markup=False)
            yield Static(id="chosen", markup=False)
            yield Static(say("살펴보는 중", "looking"), id="plan", markup=False)
            yield Input(
                placeholder=say(
                    "찾기 · 이름, 저장소, 폴더, 엔드포인트/모델", "filter · name, repository, folder, endpoint/model"
                )
            )
            yield Rows()
            yield Static(
                say(
                    "⏎ 넣고 빼기   F2 이대로   ^L 이름 가리기   esc 취소",
                    "⏎ in or out   F2 keep   ^L blind   esc cancel",
                ),
                classes="hint",
                markup=False,
            )
            with Horizontal(classes="dialog--buttons"):
                yield Button("", id="blind")
                yield Button("", id="keep")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._tell()
        self.run_worker(self._look(), exit_on_error=False)

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    async def _look(self) -> None:
        try:
            found = await asyncio.to_thread(answerers, self.host.config)
            store = await self.host.opened()
            earlier = await asyncio.to_thread(store.comparisons.latest, _LOOKED_AT)
        except KullmError as error:
            self.query_one("#plan", Static).update(plain(str(error)))
            return
        self._found = [row for row in found.rows if row.group != "missing"]
        self._titles = {row.model: row.title for row in found.rows if not row.adapter}
        # In the order of the shuffle they would tell who was who.
        sets = [tuple(sorted((one.contestant for one in past.columns), key=lambda c: c.label)) for past in earlier]
        self._sets = list(dict.fromkeys([*sets, DEMOS]))[:_RECENT]
        self._changed()

    # -- the list ------------------------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _filter(self) -> None:
        self._list(keep=False)

    def _list(self, *, keep: bool) -> None:
        rows = self.query_one(Rows)
        typed = nfc(self.query_one(Input).value).strip()
        words = typed.lower().split()
        shown: list[Row] = [] if words else self._set_rows()
        for group, heading in _headings().items():
            members = [
                Candidate(one, self._number(one)) for one in self._found if one.group == group and one.matches(words)
            ]
            shown += [Heading(heading), *members] if members else []
        if not shown and typed:
            shown = [Candidate(as_typed(typed), None)]
        first = next((place for place, row in enumerate(shown) if isinstance(row, Candidate)), None)
        rows.show(shown, rows.chosen if keep and rows.chosen is not None else first)

    def _set_rows(self) -> list[Row]:
        rows: list[Row] = [Together(one, self._named(one)) for one in self._sets]
        return [Heading(say("지난 구성", "Compared before")), *rows] if rows else []

    def _named(self, contestants: Sequence[Contestant]) -> str:
        return ", ".join(name_of(one, self._titles) for one in contestants)

    def _number(self, one: Answerer) -> int | None:
        contestant = Contestant(one.model, one.adapter)
        chosen = self._lineup.contestants
        return chosen.index(contestant) + 1 if contestant in chosen else None

    # -- choosing ------------------------------------------------------------------------------------------------------

    @on(Rows.Taken)
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        row = event.rows.rows[event.index]
        if isinstance(row, Together):
            self._lineup = replace(self._lineup, contestants=row.contestants)
            self._changed()
        elif isinstance(row, Candidate):
            self._run(partial(self._toggle, row.answerer), group="toggle")

    async def _toggle(self, one: Answerer) -> None:
        contestant = await self._contestant(one)
        if contestant is None:
            return
        before = self._lineup
        self._lineup = before.toggled(contestant)
        if self._lineup == before:
            self.app.notify(say(f"{MOST}개까지 비교할 수 있어요.", f"At most {MOST} are compared."), markup=False)
        self.query_one(Input).value = ""
        self._changed()

    async def _contestant(self, one: Answerer) -> Contestant | None:
        """What has no whole name yet is asked for."""
        from kullm_tui.ui.dialogs.ask import AskLine

        if one.model and not one.model.endswith("/"):
            return Contestant(one.model, one.adapter)
        asked = (
            say(f"{one.title}의 어떤 모델인가요?", f"Which model of {one.title}?")
            if one.model
            else say(f"{one.title}: 어느 모델 위에 올릴까요?", f"{one.title}: over which model?")
        )
        line = await self.app.push_screen_wait(
            AskLine(
                asked,
                button=say("넣기", "Add"),
                placeholder="gpt-4o-mini" if one.model else "kullm-5.8b",
                fault=lambda line: None if line else say("이름이 비어 있어요.", "The name is empty."),
            )
        )
        return Contestant(f"{one.model}{line}", one.adapter) if line else None

    def _changed(self) -> None:
        self._list(keep=True)
        self._tell()
        self._run(partial(self._plan, self._lineup), group="plan")

    def _run(self, work: Callable[[], Awaitable[None]], *, group: str) -> None:
        """What is newer ends what is older, perhaps before that has begun."""
        self.run_worker(work, group=group, exclusive=True, exit_on_error=False)

    async def _plan(self, lineup: Lineup) -> None:
        line = self.query_one("#plan", Static)
        if not lineup.is_whole:
            line.update(Content(say(f"{FEWEST}개 이상 골라 주세요.", f"Choose at least {FEWEST}.")))
            return
        from kullm_tui.core.compare.schedule import plan_contest

        plan = await asyncio.to_thread(plan_contest, lineup.contestants, self.host.config)
        line.update(plain(plan.why))

    def _tell(self) -> None:
        chosen = "  ".join(
            f"{number} {name_of(one, self._titles)}" for number, one in enumerate(self._lineup.contestants, start=1)
        )
        self.query_one("#chosen", Static).update(plain(chosen))
        blind, keep = self.query_one("#blind", Button), self.query_one("#keep", Button)
        name_button(blind, f"{'●' if self._lineup.blind else '○'} {say('이름 가리기', 'blind')}")
        count = len(self._lineup.contestants)
        name_button(keep, say(f"이 {count}개를 비교하기", f"Compare these {count}"))
        keep.disabled = not self._lineup.is_whole

    # -- keys ----------------------------------------------------------------------------------------------------------

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        """Enter takes what was looked for; with nothing typed it keeps the lineup."""
        event.stop()
        if self.query_one(Input).value.strip():
            self.query_one(Rows).action_take()
        else:
            self.action_keep()

    def action_take(self) -> None:
        self.query_one(Rows).action_take()

    def action_into_list(self) -> None:
        self.query_one(Rows).focus()

    @on(Rows.LeftAtTop)
    def _to_filter(self) -> None:
        self.query_one(Input).focus()

    @on(Button.Pressed, "#blind")
    def action_blind(self) -> None:
        self._lineup = replace(self._lineup, blind=not self._lineup.blind)
        self._tell()

    @on(Button.Pressed, "#keep")
    def action_keep(self) -> None:
        if self._lineup.is_whole:
            self.dismiss(self._lineup)


def _headings() -> dict[Group, str]:
    return {
        **headings(),
        "here": say("이 컴퓨터 (F5에서 더 내려받을 수 있어요)", "On this machine (F5 downloads more)"),
    }
