"""What a model thought before it answered: one line that says how long, and unfolds: `생각 12초 ▸`."""

from __future__ import annotations

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.core.times import seconds_whole
from kullm_tui.ui.text import plain
from kullm_tui.ui.widgets.told import Told


class Thinking(Told):
    DEFAULT_CSS = """
    Thinking { color: $quiet; display: none; }
    Thinking.-shown { display: block; }
    Thinking.-open { border-left: outer $rule; padding-left: 1; margin-bottom: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._thought: tuple[str, float | None, bool] = ("", None, False)

    def show(self, text: str, seconds: float | None, *, goes_on: bool = False) -> None:
        """`seconds`: how long, as far as it is known. What is folded away is not laid out."""
        if (text, seconds, goes_on) != self._thought:
            self._thought = text, seconds, goes_on
            self._show()

    def toggle(self) -> None:
        self.toggle_class("-open")
        self._show()

    def on_click(self) -> None:
        self.toggle()

    def relabel(self) -> None:
        self._show()

    def _show(self) -> None:
        text, seconds, goes_on = self._thought
        self.set_class(bool(text), "-shown")
        if not text:
            return
        doing = say("생각하는 중", "thinking") if goes_on else say("생각", "thought")
        lasted = seconds_whole(seconds) if seconds is not None else ""
        is_open = self.has_class("-open")
        line = Content(" ".join(filter(None, (doing, lasted, "▾" if is_open else "▸"))))
        self.tell(Content("\n").join([line, plain(terminal_safe(text).strip())]) if is_open else line)
