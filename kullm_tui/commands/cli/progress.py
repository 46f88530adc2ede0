"""What a command says on stderr beside its result: notes always, progress only where a terminal shows it."""

import sys

from kullm_tui.core.text import terminal_safe


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
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._shown = False

    def aside(self, text: str) -> None:
        """A dim line for a person who looks; nothing in a log."""
        if self.live:
            self.clear()
            print(f"\x1b[2m{terminal_safe(text)}\x1b[0m", file=sys.stderr)

    def note(self, text: str) -> None:
        self.clear()
        print(terminal_safe(text), file=sys.stderr)
