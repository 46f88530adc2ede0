"""ShareGPT's form: conversations as people shared them, which begin, end and break anywhere.

A reply that nothing asked for, a question that nobody answered and a turn without text make no row. As pairs, every question with
the reply to it is a row, whatever stands before. As conversations, what follows a break is left out: it was said to somebody who
had read what is missing.
"""

from collections.abc import Iterator, Mapping
from itertools import dropwhile, takewhile
from typing import Any

from data.sources.columns import mapped
from data.sources.form import Fields, Flaw, Messages, list_of
from kullm_tui.core.language import say
from kullm_tui.core.records import BadRecord, Message, message_of

_OTHER_ASSISTANTS = ("chatgpt", "bing", "bard", "model", "bot")
_OTHER_PEOPLE = ("prompter",)


def read_pairs(fields: Fields) -> Iterator[Messages | Flaw]:
    yield from _pieces(fields)


def read_conversations(fields: Fields) -> Iterator[Messages | Flaw]:
    pieces = list(_pieces(fields))
    yield from (piece for piece in pieces if isinstance(piece, Flaw))
    from_first_pair = dropwhile(_is_flaw, pieces)
    whole = [
        pair for pair in takewhile(lambda piece: not _is_flaw(piece), from_first_pair) if not isinstance(pair, Flaw)
    ]
    if whole:
        yield tuple(message for pair in whole for message in pair)
    if lost := sum(not _is_flaw(piece) for piece in pieces) - len(whole):
        yield Flaw("behind-a-break", say(f"끊긴 곳 뒤의 {lost}쌍", f"{lost} pairs behind a break"))


def _is_flaw(piece: Messages | Flaw) -> bool:
    return isinstance(piece, Flaw)


def _pieces(fields: Fields) -> Iterator[Messages | Flaw]:
    """Pairs in their order, and what stands between them."""
    asked: Message | None = None
    for number, turn in enumerate(list_of(mapped(fields, {}), "conversations"), start=1):
        message = _message(turn, number)
        if isinstance(message, Flaw):
            yield message
            asked = None
        elif message.role == "system":
            yield Flaw("system", say("시스템 글은 빼고 읽어요", "its system text is left out"))
        elif message.role == "user":
            if asked:
                yield _unanswered(number - 1)
            asked = message
        elif asked:
            yield asked, message
            asked = None
        elif number == 1:
            yield Flaw("leading-reply", say("대화가 답으로 시작해요", "the conversation begins with a reply"))
        else:
            yield Flaw(
                "unasked", say(f"{number}번째 차례: 묻지 않은 답", f"turn {number}: a reply that nothing asked for")
            )
    if asked:
        yield _unanswered(number)


def _message(turn: Any, number: int) -> Message | Flaw:
    try:
        message = message_of(_usual(turn))
    except BadRecord as error:
        return Flaw("turn", say(f"{number}번째 차례: {error}", f"turn {number}: {error}"))
    if not message.content.strip():
        return Flaw("empty-turn", say(f"{number}번째 차례에 글이 없어요", f"turn {number} has no text"))
    return message


def _usual(turn: Any) -> Any:
    """Under the names that all other conversations have."""
    if not isinstance(turn, Mapping):
        return turn
    speaker = str(turn.get("from", turn.get("role", ""))).lower()
    role = "assistant" if speaker in _OTHER_ASSISTANTS else "user" if speaker in _OTHER_PEOPLE else speaker
    return {"role": role, "content": turn.get("value", turn.get("content", turn.get("text")))}


def _unanswered(number: int) -> Flaw:
    return Flaw("unanswered", say(f"{number}번째 차례: 답이 없는 질문", f"turn {number}: a question without a reply"))
