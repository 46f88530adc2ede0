"""What is dropped when a conversation outgrows the context."""

from collections.abc import Sequence

import pytest

from kullm_tui.core.errors import ContextOverflow
from kullm_tui.core.records import Message
from kullm_tui.core.templates.fit import fit

SYSTEM = Message("system", "ss")
TURNS = [
    Message("user", "1" * 10),
    Message("assistant", "a" * 10),
    Message("user", "2" * 10),
    Message("assistant", "b" * 10),
    Message("user", "3" * 10),
]


def characters(messages: Sequence[Message]) -> int:
    return sum(len(message.content) for message in messages)


def test_what_fits_is_left_alone() -> None:
    fitted = fit([SYSTEM, *TURNS], characters, limit=52)
    assert fitted.messages == (SYSTEM, *TURNS)
    assert fitted.dropped_turns == 0


@pytest.mark.parametrize(("limit", "dropped"), [(51, 1), (32, 1), (31, 2), (12, 2)])
def test_whole_oldest_turns_go_first_and_no_more_than_needed(limit: int, dropped: int) -> None:
    fitted = fit([SYSTEM, *TURNS], characters, limit=limit)
    assert fitted.messages == (SYSTEM, *TURNS[2 * dropped :])
    assert fitted.dropped_turns == dropped


def test_a_greeting_goes_with_the_first_turn() -> None:
    greeting = Message("assistant", "h" * 10)
    fitted = fit([SYSTEM, greeting, *TURNS], characters, limit=52)
    assert fitted.messages == (SYSTEM, *TURNS[2:])
    assert fitted.dropped_turns == 1


def test_a_system_text_among_the_turns_is_kept() -> None:
    fitted = fit([*TURNS[:2], SYSTEM, *TURNS[2:]], characters, limit=12)
    assert fitted.messages == (SYSTEM, TURNS[4])


@pytest.mark.parametrize("messages", [[SYSTEM, *TURNS], [SYSTEM, TURNS[0]], [SYSTEM, Message("system", "t" * 10)]])
def test_a_question_too_long_alone_overflows_and_says_by_how_much(messages: list[Message]) -> None:
    with pytest.raises(ContextOverflow, match=r"12.*11"):
        fit(messages, characters, limit=11)


def test_a_long_conversation_is_rendered_a_few_times_only() -> None:
    calls = 0

    def counted(messages: Sequence[Message]) -> int:
        nonlocal calls
        calls += 1
        return characters(messages)

    fitted = fit(TURNS[:2] * 1000 + TURNS[4:], counted, limit=5_000)
    assert fitted.dropped_turns == 751
    assert calls <= 12
