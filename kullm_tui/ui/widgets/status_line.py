"""The header line: the product, its modes, and at the right what runs: `구름  대화 ▸ 비교            demo · 4-bit · 31 tok/s · 4.1/24 GB`.

A click on a mode goes there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.signal import Signal
from textual.style import Style
from textual.widget import Widget

from kullm_tui.core.language import say
from kullm_tui.ui.text import safe_line

if TYPE_CHECKING:
    from textual.app import App

_SPEED_CELLS = 9  # "123 tok/s": a number that changes does not move the rest
_BETWEEN = " · "
_MODES = {
    "chat": ("대화", "Chat"),
    "compare": ("비교", "Compare"),
    "train": ("학습", "Train"),
    "data": ("데이터", "Data"),
    "evaluate": ("평가", "Evaluate"),
}


class Status:
    """What the header says; one for the app, shown by the header of every screen.

    Who answers is told by each mode for itself, also while another one is looked at.
    """

    def __init__(self, app: App[int]) -> None:
        self.changed: Signal[None] = Signal(app, "status-changed")
        self._app = app
        self._models: dict[str, str] = {}  # by mode
        self._texts = {"training": "", "engine": "", "speed": "", "memory": "", "cost": ""}

    def set_model(self, mode: str, text: str) -> None:
        text = safe_line(text)
        if self._models.get(mode) != text:
            self._models[mode] = text
            self.changed.publish(None)

    def set_training(self, text: str) -> None:
        """What became of one that has ended, until its list is looked at."""
        self._set("training", text)

    def set_engine(self, text: str) -> None:
        """Empty once it serves."""
        self._set("engine", text)

    def set_speed(self, text: str) -> None:
        """Empty where nothing streams."""
        self._set("speed", text)

    def set_memory(self, text: str) -> None:
        self._set("memory", text)

    def set_cost(self, text: str) -> None:
        self._set("cost", text)

    def parts(self) -> list[str]:
        mode = self._app.current_mode
        model = self._models.get(mode) or self._models.get(self._app.DEFAULT_MODE, "")
        texts = {"model": model, **self._texts}
        texts["speed"] = texts["speed"].rjust(_SPEED_CELLS) if texts["speed"] and mode == self._app.DEFAULT_MODE else ""
        return [text for text in texts.values() if text]

    def _set(self, name: str, text: str) -> None:
        text = safe_line(text)
        if self._texts[name] != text:
            self._texts[name] = text
            self.changed.publish(None)


class StatusLine(Widget):
    DEFAULT_CSS = """
    StatusLine { height: 2; dock: top; border-bottom: solid $rule; padding: 0 1; background: $background; }
    StatusLine .status-line--name { color: $accent; text-style: bold; }
    StatusLine .status-line--here { color: $foreground; }
    StatusLine .status-line--quiet { color: $quiet; }
    """
    COMPONENT_CLASSES = {"status-line--name", "status-line--here", "status-line--quiet"}

    def __init__(self, status: Status, here: str = "") -> None:
        """`here` names a screen that is laid over its mode."""
        super().__init__()
        self._status = status
        self._here = here

    def name_place(self, here: str) -> None:
        self._here = here
        self.refresh()

    def on_mount(self) -> None:
        self._status.changed.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        name, quiet = (self.get_visual_style(f"status-line--{part}", partial=True) for part in ("name", "quiet"))
        left = Content.assemble((say("구름", "KULLM"), name), "  ", self._places())
        return spread(left, self._right(self.size.width - left.cell_length - 2).stylize(quiet), self.size.width)

    def _places(self) -> Content:
        """The modes, the one that is shown first to the eye; over a mode the name of what lies over it."""
        here, quiet = (self.get_visual_style(f"status-line--{part}", partial=True) for part in ("here", "quiet"))
        if self._here:
            return Content.styled(self._here, here)
        modes = [mode for mode in _MODES if mode in self.app.MODES]
        return Content.styled(" ▸ ", quiet).join(
            Content.styled(
                say(*_MODES[mode]),
                (here if mode == self.app.current_mode else quiet) + Style.from_meta({"mode": mode}),
            )
            for mode in modes or ["chat"]
        )

    def on_click(self, event: events.Click) -> None:
        mode = event.style.meta.get("mode")
        if mode in self.app.MODES and mode != self.app.current_mode:
            self.app.switch_mode(mode)

    def _right(self, width: int) -> Content:
        """What fits, the model last to go."""
        parts = self._status.parts()
        while len(parts) > 1 and Content(_BETWEEN.join(parts)).cell_length > width:
            parts.pop(-1)
        return Content(_BETWEEN.join(parts)).truncate(max(0, width), ellipsis=True)


def spread(left: Content, right: Content, width: int) -> Content:
    """The two at the two ends of a line."""
    gap = max(0, width - left.cell_length - right.cell_length)
    return Content.assemble(left, " " * gap, right)
