"""A tokenizer's own chat template, rendered to segments: its special tokens kept apart from the user's words, its replies trained.

Marks made of Unicode noncharacters travel through the template inside the messages: one within each special token that
somebody typed, so that only the template's own become tokens, and one pair around the words of each reply.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.records import Message
from kullm_tui.core.templates.marks import REPLY_BEGINS, REPLY_ENDS
from kullm_tui.core.templates.render_process import run_template
from kullm_tui.core.templates.segments import Prompt, Segment

_TYPED = "\ufdd0"
_MARKS = re.compile(f"[{_TYPED}{REPLY_BEGINS}{REPLY_ENDS}]")
_REPLY = re.compile(f"{REPLY_BEGINS}([^{REPLY_BEGINS}{REPLY_ENDS}]*){REPLY_ENDS}")
_GENERATION = re.compile(r"\{%-?\s*generation\b")
_READS_INPUT = re.compile(r"""\[\s*['"]input['"]\s*\]|\.input\b|get\(\s*['"]input['"]""")

Span = tuple[int, int]


def render_chat_template(
    source: str,
    messages: Sequence[Message],
    *,
    bos_token: str,
    eos_token: str,
    open_reply: bool,
    special_tokens: Sequence[str] = (),
) -> Prompt:
    """`special_tokens`: the others that the template may write (<|im_start|> …); the bos and eos need no mention."""
    specials = sorted({token for token in (bos_token, eos_token, *special_tokens) if token}, key=len, reverse=True)
    tokens = re.compile("|".join(map(re.escape, specials)) or r"(?!)")
    marks_replies = not _GENERATION.search(source)
    variables: dict[str, Any] = {"bos_token": bos_token, "eos_token": eos_token, "tools": None, "documents": None}

    def rendered(some: Sequence[Message], opened: bool) -> str:
        rows = [_as_variable(message, tokens, source, marks_replies) for message in some]
        return run_template(source, {**variables, "messages": rows, "add_generation_prompt": opened})

    text, spans = _without_reply_marks(rendered(messages, open_reply))
    if marks_replies and spans:
        last = max(place for place, message in enumerate(messages) if message.role == "assistant")
        try:
            opened, _ = _without_reply_marks(rendered(messages[:last], True))
        except ConfigError:  # a template may refuse a conversation that stops here
            opened = ""
        spans = list(_with_lead_and_end(text, spans, opened, tokens))
    return Prompt(tuple(_segments(text, spans, tokens)))


def _as_variable(message: Message, tokens: re.Pattern[str], source: str, marks_replies: bool) -> dict[str, str]:
    content, extra = (_marked(text, tokens) for text in (message.content, message.input))
    if message.role == "assistant" and marks_replies:
        words = content.strip()  # templates trim a reply: the marks stand where nothing is trimmed
        content = content.replace(words, f"{REPLY_BEGINS}{words}{REPLY_ENDS}", 1)
    if _READS_INPUT.search(source):
        return {"role": message.role, "content": content, "input": extra}
    return {"role": message.role, "content": "\n\n".join(part for part in (content, extra) if part)}


def _marked(text: str, tokens: re.Pattern[str]) -> str:
    """A mark after the first character of every place where a special token begins, overlapping ones too."""
    return re.sub(f"(?=(?:{tokens.pattern}))(.)", f"\\1{_TYPED}", _MARKS.sub("", text), flags=re.DOTALL)


def _without_reply_marks(text: str) -> tuple[str, list[Span]]:
    spans: list[Span] = []
    parts: list[str] = []
    length = 0
    for place, part in enumerate(_REPLY.split(text)):
        clean = part.replace(REPLY_BEGINS, "").replace(REPLY_ENDS, "")
        parts.append(clean)
        if place % 2:  # what stood between two marks
            spans.append((length, length + len(clean)))
        length += len(clean)
    return "".join(parts), spans


def _with_lead_and_end(text: str, spans: Sequence[Span], opened: str, tokens: re.Pattern[str]) -> Iterator[Span]:
    """The words of each reply, with what is generated before them (seen at the last reply) and the token that ends them."""
    last = spans[-1][0]
    lead = text[len(opened) : last] if opened and text[:last].startswith(opened) else ""
    ending = re.compile(rf"\s*(?:{tokens.pattern})")
    for begin, end in spans:
        found = ending.match(text, end)
        yield begin - len(lead) if text.endswith(lead, 0, begin) else begin, found.end() if found else end


def _segments(text: str, spans: Sequence[Span], tokens: re.Pattern[str]) -> Iterator[Segment]:
    found = {token.span() for token in tokens.finditer(text)}
    edges = sorted({0, len(text), *(edge for span in (*spans, *found) for edge in span)})
    # One pass, however many spans: a template may write as many as its text has letters.
    begun, ended = Counter(begin for begin, _ in spans), Counter(end for _, end in spans)
    inside = 0
    for begin, end in zip(edges, edges[1:], strict=False):
        inside += begun[begin] - ended[begin]
        piece = text[begin:end].replace(_TYPED, "")
        if piece:
            yield Segment(piece, trained=inside > 0, special=(begin, end) in found)
