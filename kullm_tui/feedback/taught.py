"""What one row teaches: a prompt, the reply to imitate or prefer, and perhaps the reply that it is preferred to."""

from dataclasses import dataclass

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
        """The same for the same prompt, however it is spaced."""
        return tuple(f"{one.role} {spaced(one.content)}\0{spaced(one.input)}" for one in self.prompt)

    @property
    def key(self) -> tuple[object, ...]:
        """The same for what teaches the same."""
        return (self.question, spaced(self.chosen), None if self.rejected is None else spaced(self.rejected))


def spaced(text: str) -> str:
    """To tell whether two texts say the same. Signs are kept: 1+1 is not 1-1."""
    return " ".join(text.split())
