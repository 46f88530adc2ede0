"""A block of code in a reply: its language and a place to copy it above, its lines in colours.

Lines longer than the window fold and stay one line for a selection. A lexer is used only where the reply names its language: guessing costs more than
colours are worth. Colours are component classes, so every theme has its own.
"""

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from textual.content import Content, Span
from textual.style import Style

from kullm_tui.core.language import say
from kullm_tui.ui.parts import Bar, CodeLine, Part

if TYPE_CHECKING:
    from pygments.lexer import Lexer  # type: ignore[import-untyped]

_TAB = 4
_LONGEST_LINE = 2000  # characters; lexers are regular expressions and some take their time
_SLICE = 50  # lines coloured between two looks at the clock
_NOT_A_LANGUAGE = ("", "text", "txt", "plain", "plaintext")


def code_parts(code: str, language: str, lead: Content, hang: Content, copy_index: int) -> Iterator[Part]:
    yield label(language, lead, copy_index)
    yield from lines(code, language, hang)


def label(language: str, lead: Content, copy_index: int) -> Bar:
    name = language.split()[0] if language.strip() else say("코드", "code")
    action = Style.from_meta({"@click": f"copy_code({copy_index})"})
    copy = Content.styled(f" {say('복사', 'copy')} ", ".reply--copy").stylize(action)
    return Bar(lead, Content.styled(f" {name}", ".reply--label"), copy, fill="reply--block")


def lines(code: str, language: str, hang: Content, *, joins: bool = False) -> list[CodeLine]:
    coloured = highlighted(code, language) if language else iter([[Content(line) for line in _lines(code)]])
    margin = hang + Content(" ")
    found = [CodeLine(line, margin) for some in coloured for line in some]
    found[0].joins = joins
    return found


def highlighted(code: str, language: str) -> Iterator[list[Content]]:
    """The lines in colours, some at a time, so that whoever shows them can pause in between."""
    plain = _lines(code)
    lexer = _lexer(language)
    if lexer is None or max(map(len, plain)) > _LONGEST_LINE:
        yield [Content(line) for line in plain]
        return
    text = ""
    spans: list[Span] = []
    some: list[Content] = []
    for kind, value in lexer.get_tokens("\n".join(plain)):
        style = _style(kind)
        for index, piece in enumerate(value.split("\n")):
            if index:
                some.append(Content(text, spans=spans))
                text, spans = "", []
                if len(some) >= _SLICE:
                    yield some
                    some = []
            if style and piece:
                spans.append(Span(len(text), len(text) + len(piece), style))
            text += piece
    if text:
        some.append(Content(text, spans=spans))
    if some:
        yield some


def _lines(code: str) -> list[str]:
    return code.expandtabs(_TAB).split("\n")


@cache
def _lexer(language: str) -> "Lexer | None":
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]
    from pygments.util import ClassNotFound  # type: ignore[import-untyped]

    name = language.split()[0].strip("{}.").lower() if language.split() else ""
    if name in _NOT_A_LANGUAGE:
        return None
    try:
        return get_lexer_by_name(name, stripnl=False, ensurenl=True)
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
