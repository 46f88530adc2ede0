"""What a command says on stderr beside its result: notes always, progress only where a terminal shows it."""

import sys
from contextlib import aclosing

from kullm_tui.core.asking.waiting import waiting_for
from kullm_tui.core.config.settings import Precision
from kullm_tui.core.endpoints.client import load_model
from kullm_tui.core.endpoints.endpoint import Endpoint
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


async def tell_loading(
    narration: Narration,
    endpoint: Endpoint,
    model: str,
    adapter: str | None = None,
    *,
    precision: Precision | None = None,
) -> None:
    """Have the engine load the model, and show how far it is."""
    async with aclosing(load_model(endpoint, model, adapter, precision=precision)) as steps:
        async for step in steps:
            narration.progress(waiting_for(step))
    narration.clear()
