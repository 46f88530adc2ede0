"""A block of code in a reply: its language and a place to copy it above, its lines in colours.

Lines longer than the window fold and stay one line for a selection. A lexer is used only where the reply names its language: guessing costs more than
colours are worth. Colours are component classes, so every theme has its own.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from textual.content import Content, Span
from textual.style import Style

from kullm_tui.core.language import say
from kullm_tui.ui.markdown.layout import Bar, CodeLine

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

_TAB = 4
_LONGEST_LINE = 2000  # characters; lexers are regular expressions and some take their time
_SLICE = 50  # lines coloured between two looks at the clock
_NOT_A_LANGUAGE = ("", "text", "txt", "plain", "plaintext")


@dataclass
class Block:
    """Code whose lines are on the screen and may still get their colours."""

    code: str
    language: str
    lines: Sequence[CodeLine]

    def wait(self) -> bool:
        """Whether the lexer is still on its way; the first question sends for it."""
        return bool(self.language) and not _sent_for(self.language).done()

    def colour(self) -> Iterator[None]:
        """Some lines at a time, so that whoever shows them can pause in between."""
        lexer = _sent_for(self.language).result() if self.language else None
        if lexer is None or any(line.joins or len(line.content) > _LONGEST_LINE for line in self.lines):
            return
        for number, (line, content) in enumerate(zip(self.lines, _coloured(self.code, lexer), strict=False), 1):
            line.content = content
            if number % _SLICE == 0:
                yield


def block(code: str, language: str, lead: Content, *, joins: bool = False) -> Block:
    margin = lead + Content(" ")
    lines = [CodeLine(Content(line), margin) for line in _lines(code)]
    lines[0].joins = joins
    return Block(code, language, lines)


def label(language: str, lead: Content, copy_index: int) -> Bar:
    action = Style.from_meta({"@click": f"copy_code({copy_index})"})

    def name() -> Content:
        return Content.styled(f" {language.split()[0] if language.strip() else say('코드', 'code')}", ".reply--label")

    def copy() -> Content:
        return Content.styled(f" {say('복사', 'copy')} ", ".reply--copy").stylize(action)

    return Bar(lead, name, copy, fill="reply--block")


def _coloured(code: str, lexer: "Lexer") -> Iterator[Content]:
    text = ""
    spans: list[Span] = []
    for kind, value in lexer.get_tokens("\n".join(_lines(code))):
        style = _style(kind)
        for index, piece in enumerate(value.split("\n")):
            if index:
                yield Content(text, spans=spans)
                text, spans = "", []
            if style and piece:
                spans.append(Span(len(text), len(text) + len(piece), style))
            text += piece


def _lines(code: str) -> list[str]:
    return code.expandtabs(_TAB).split("\n")


@cache
def _sent_for(language: str) -> "Future[Lexer | None]":
    """Importing a lexer and its expressions takes longer than a frame, so it happens beside the interface."""
    return _library().submit(_lexer, language)


@cache
def _library() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="lexers")


def _lexer(language: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    name = language.split()[0].strip("{}.").lower() if language.split() else ""
    if name in _NOT_A_LANGUAGE:
        return None
    try:
        lexer = get_lexer_by_name(name, stripnl=False, ensurenl=True)
        next(iter(lexer.get_tokens(" ")), None)  # the first use compiles its expressions
        return lexer
    except ClassNotFound:
        return None


@cache
def _style(kind: Any) -> str:
    """The component class for a token of pygments."""
    names = str(kind).removeprefix("Token.").split(".")
    if names[0] == "Keyword" or names[:2] == ["Operator", "Word"]:
        return ".reply--keyword"
    if names[0] == "Comment":
        return ".reply--comment"
    if names[0] == "Literal":
        return ".reply--number" if "Number" in names else ".reply--string"
    if names[0] == "Name" and len(names) > 1 and names[1] in ("Function", "Class", "Decorator", "Tag", "Builtin"):
        return ".reply--name"
    return ""
