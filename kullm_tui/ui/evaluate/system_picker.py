"""Which systems are evaluated: models, adapters and endpoints that can answer here, a name typed in, or a file of answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message

from evaluator.preparation import Pick
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from kullm_tui.ui.keymap import SYSTEMS, bindings
from kullm_tui.ui.models.choices import Answerer, headings
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.cells import cell
from kullm_tui.ui.widgets.row_list import Heading, Row, Rows

_NAME_CELLS = 30
_NEED_CELLS = 9
Adding = Literal["name", "file"]


@dataclass(frozen=True)
class PickRow:
    pick: Pick
    chosen: int  # its place among the chosen, from 1; 0: not chosen
    detail: str
    need: int | None = None
    fits: bool = True
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        mark = Content.styled(f"[{self.chosen}]", "$accent") if self.chosen else Content.styled("[ ]", "$quiet")
        need = (size_text(self.need) if self.need else "").rjust(_NEED_CELLS)
        name = cell(safe_line(self.pick.title), _NAME_CELLS)
        room = max(0, width - mark.cell_length - _NAME_CELLS - _NEED_CELLS - 5)
        detail = cell(safe_line(self.detail), room).stylize("$quiet")
        return Content.assemble(mark, " ", name, "  ", detail, " ", (need, "$quiet" if self.fits else "$warning"))


@dataclass(frozen=True)
class AddRow:
    adding: Adding
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, _width: int, /) -> Content:
        words = {
            "name": say("이름으로 추가: 저장소, 폴더, 엔드포인트/모델", "by name: repository, folder, endpoint/model"),
            "file": say("답 파일 가져오기: 다른 시스템의 답 (JSONL)", "a file of another system's answers (JSONL)"),
        }[self.adding]
        return Content.assemble((" + ", "$accent"), " ", (words, "$quiet"))


class SystemPicker(Rows):
    """Space or enter takes one and puts it back; the order in which they are taken is the table's."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(SYSTEMS)

    class Changed(Message):
        """Other systems are chosen."""

    @dataclass
    class Added(Message):
        """Something is to be added that is not on the list."""

        adding: Adding

    @dataclass
    class EndpointAsked(Message):
        """An endpoint has many models: which of them?"""

        answerer: Answerer

    def __init__(self, picks: Sequence[Pick] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self.picks: list[Pick] = list(picks)
        self._answerers: Sequence[Answerer] = ()

    def offer(self, answerers: Sequence[Answerer]) -> None:
        self._answerers = [one for one in answerers if one.group != "missing"]
        self._list()

    def add(self, pick: Pick) -> None:
        if pick not in self.picks:
            self.picks.append(pick)
            self._changed()

    def action_pick(self) -> None:
        self.action_take()

    def action_take(self) -> None:
        """Also by a click."""
        row = self.rows[self.chosen] if self.chosen is not None else None
        if isinstance(row, AddRow):
            self.post_message(self.Added(row.adding))
        elif isinstance(row, PickRow) and row.pick.model.endswith("/"):
            self.post_message(self.EndpointAsked(self._answerer(row.pick)))
        elif isinstance(row, PickRow):
            self._toggle(row.pick)

    def relabel(self) -> None:
        self._list()

    def _toggle(self, pick: Pick) -> None:
        if pick in self.picks:
            self.picks.remove(pick)
        else:
            self.picks.append(pick)
        self._changed()

    def _changed(self) -> None:
        self._list()
        self.post_message(self.Changed())

    def _answerer(self, pick: Pick) -> Answerer:
        return next(one for one in self._answerers if one.model == pick.model)

    def _list(self) -> None:
        listed = {Pick(one.model, one.adapter) for one in self._answerers}
        rows: list[Row] = []
        for group, heading in headings().items():
            members = [self._row_of(one) for one in self._answerers if one.group == group]
            rows += [Heading(heading), *members] if members else []
        others = [pick for pick in self.picks if pick not in listed]
        rows.append(Heading(say("그 밖에", "Others")))
        rows += [PickRow(pick, self._place(pick), safe_line(pick.file)) for pick in others]
        rows += [AddRow("name"), AddRow("file")]
        self.show(rows, self.chosen if self.chosen is not None else _first(rows))

    def _row_of(self, one: Answerer) -> PickRow:
        pick = Pick(one.model, one.adapter)
        return PickRow(pick, self._place(pick), one.detail, one.need, one.fits)

    def _place(self, pick: Pick) -> int:
        return self.picks.index(pick) + 1 if pick in self.picks else 0


def _first(rows: Sequence[Row]) -> int | None:
    return next((place for place, row in enumerate(rows) if row.choosable), None)
