"""How full the model's context is: `문맥 312/2048 ▕███▏`."""

from textual.content import Content
from textual.widgets._static import Static

from kullm_tui.core.language import say

_CELLS = 8
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_TIGHT = 0.8


class Gauge(Static):
    DEFAULT_CSS = """
    Gauge { width: auto; height: 1; color: $quiet; }
    """

    _shown: tuple[int | None, int] = (None, 0)

    def show(self, used: int | None, context: int) -> None:
        """`context` 0: nobody knows how much there is room for."""
        self._shown = used, context
        self.relabel()

    def relabel(self) -> None:
        self.update(gauge(*self._shown))


def gauge(used: int | None, context: int) -> Content:
    if used is None:
        return Content("")
    if not context:
        return Content(say(f"문맥 {used:,}토큰", f"context {used:,} tokens"))
    share = min(1.0, used / context)
    words = f"{say('문맥', 'context')} {used:,}/{context:,} "
    return Content.assemble(words, "▕", (bar(share), "$warning" if share >= _TIGHT else "$accent"), "▏")


def bar(share: float, cells: int = _CELLS) -> str:
    eighths = round(share * cells * 8)
    whole, rest = divmod(eighths, 8)
    text = "█" * whole + (_EIGHTHS[rest] if rest else "")
    return text.ljust(cells)
