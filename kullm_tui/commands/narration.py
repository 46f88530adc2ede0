"""What a command says on stderr beside its result: notes always, progress only where a terminal shows it."""

import sys

from kullm_tui.core.chat_client import LoadProgress
from kullm_tui.core.language import say
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

    def note(self, text: str) -> None:
        self.clear()
        print(terminal_safe(text), file=sys.stderr)


def loading_line(progress: LoadProgress) -> str:
    doing = {
        "quantize": say("모델을 4비트로 바꾸는 중", "quantising the model"),
        "pack": say("모델을 정돈하는 중", "packing the model"),
    }.get(progress.phase, say("모델을 올리는 중", "loading the model"))
    if progress.total <= 0:
        return doing
    return f"{doing} … {min(100, int(100 * progress.done / progress.total))}%"
