"""A row without what a web page, a clipboard or a broken export left in it. NFC it is already: messages are.

What stands in a code fence is never changed, but for what no file of text can hold (NULs, halves of broken characters) and the label
of a button above it. Tags are taken out only of a text that is a page's own HTML: who asks what `<div>` does keeps the question.
"""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html.entities import html5
from itertools import pairwise
from typing import Any

from data.masking.plain import parts
from data.row import Rejection, Row
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.text import is_whole, storable, terminal_safe

_RULES = 1

# A button's label ran into the name of the language, on the fence's line or the next.
_COPY_BUTTON = re.compile(r"\A([ \t]*(?:`{3,}|~{3,})[ \t]*)\n?([\w+#.-]*?)[ \t]*\n?[ \t]*Copy code[ \t]*\n?")
# The answer's page: `2 / 3` above an answer asked for again, the length below one that was copied.
_PAGER = re.compile(r"\A\s*\d{1,3} / \d{1,3}[ \t]*\n|\n[ \t]*Copy\d+ chars / \d+ words[ \t]*\s*\Z")
_WRAPPED = re.compile(r"\s*<(div|p|span)\b[^<>]*>.*</\1>\s*\Z", re.DOTALL | re.IGNORECASE)
_PAGE_CLASS = re.compile(
    r"<(?:div|span|p)\s[^<>]*\bclass=\"[^\"<>]*\b(?:markdown|prose|hljs|whitespace-pre-wrap|overflow-)"
)
_PARAGRAPH_END = re.compile(r"</(?:div|p)>\s*", re.IGNORECASE)
_WRAPPER = re.compile(r"</?(?:div|p|span)\b[^<>]*>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_INLINE_CODE = re.compile(r"(?<!`)(`{1,2})(?!`)[^\n]{0,1000}?(?<!`)\1(?!`)")
# Only with its semicolon: `?a=1&copy=2` is an address.
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_SEPARATORS = re.compile("[\u2028\u2029\u0085]")
_HIDDEN = re.compile(
    "[\u200b\u2060\ufeff\u00ad]"
    # Joiners shape emoji, Persian and Indian scripts; beside Hangul, Latin or blanks they shape nothing.
    "|(?:(?<=[\\s\x21-\x7e가-힣])|\\A)[\u200c\u200d]|[\u200c\u200d](?=[\\s\x21-\x7e가-힣]|\\Z)"
)
_GAP = re.compile(r"\n{4,}")
# What the expressions above can find at all; nearly all texts have none of it.
_SUSPECT = re.compile(
    "[<&`~\x00-\x08\x0b-\x1f\x7f-\xa0\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|\\d /|Copy\\d"
)


@dataclass(frozen=True)
class Clean:
    name = "clean"

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rules": _RULES}

    def __call__(self, row: Row) -> Row | Rejection:
        messages = tuple(_whole_turns([_cleaned(message) for message in row.messages]))
        if not any(message.role == "assistant" for message in messages):
            return Rejection(
                row,
                "broken-turns",
                say("온전한 질문과 답이 한 쌍도 없어요.", "There is not one whole pair of a question and its answer."),
            )
        return row if messages == row.messages else replace(row, messages=messages)


def clean_text(text: str) -> str:
    if not is_whole(text) or "\0" in text:
        text = storable(text)
    if _SUSPECT.search(text):
        text = _PAGER.sub("", text)
        is_page = _WRAPPED.match(text) is not None or _PAGE_CLASS.search(text) is not None
        cleaned = [_fence(part) if is_code else _prose(part, is_page) for part, is_code in parts(text)]
        cleaned[0], cleaned[-1] = cleaned[0].lstrip(), cleaned[-1].rstrip()  # never a fence's blanks
        return "".join(cleaned)
    return text.strip()


def _cleaned(message: Message) -> Message:
    content, beside = clean_text(message.content), clean_text(message.input)
    if (content, beside) == (message.content, message.input):
        return message
    return replace(message, content=content, input=beside)


def _fence(block: str) -> str:
    return _COPY_BUTTON.sub(r"\1\2\n", block, count=1)


def _prose(text: str, is_page: bool) -> str:
    """Tags before entities: `&lt;div&gt;` is somebody's word, and stays one as `<div>`."""
    pieces, at = [], 0
    for code in _INLINE_CODE.finditer(text):
        pieces += [_marked_up(text[at : code.start()], is_page), code[0]]
        at = code.end()
    text = "".join([*pieces, _marked_up(text[at:], is_page)])
    text = _HIDDEN.sub("", terminal_safe(_SEPARATORS.sub("\n", text)).replace("\u00a0", " "))
    if not is_page:
        return text
    return _GAP.sub("\n\n", "\n".join(line.rstrip(" \t") for line in text.split("\n")))


def _marked_up(text: str, is_page: bool) -> str:
    if is_page:
        text = _WRAPPER.sub("", _PARAGRAPH_END.sub("\n\n", text))
    if "<br" in text.lower():
        text = "".join(map(_broken, text.splitlines(keepends=True)))
    return _ENTITY.sub(_character, text)


def _character(entity: re.Match[str]) -> str:
    """`html.unescape` alone would make a sign of the first letters of a name that it does not know."""
    name = entity[0][1:]
    return html.unescape(entity[0]) if name.startswith("#") or name in html5 else entity[0]


def _broken(line: str) -> str:
    """A cell of a Markdown table has no other way to break its line."""
    if line.lstrip().startswith("|"):
        return line
    first, *others = _BREAK.split(line)
    if others and not others[-1].strip(" \t\n"):
        others[-1] = ""  # the line ends there anyway
    return "\n".join([first, *(other.lstrip(" \t") for other in others)])


def _whole_turns(messages: Sequence[Message]) -> Iterator[Message]:
    """From the first question on, as long as question and answer alternate and both say something; a system's words before them stay."""
    start = 1 if messages and messages[0].role == "system" else 0
    system, rest = messages[:start], list(messages[start:])
    while rest and rest[0].role != "user":
        rest.pop(0)
    whole = []
    for asked, answered in list(pairwise(rest))[::2]:
        if (asked.role, answered.role) != ("user", "assistant") or not answered.content:
            break
        if not (asked.content or asked.input):
            break
        whole += [asked, answered]
    if whole:
        yield from (message for message in system if message.content)
        yield from whole
