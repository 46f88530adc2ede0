"""An evaluation item by item: the list of questions, and of the chosen one every system's answer side by side, with its verdict.

As many systems stand side by side as there is room for. Where the screen is narrow an item that is opened takes all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets._input import Input
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.background import is_there
from kullm_tui.ui.evaluate.item_text import column, question_text
from kullm_tui.ui.evaluate.items import FILTERS, Given, Item, found, number_in
from kullm_tui.ui.keymap import ITEMS, bindings
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.widgets.row_list import Row, Rows

_MOST_COLUMNS = 3
_COLUMN_CELLS = 30


@dataclass(frozen=True)
class ItemRow:
    item: Item
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        item = self.item
        scores = " ".join("–" if one is None else str(one) for one in item.overall)
        marks = Content.assemble(
            ("!" if item.faulty else " ", "$warning"),
            ("*" if item.flagged else " ", "$error"),
            ("?" if item.unscored else " ", "$warning"),
        )
        head = Content.assemble((f"{item.number:>4} ", "$quiet"), marks, " ", scores, "  ")
        return Content.assemble(head, Content(safe_line(item.question.instruction))).truncate(width, ellipsis=True)


class AnswerColumn(VerticalScroll, can_focus=True):
    """One system's answer to the chosen question."""

    DEFAULT_CSS = """
    AnswerColumn { width: 1fr; height: 1fr; padding: 0 1; display: none; scrollbar-size-vertical: 1; }
    AnswerColumn.-shown { display: block; }
    AnswerColumn Static { width: 100%; height: auto; }
    """

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show(self, given: Given, item: Item, *, raw: bool) -> None:
        self.query_one(Static).update(column(given, item, raw=raw))


class ItemBrowser(Widget):
    BINDINGS: ClassVar[list[BindingType]] = bindings(ITEMS)
    DEFAULT_CSS = """
    ItemBrowser { height: 1fr; layout: horizontal; }
    ItemBrowser #item-list { width: 40; height: 1fr; border-right: solid $rule; }
    ItemBrowser #item-find { margin: 0 1 0 0; }
    ItemBrowser #item-filter, ItemBrowser #item-scores { height: 1; padding: 0 1; color: $quiet; text-wrap: nowrap; text-overflow: ellipsis; }
    ItemBrowser #item { width: 1fr; height: 1fr; }
    ItemBrowser #item-question { height: auto; max-height: 30%; padding: 0 1; scrollbar-size-vertical: 1; }
    ItemBrowser #item-question Static { width: 100%; height: auto; }
    ItemBrowser #item-systems { height: 1; padding: 0 1; border-top: none; color: $quiet; }
    ItemBrowser #item-columns { height: 1fr; }
    """

    system: reactive[int] = reactive(0)
    raw: reactive[bool] = reactive(False)
    filter: reactive[int] = reactive(0)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's own name
        super().__init__(id=id)
        self._items: Sequence[Item] = ()
        self._shown: list[Item] = []

    def compose(self) -> ComposeResult:
        with Vertical(id="item-list"):
            yield Input(id="item-find")
            yield Static(id="item-filter", markup=False)
            yield Static(id="item-scores", markup=False)
            yield Rows(id="item-rows")
        with Vertical(id="item"):
            with VerticalScroll(id="item-question", can_focus=False):
                yield Static(id="item-question-text", markup=False)
            yield Static(id="item-systems", markup=False)
            yield Horizontal(id="item-columns")

    def on_mount(self) -> None:
        self.relabel()

    def relabel(self) -> None:
        self.query_one("#item-find", Input).placeholder = say("번호나 낱말 /", "number or words /")
        self._list(keep=True)

    # -- what is shown -------------------------------------------------------------------------------------------------

    @property
    def item(self) -> Item | None:
        place = self._rows.chosen
        return self._shown[place] if place is not None and place < len(self._shown) else None

    @property
    def opened(self) -> bool:
        return self.has_class("-opened")

    @property
    def _rows(self) -> Rows:
        return self.query_one("#item-rows", Rows)

    def show(self, items: Sequence[Item]) -> None:
        """The same run read again keeps the place."""
        self._items = items
        self._list(keep=True)

    def focus_list(self) -> None:
        self._rows.focus()

    def _list(self, *, keep: bool = False) -> None:
        words = self.query_one("#item-find", Input).value
        number = number_in(words)
        at = number if number is not None else self.item.number if keep and self.item else None
        self._shown = found(self._items, FILTERS[self.filter], words)
        rows: list[Row] = [ItemRow(item) for item in self._shown]
        # With a filter on, the number's item may not be there: the first that comes after it then.
        place = next((place for place, item in enumerate(self._shown) if at is not None and item.number >= at), 0)
        self._rows.show(rows, place if rows else None)
        chosen = FILTERS[self.filter].name
        self.query_one("#item-filter", Static).update(f"{chosen} · {len(self._shown):,}/{len(self._items):,}  f")
        self.query_one("#item-scores", Static).update(self._scores_line())
        self._draw()

    def _scores_line(self) -> Content:
        """Whose scores stand in the rows, from left to right."""
        names = [safe_line(one.system) for one in self._items[0].given] if self._items else []
        return Content(say("점수 ", "scores ") + " · ".join(names))

    def _draw(self) -> None:
        item = self.item
        if item is None:
            nothing = say("맞는 문항이 없어요. f로 다른 필터를 골라요.", "No item matches; f chooses another filter.")
            self.query_one("#item-question-text", Static).update(Content.styled(nothing, "$quiet"))
            self.query_one("#item-systems", Static).update("")
            for one in self.query(AnswerColumn):
                one.remove_class("-shown")
            return
        self.query_one("#item-question-text", Static).update(question_text(item))
        self.query_one("#item-question", VerticalScroll).scroll_home(animate=False)
        self._draw_columns(item)

    def _draw_columns(self, item: Item) -> None:
        holder = self.query_one("#item-columns", Horizontal)
        columns = list(self.query(AnswerColumn))
        if len(columns) < len(item.given):
            holder.mount(*(AnswerColumn() for _ in item.given[len(columns) :]))
            self.call_after_refresh(self._draw)
            return
        first, last = self._window(len(item.given))
        for place, (one, given) in enumerate(zip(columns, item.given, strict=False)):
            one.set_class(first <= place < last, "-shown")
            if first <= place < last:
                one.show(given, item, raw=self.raw)
                one.scroll_home(animate=False)
        self.query_one("#item-systems", Static).update(self._systems_line(item, first, last))

    def _window(self, count: int) -> tuple[int, int]:
        """The systems that stand side by side, the chosen one among them."""
        room = max(1, min(_MOST_COLUMNS, self.query_one("#item-columns").size.width // _COLUMN_CELLS))
        first = max(0, min(self.system - room // 2, count - room))
        return first, min(count, first + room)

    def _systems_line(self, item: Item, first: int, last: int) -> Content:
        """Which systems there are, where not all of them fit beside each other."""
        if last - first >= len(item.given):
            return Content("")
        names = [
            Content.styled(safe_line(one.system), "$accent bold" if place == self.system else "")
            for place, one in enumerate(item.given)
        ]
        line = Content.assemble(Content("  ").join(names), "  ← →")
        if line.cell_length <= self.query_one("#item-systems").size.width - 2:
            return line
        here = safe_line(item.given[self.system].system)
        return Content.assemble((f"{self.system + 1}/{len(names)} ", "$quiet"), (here, "$accent bold"), "  ← →")

    # -- moving --------------------------------------------------------------------------------------------------------

    def watch_system(self) -> None:
        self._draw()

    def watch_raw(self) -> None:
        self._draw()

    def watch_filter(self) -> None:
        if is_there(self):
            self._list()

    @on(Input.Changed, "#item-find")
    def _narrow(self, event: Input.Changed) -> None:
        event.stop()
        self._list()

    @on(Input.Submitted, "#item-find")
    def _searched(self, event: Input.Submitted) -> None:
        event.stop()
        self._rows.focus()

    @on(Rows.Moved, "#item-rows")
    def _moved(self, event: Rows.Moved) -> None:
        event.stop()
        self._draw()

    @on(Rows.LeftAtTop, "#item-rows")
    def _to_find(self, event: Rows.LeftAtTop) -> None:
        event.stop()
        self.query_one("#item-find", Input).focus()

    @on(Rows.Taken, "#item-rows")
    def _taken(self, event: Rows.Taken) -> None:
        event.stop()
        self.add_class("-opened")
        self.call_after_refresh(self._focus_column)

    def _focus_column(self) -> None:
        self._draw()
        shown = [one for one in self.query(AnswerColumn) if one.has_class("-shown")]
        if shown:
            shown[0].focus()

    def on_resize(self, _: events.Resize) -> None:
        self.call_after_refresh(self._draw)

    def action_item(self, step: int) -> None:
        self._rows.action_move(step)

    def action_system(self, step: int) -> None:
        if self.item:
            self.system = (self.system + step) % len(self.item.given)

    def action_raw(self) -> None:
        self.raw = not self.raw

    def action_filter_items(self) -> None:
        self.filter = (self.filter + 1) % len(FILTERS)

    def action_find_item(self) -> None:
        self.remove_class("-opened")
        self.query_one("#item-find", Input).focus()

    def leave(self) -> bool:
        """One step back: out of the item, then out of the search; False where there is nothing to leave."""
        field = self.query_one("#item-find", Input)
        if self.opened:
            self.remove_class("-opened")
        elif field.has_focus or field.value:
            field.value = ""
        else:
            return False
        self._rows.focus()
        return True
