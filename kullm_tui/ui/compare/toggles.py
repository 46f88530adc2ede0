"""What is switched on in compare mode, at the end of the footer; a click switches it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.style import Style
from textual.widget import Widget

from kullm_tui.core.language import say


class Switches(Widget):
    DEFAULT_CSS = """
    Switches { width: auto; height: 1; color: $quiet; padding: 0 1; }
    Switches .switches--on { color: $accent; }
    """
    COMPONENT_CLASSES = {"switches--on"}

    @dataclass
    class Pressed(Message):
        name: str

    def __init__(self) -> None:
        super().__init__()
        self._on = {"blind": False, "in_step": False}

    def show(self, *, blind: bool, in_step: bool) -> None:
        self._on = {"blind": blind, "in_step": in_step}
        self.refresh(layout=True)

    def render(self) -> Content:
        on = self.get_visual_style("switches--on", partial=True)
        words = {"blind": say("가림", "blind"), "in_step": say("같이 스크롤", "in step")}
        return Content("  ").join(
            Content.styled(
                f"{'●' if self._on[name] else '○'} {word}",
                (on if self._on[name] else Style()) + Style.from_meta({"switch": name}),
            )
            for name, word in words.items()
        )

    def on_click(self, event: events.Click) -> None:
        name = event.style.meta.get("switch")
        if isinstance(name, str):
            self.post_message(self.Pressed(name))
