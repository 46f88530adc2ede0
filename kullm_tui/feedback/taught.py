"""What one row teaches: a prompt, the reply to imitate or prefer, and perhaps the reply that it is preferred to."""

from dataclasses import dataclass

from data.folded import plain
from kullm_tui.core.records import Message
from kullm_tui.core.text import nfc


@dataclass(frozen=True)
class Taught:
    prompt: tuple[Message, ...]  # the system text first, where there is one; a question last
    chosen: str
    rejected: str | None = None  # None: a row to imitate

    def __post_init__(self) -> None:
        object.__setattr__(self, "chosen", nfc(self.chosen))
        object.__setattr__(self, "rejected", None if self.rejected is None else nfc(self.rejected))

    @property
    def texts(self) -> tuple[str, ...]:
        said = [text for one in self.prompt for text in (one.content, one.input) if text]
        return (*said, self.chosen, *([self.rejected] if self.rejected else ()))

    @property
    def question(self) -> tuple[str, ...]:
        """The same for the same prompt, however it is spaced and punctuated."""
        return tuple(f"{one.role} {said(one)}" for one in self.prompt)


def said(message: Message) -> str:
    return f"{plain(message.content)}\0{plain(message.input)}"
