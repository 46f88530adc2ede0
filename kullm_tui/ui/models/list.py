"""The list of the model browser: one row an entry, narrowed by words and licence class, redrawn where something moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets._option_list import OptionList
from textual.widgets.option_list import Option

from kullm_tui.core.models.catalogue import Entry, licence_class_of
from kullm_tui.core.models.profiles import LicenceClass
from kullm_tui.core.text import nfc
from kullm_tui.ui.models.progress_text import ModelWork
from kullm_tui.ui.models.text import Columns, heading, row

_NARROWEST = 40


class ModelList(OptionList):
    DEFAULT_CSS = """
    ModelList { height: 1fr; border: none; padding: 0; background: $background; scrollbar-gutter: stable; }
    ModelList:focus { border: none; background-tint: 0%; }
    ModelList > .option-list--option { padding: 0 1; }
    ModelList > .option-list--option-highlighted { background: $block-cursor-blurred-background; color: $foreground; }
    ModelList:focus > .option-list--option-highlighted {
        background: $block-cursor-blurred-background; color: $foreground; text-style: bold;
    }
    ModelList:ansi > .option-list--option-highlighted { text-style: reverse; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", show=False)]

    def __init__(self, work_of: Callable[[Entry], ModelWork]) -> None:
        super().__init__(markup=False)
        self._work_of = work_of
        self._entries: Sequence[Entry] = ()
        self._shown: list[Entry] = []
        self._words: list[str] = []
        self._licence: LicenceClass | None = None
        self._drawn: dict[str, ModelWork] = {}
        self._drawn_width = 0
        self._columns = Columns.of((), 0)

    @property
    def chosen(self) -> Entry | None:
        place = self.highlighted
        return self._shown[place] if place is not None and place < len(self._shown) else None

    @property
    def row_width(self) -> int:
        return max(_NARROWEST, self.scrollable_content_region.width - 2)

    @property
    def heading(self) -> Content:
        return heading(self._columns, self.row_width)

    def action_choose(self) -> None:
        self.action_select()

    class Drawn(Message):
        """Its columns may be as wide as others than before."""

    def show(self, entries: Sequence[Entry]) -> None:
        self._entries = entries
        self._draw()

    def choose(self, name: str) -> bool:
        """False where no row has that name."""
        place = next((at for at, entry in enumerate(self._shown) if entry.name == name), None)
        if place is not None:
            self.highlighted = place
        return place is not None

    def narrow(self, text: str, licence: LicenceClass | None) -> None:
        self._words, self._licence = nfc(text).lower().split(), licence
        self._draw()

    def redraw_work(self) -> bool:
        """The rows on which something moved; whether the chosen one is among them."""
        if self._fitted() != self._columns:
            self._draw()
            return True
        moved = False
        for place, entry in enumerate(self._shown):
            if self._work_of(entry) != ModelWork() or entry.name in self._drawn:
                moved = moved or place == self.highlighted
                self.replace_option_prompt_at_index(place, self._row(entry))
        return moved

    def on_resize(self, _: events.Resize) -> None:
        if self.row_width != self._drawn_width:
            self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        before, self._drawn_width = self.chosen, self.row_width
        self._shown = [entry for entry in self._entries if self._is_wanted(entry)]
        self._columns = self._fitted()
        place = next((at for at, entry in enumerate(self._shown) if before and entry.name == before.name), 0)
        self.set_options(Option(self._row(entry)) for entry in self._shown)
        self.highlighted = place if self._shown else None
        self.post_message(self.Drawn())

    def _fitted(self) -> Columns:
        return Columns.of([(entry, self._work_of(entry)) for entry in self._shown], self.row_width)

    def _row(self, entry: Entry) -> Content:
        work = self._work_of(entry)
        if work != ModelWork():
            self._drawn[entry.name] = work
        return row(entry, work, self._columns, self.row_width)

    def _is_wanted(self, entry: Entry) -> bool:
        profile = entry.profile
        searched = (
            profile.name,
            profile.title,
            profile.called,
            profile.description,
            profile.about,
            profile.repository,
            profile.endpoint,
        )
        text = nfc(" ".join(searched)).lower()
        return self._licence in (None, licence_class_of(profile)) and all(word in text for word in self._words)
