"""A prompt form as data: patterns for the opening, the user's block and the reply, and the one function that fills them.

    header | system(header)   user opening reply separator   user opening reply …   user opening
    └─ once, at the top ─┘    └────── earlier turns ──────┘                          └─ last ──┘

A pattern is literal text with the placeholders {content}, {input}, {system}, {header}, {eos} and {bos}.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kullm_tui.core.records import Message
from kullm_tui.core.templates.segments import Segment

_PLACEHOLDER = r"\{(?:content|input|system|header|eos|bos)\}"
_BLANK_LINE = "\n\n"


@dataclass(frozen=True, kw_only=True)
class Turn:
    """What one question and its reply look like."""

    user: str
    user_with_input: str = ""  # "": no form for an input, which then follows the question after a blank line
    opening: str = ""
    reply: str = "{content}{eos}"


@dataclass(frozen=True, kw_only=True)
class Form:
    last: Turn  # the turn being answered or trained
    earlier: Turn | None = None  # the turns before it; None: like the last
    separator: str = ""  # between a reply and the next question
    header: str = ""  # the top, without a system text
    header_with_input: str | None = None  # the top when the first question carries an input; None: the same
    system: str = "{system}\n\n{header}"  # the top with a system text

    @property
    def before_last(self) -> Turn:
        return self.earlier or self.last

    @property
    def trains_earlier_replies(self) -> bool:
        """An earlier reply behind another opening than the one generation resumes from teaches nothing about replying."""
        return self.before_last.opening == self.last.opening

    @property
    def header_holds_input(self) -> bool:
        return "{input}" in (self.header_with_input or "")


@dataclass(frozen=True)
class Outline:
    """A conversation as the forms need it: one system text, then turns whose roles alternate."""

    system: str | None
    turns: tuple[Message, ...]

    @property
    def first_input(self) -> str:
        return next((turn.input for turn in self.turns if turn.role == "user"), "")

    @property
    def last_question(self) -> int:
        """Where the last turn begins; what stands before it is earlier."""
        answered = bool(self.turns) and self.turns[-1].role == "assistant"
        return len(self.turns) - (2 if answered else 1)


def outline(messages: Sequence[Message]) -> Outline:
    """System texts joined; neighbours of one role (a question whose reply failed, then another) merged."""
    system = [message.content for message in messages if message.role == "system"]
    turns: list[Message] = []
    for message in messages:
        if message.role == "system":
            continue
        if turns and turns[-1].role == message.role:
            turns[-1] = _merged(turns[-1], message)
        else:
            turns.append(message)
    return Outline(_joined(*system) if system else None, tuple(turns))


def split_pattern(pattern: str, specials: Sequence[str]) -> list[str]:
    """The pattern cut into placeholders, special tokens and literal text."""
    cuts = "|".join([_PLACEHOLDER, *map(re.escape, specials)])
    return [part for part in re.split(f"({cuts})", pattern) if part]


def fill(
    pattern: str, values: Mapping[str, str], specials: Sequence[str], *, trained: bool = False
) -> Iterator[Segment]:
    for part in split_pattern(pattern, specials):
        if part in ("{eos}", "{bos}"):
            segment = Segment(values[part], trained, special=True)
        else:
            segment = Segment(values.get(part, part), trained, special=part in specials)
        if segment.text:
            yield segment


def render_form(
    form: Form, shape: Outline, tokens: Mapping[str, str], specials: Sequence[str], *, open_reply: bool
) -> Iterator[Segment]:
    """`tokens` gives {eos} and {bos}; `shape.system` is the system text with the default already put in."""
    yield from _top(form, shape, tokens, specials)
    for place, message in enumerate(shape.turns):
        is_earlier = place < shape.last_question
        turn = form.before_last if is_earlier else form.last
        if message.role == "user":
            input_shown = form.header_holds_input and place <= 1
            pattern, values = _question(turn, replace(message, input="") if input_shown else message)
            yield from fill(pattern, {**tokens, **values}, specials)
            continue
        yield from fill(turn.opening, tokens, specials)
        trained = form.trains_earlier_replies or not is_earlier
        yield from fill(turn.reply, {**tokens, "{content}": message.content}, specials, trained=trained)
        if is_earlier:
            yield from fill(form.separator, tokens, specials)
    if open_reply and not (shape.turns and shape.turns[-1].role == "assistant"):
        yield from fill(form.last.opening, tokens, specials)


def _top(form: Form, shape: Outline, tokens: Mapping[str, str], specials: Sequence[str]) -> Iterator[Segment]:
    header = form.header
    if shape.first_input and form.header_with_input is not None:
        header = form.header_with_input.replace("{input}", shape.first_input)
    if not shape.system:
        yield from [Segment(header)] if header else []
        return
    yield from fill(form.system, {**tokens, "{system}": shape.system, "{header}": header}, specials)


def _question(turn: Turn, message: Message) -> tuple[str, dict[str, str]]:
    if turn.user_with_input and message.input:
        return turn.user_with_input, {"{content}": message.content, "{input}": message.input}
    return turn.user, {"{content}": _joined(message.content, message.input)}


def _merged(first: Message, second: Message) -> Message:
    return Message(first.role, _joined(first.content, second.content), _joined(first.input, second.input))


def _joined(*texts: str) -> str:
    return _BLANK_LINE.join(text for text in texts if text)
