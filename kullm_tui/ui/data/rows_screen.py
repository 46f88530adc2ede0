"""The rows of a set that was built: kept and rejected ones by reason, the original beside the translation, changed or dropped by hand."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._input import Input
from textual.widgets._static import Static

from data import patches
from data.output.statistics import statistics_of
from data.shelf import Known
from kullm_tui.core.language import say
from kullm_tui.core.templates.registry import template_named
from kullm_tui.core.text import nfc
from kullm_tui.ui.background import Fault, Work, begin, is_there
from kullm_tui.ui.data.rows import MOST_REJECTED, Filter, Seen, Shown, filters_of
from kullm_tui.ui.data.text import about_row, lengths_lines, turns_text
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.data import DATA_ROWS
from kullm_tui.ui.text import safe, safe_line
from kullm_tui.ui.widgets.cells import joined
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Rows
from kullm_tui.ui.widgets.status_line import StatusLine

if TYPE_CHECKING:
    from kullm_tui.ui.host import Host

_TEMPLATE = "kullm-v2"  # the one that such sets are made for
_END = "<|endoftext|>"  # Polyglot-Ko's


class Lines(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "read_row", show=False)]

    def action_read_row(self) -> None:
        self.action_take()


class RowsScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(DATA_ROWS)
    AUTO_FOCUS = "#rows"
    CSS = """
    RowsScreen #filter { height: 1; padding: 0 1; color: $accent; }
    RowsScreen #find { display: none; margin: 0 1; }
    RowsScreen.-finding #find { display: block; }
    RowsScreen #body { height: 1fr; }
    RowsScreen #listing { width: 40; height: 1fr; border-right: solid $rule; }
    RowsScreen #rows { height: 1fr; padding: 0 1; }
    RowsScreen #row { width: 1fr; height: 1fr; }
    RowsScreen #about { height: auto; max-height: 2; padding: 0 1; }
    RowsScreen #sides { height: 1fr; }
    RowsScreen #sides VerticalScroll { width: 1fr; height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    RowsScreen #sides Static { width: 100%; height: auto; }
    RowsScreen #original { border-left: solid $rule; }
    RowsScreen.-trained #original, RowsScreen.-untranslated #original { display: none; }
    RowsScreen Notice { max-height: 3; padding: 0 1; }
    RowsScreen.-narrow #body { layout: vertical; }
    RowsScreen.-narrow #listing { width: 100%; height: 8; border-right: none; border-bottom: solid $rule; }
    RowsScreen.-narrow #sides { layout: vertical; }
    RowsScreen.-narrow #original { border-left: none; border-top: solid $rule; }
    """

    def __init__(self, known: Known) -> None:
        super().__init__()
        assert known.built
        self._known, self._facts = known, known.built
        self._filters = filters_of(known.built)
        self._filter = 0
        self._shown: Shown | None = None
        self._histograms: dict[str, list[tuple[int, int]]] = {}  # of the answers' lengths, by output

    def compose(self) -> ComposeResult:
        yield StatusLine(cast("Host", self.app).status, self._title())
        yield Static(id="filter", markup=False)
        with Horizontal(id="body"):
            with Vertical(id="listing"):
                yield Input(id="find")
                yield Lines(id="rows")
            with Vertical(id="row"):
                yield Static(id="about", markup=False)
                with Horizontal(id="sides"):
                    with VerticalScroll(id="text"):
                        yield Static(markup=False)
                    with VerticalScroll(id="original"):
                        yield Static(markup=False)
        yield Notice()
        yield KeyBar()

    def _title(self) -> str:
        return say(f"데이터 · {safe_line(self._known.name)}", f"Data · {safe_line(self._known.name)}")

    def on_mount(self) -> None:
        self.relabel()

    def on_unmount(self) -> None:
        if self._shown:
            self._shown.close()

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(self._title())
        self.query_one("#find", Input).placeholder = say("글에 있는 말", "words in the text")
        self._read()

    # -- what is shown -------------------------------------------------------------------------------------------------

    @property
    def filter(self) -> Filter:
        return self._filters[self._filter]

    @property
    def chosen(self) -> Seen | None:
        place = self.query_one("#rows", Rows).chosen if is_there(self) else None
        return self._shown.seen(place) if self._shown and place is not None and place < len(self._shown) else None

    def _read(self) -> None:
        words = nfc(self.query_one("#find", Input).value)
        begin(self, partial(self._show, self.filter, words), self._tell_fault, group="read", exclusive=True)

    async def _show(self, chosen: Filter, words: str) -> None:
        place = self.query_one("#rows", Rows).chosen or 0
        shown = await asyncio.to_thread(Shown, self._facts, chosen, words)
        if self._shown:
            self._shown.close()
        self._shown = shown
        self.query_one("#rows", Rows).show(shown, min(place, len(shown) - 1) if len(shown) else None)
        only = (
            say(f" · 처음 {MOST_REJECTED:,}행만", f" · the first {MOST_REJECTED:,}")
            if chosen.count > MOST_REJECTED and chosen.reason
            else ""
        )
        found = say(f" · {len(shown):,}행 찾음", f" · {len(shown):,} found") if words else ""
        self.query_one("#filter", Static).update(
            f"{safe_line(chosen.told)}{only}{found}  f {self._filter + 1}/{len(self._filters)}"
        )
        self._draw()

    def _draw(self) -> None:
        seen = self.chosen
        sides = [self.query_one(f"#{name} Static", Static) for name in ("text", "original")]
        if seen is None:
            self.query_one("#about", Static).update(Content.styled(say("행이 없어요.", "There are no rows."), "$quiet"))
            for side in sides:
                side.update("")
            return
        self.query_one("#about", Static).update(about_row(seen.row, seen.reason, seen.detail))
        sides[0].update(self._as_trained(seen) if self.has_class("-trained") else turns_text(seen.row, original=False))
        sides[1].update(turns_text(seen.row, original=True))
        self.set_class(not seen.row.original, "-untranslated")
        for name in ("text", "original"):
            self.query_one(f"#{name}", VerticalScroll).scroll_home(animate=False)
        self.refresh_bindings()

    def _as_trained(self, seen: Seen) -> Content:
        """In the template, what is trained marked; below it the lengths of all answers."""
        prompt = template_named(_TEMPLATE).render(seen.row.messages, eos_token=_END)
        text = Content.assemble(*((safe(one.text), "reverse" if one.trained else "$quiet") for one in prompt.segments))
        return joined([text, Content(""), *self._lengths()])

    def _lengths(self) -> list[Content]:
        width = self.query_one("#text").scrollable_content_region.width
        output = next((one for one in self._facts.outputs if one.name == self.filter.output), self._facts.outputs[0])
        heading = Content.styled(
            say(f"답변의 길이({output.name})", f"lengths of the answers ({output.name})"), "$accent"
        )
        return [heading, *lengths_lines(self._histogram(output.name), width)]

    def _histogram(self, name: str) -> list[tuple[int, int]]:
        return self._histograms.get(name, [])

    @on(Rows.Moved, "#rows")
    def _moved(self) -> None:
        self.query_one(Notice).tell()
        self._draw()

    # -- keys ----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        if action in ("edit_row", "drop_row", "view_trained"):
            return self.chosen is not None
        if action == "undo_row":
            return bool(self.chosen and self._shown and self._shown.mark(self.chosen.row))
        return True

    @on(Rows.Taken, "#rows")
    def action_read_row(self) -> None:
        """Its text has the keys that scroll; escape leads back."""
        self.query_one("#text").focus()

    def action_next_filter(self) -> None:
        self._filter = (self._filter + 1) % len(self._filters)
        self._read()

    def action_find_row(self) -> None:
        self.add_class("-finding")
        self.query_one("#find", Input).focus()

    @on(Input.Submitted, "#find")
    def _find(self) -> None:
        self._read()
        self.query_one("#rows").focus()

    def action_view_trained(self) -> None:
        self.toggle_class("-trained")
        if self.has_class("-trained"):
            begin(self, self._count_lengths, self._tell_fault, group="lengths", exclusive=True)
        self._draw()

    async def _count_lengths(self) -> None:
        for output in self._facts.outputs:
            if output.name not in self._histograms:
                counted = await asyncio.to_thread(statistics_of, output.lines)
                self._histograms[output.name] = counted.answered.histogram
        self._draw()

    def action_edit_row(self) -> None:
        if self.chosen:
            self._run(partial(self._edit, self.chosen))

    async def _edit(self, seen: Seen) -> None:
        from kullm_tui.ui.data.edit_dialog import EditRow

        turns = await self.app.push_screen_wait(EditRow(seen.row))
        if turns is not None:
            await self._change(partial(patches.edit, patches.patch_file(self._known.name), seen.row, turns))

    def action_drop_row(self) -> None:
        if self.chosen:
            self._run(
                partial(self._change, partial(patches.drop, patches.patch_file(self._known.name), self.chosen.row))
            )

    def action_undo_row(self) -> None:
        if self.chosen:
            self._run(
                partial(self._change, partial(patches.undo, patches.patch_file(self._known.name), self.chosen.row))
            )

    async def _change(self, change: partial[None]) -> None:
        await asyncio.to_thread(change)
        self.query_one(Notice).tell(
            say("적어 두었어요. 다시 만들면(b) 적용해요.", "Noted. It counts at the next build (b).")
        )
        self._read()

    def action_leave_rows(self) -> None:
        if self.focused in (self.query_one("#text"), self.query_one("#original")):
            self.query_one("#rows").focus()
        elif self.has_class("-finding"):
            self.remove_class("-finding")
            self.query_one("#find", Input).value = ""
            self.query_one("#rows").focus()
            self._read()
        else:
            self.dismiss(None)

    def _run(self, work: Work) -> None:
        begin(self, work, self._tell_fault)

    def _tell_fault(self, fault: Fault) -> None:
        self.query_one(Notice).tell(str(fault), error=True)
