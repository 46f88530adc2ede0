"""A rendered prompt: text in segments that say what is trained and what is one special token."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    text: str
    trained: bool = False  # an assistant's reply and the token that ends it
    special: bool = False  # the text of one special token; other text never becomes one


@dataclass(frozen=True)
class Prompt:
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)
