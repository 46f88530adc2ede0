"""What of a conversation fits the model's context."""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kullm_tui.core.errors import ContextOverflow
from kullm_tui.core.language import say
from kullm_tui.core.records import Message


@dataclass(frozen=True)
class Fitted:
    messages: tuple[Message, ...]
    dropped_turns: int


def fit(messages: Sequence[Message], render_length: Callable[[Sequence[Message]], int], *, limit: int) -> Fitted:
    """The whole conversation, or what is left of it after its oldest turns; never without system texts and the last question.

    `render_length` counts the tokens of the rendered prompt, or says a number beyond `limit` that they reach at least;
    `limit` is what the context leaves beside the reply.
    """
    length = render_length(messages)
    if length <= limit:
        return Fitted(tuple(messages), 0)
    starts = _turn_starts(messages)
    # A shorter conversation is a shorter prompt, so the fewest turns to drop are found by halving.
    choices = range(1, len(starts))
    found = bisect_left(choices, True, key=lambda drop: render_length(_without(messages, starts[drop])) <= limit)
    if found < len(choices):
        return Fitted(_without(messages, starts[choices[found]]), choices[found])
    if choices:
        length = render_length(_without(messages, starts[-1]))
    raise ContextOverflow(
        say(
            f"시스템 프롬프트와 마지막 질문만으로 적어도 {length:,}토큰인데 {limit:,}토큰까지 쓸 수 있어요. "
            "질문을 줄이거나 최대 길이를 낮추세요.",
            f"The system text and the last question alone take at least {length:,} tokens; there is room for {limit:,}. "
            "Shorten the question, or lower the longest reply.",
        )
    )


def _turn_starts(messages: Sequence[Message]) -> list[int]:
    """Where each turn begins: a question, with all that answers it. A greeting before the first question goes with it."""
    return [place for place, message in enumerate(messages) if message.role == "user"]


def _without(messages: Sequence[Message], first_kept: int) -> tuple[Message, ...]:
    return tuple(message for place, message in enumerate(messages) if message.role == "system" or place >= first_kept)
