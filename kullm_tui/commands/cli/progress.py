"""What a command says on stderr beside its result: notes always, progress only where a terminal shows it."""

import sys
import time
from collections.abc import Callable

from kullm_tui.core.language import say
from kullm_tui.core.text import size_text, terminal_safe

_REDRAW_SECONDS = 0.1


def clear_line() -> None:
    """Of a progress that somebody left there."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


class Narration:
    """One line at the bottom that is rewritten, and notes that stay."""

    def __init__(self) -> None:
        self.live = sys.stderr.isatty()
        self._shown = False

    def progress(self, text: str) -> None:
        if self.live:
            sys.stderr.write(f"\r{terminal_safe(text)}\x1b[K")
            sys.stderr.flush()
            self._shown = True

    def clear(self) -> None:
        if self._shown:
            clear_line()
            self._shown = False

    def aside(self, text: str) -> None:
        """A dim line for a person who looks; nothing in a log."""
        if self.live:
            self.clear()
            print(f"\x1b[2m{terminal_safe(text)}\x1b[0m", file=sys.stderr)

    def note(self, text: str) -> None:
        self.clear()
        print(terminal_safe(text), file=sys.stderr)


def download_line(name: str, show: Callable[[str], None]) -> Callable[[int, int], None]:
    """What a download calls with the bytes that are here and that there are; `show` is told now and then."""
    drawn = 0.0

    def progress(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if now - drawn >= _REDRAW_SECONDS or done == total:
            drawn = now
            percent = int(100 * done / total) if total else 100
            doing = say(f"{name} 받는 중", f"fetching {name}")
            show(f"{doing} … {percent}% ({size_text(done)} / {size_text(total)})")

    return progress
