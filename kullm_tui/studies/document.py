"""A report as a document: sections of paragraphs, tables, figures and plain text, which is written as Markdown, HTML or LaTeX."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    title: str = ""
    is_words: bool = False  # not numbers


@dataclass(frozen=True)
class Figure:
    title: str
    rows: Sequence[str]  # as a terminal shows it
    svg: bytes = b""  # where it could be drawn


@dataclass(frozen=True)
class Plain:
    """A file or a command, letter by letter."""

    text: str


@dataclass(frozen=True)
class Notes:
    items: Sequence[str]


Block = str | Table | Figure | Plain | Notes


@dataclass(frozen=True)
class Section:
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    title: str
    lead: Sequence[str]
    sections: Sequence[Section]
