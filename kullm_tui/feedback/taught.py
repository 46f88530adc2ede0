"""What one row teaches: a prompt, the reply to imitate or prefer, and perhaps the reply that it is preferred to."""

from dataclasses import dataclass

from data.folded import plain
from kullm_tui.core.records import Message


@dataclass(frozen=True)
class Taught:
    prompt: tuple[Message, ...]  # the system text first, where there is one; a question last
    chosen: str
    rejected: str | None = None  # None: a row to imitate

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
