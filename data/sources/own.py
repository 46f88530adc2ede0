"""What the app holds itself: the examples of the demo model, the user's conversations, replies that a person wrote, and those marked as good.

A conversation's row is the branch that it goes on from, as far as its replies are complete and none is marked as not for training. A
correction is a reply that no model gave, beside one of a model to the same question; of several that stand for one reply it is the
newest. Its row, and that of a reply that is good as it is, is what led there and that reply. Nothing is written, and what a model
thought before it answered is no part of a row.
"""

from collections.abc import Iterator, Sequence

from data.sources.form import Flaw, Messages, Unfit
from data.sources.forms import any_columns
from kullm_tui.core import paths
from kullm_tui.core.asking.messages import messages_of
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.store.history import is_cut
from kullm_tui.core.store.portable import PortableConversation, PortableMessage
from kullm_tui.core.store.recovery import open_to_read
from kullm_tui.core.store.remarks import ReviewedReply

Placed = tuple[str, Messages | Flaw]
_Branch = Sequence[PortableMessage]


def examples(manner: str) -> Iterator[Placed]:
    """Of the demo model, in one of its manners of speech."""
    from data.demo import corpus

    for number, fields in enumerate(corpus.records(manner), start=1):
        try:
            for piece in any_columns.read(fields, columns={}):
                yield f"demo:{manner}#{number}", piece
        except Unfit as unfit:
            yield f"demo:{manner}#{number}", unfit.flaw


def conversations() -> Iterator[Placed]:
    for one in _stored():
        for piece in _whole_turns(_branch(one, one.leaf)):
            yield _place(one), piece


def corrections() -> Iterator[Placed]:
    replies = _reviewed()
    newest = {one.corrects: one for one in replies if one.corrects and not one.by}  # oldest first: the last one stays
    never = {one.id for one in replies if one.mark == "never"}
    for original, correction in newest.items():
        yield from _reviewed_row(correction, is_never=original in never)
    yield from _unlinked_corrections()


def kept() -> Iterator[Placed]:
    for reply in _reviewed():
        if reply.mark == "keep":
            yield from _reviewed_row(reply)


def _reviewed() -> list[ReviewedReply]:
    file = paths.database_file()
    if not file.is_file():
        return []
    with open_to_read(file) as store:
        return list(store.reviewed().values())


def _reviewed_row(reply: ReviewedReply, *, is_never: bool = False) -> Iterator[Placed]:
    place = f"{paths.database_file().name}:{reply.conversation_id}:{reply.id}"
    told = messages_of(reply.led_by)
    turns = [one for one in told if one.role != "system"]
    if len(turns) < len(told):
        yield place, _without_system()
    if is_never or reply.is_never:
        yield place, _never()
    elif reply.cut:
        yield place, _unfinished()
    else:
        yield place, (*turns, Message("assistant", reply.content))


def _unlinked_corrections() -> Iterator[Placed]:
    """Of files of before it was remembered which reply they stand for."""
    for one in _stored():
        for reply in filter(lambda message: _is_correction(one, message), one.messages):
            pieces = [piece for piece in _whole_turns(_branch(one, reply.number)) if not isinstance(piece, Flaw)]
            if pieces and pieces[0][-1].content == Message("assistant", reply.content).content:
                yield f"{_place(one)}:{reply.number}", pieces[0]
            else:
                yield f"{_place(one)}:{reply.number}", _unfinished()


def _stored() -> Iterator[PortableConversation]:
    file = paths.database_file()
    if file.is_file():
        with open_to_read(file) as store:
            yield from store.portable()


def _place(conversation: PortableConversation) -> str:
    return f"{paths.database_file().name}:{conversation.key}"


def _is_correction(conversation: PortableConversation, message: PortableMessage) -> bool:
    if message.role != "assistant" or message.model or message.corrects or message.state != "complete":
        return False
    beside = (one for one in conversation.messages if one.parent == message.parent and one.role == "assistant")
    return any(one.model for one in beside)


def _branch(conversation: PortableConversation, leaf: int | None) -> _Branch:
    """From the root down."""
    of_number = {message.number: message for message in conversation.messages}
    up: list[PortableMessage] = []
    while leaf in of_number:
        up.append(of_number[leaf])
        leaf = of_number[leaf].parent
    return up[::-1]


def _whole_turns(branch: _Branch) -> Iterator[Messages | Flaw]:
    """Questions with complete replies, up to the first that has none."""
    said = [one for one in branch if one.role != "system"]
    turns: list[Message] = []
    is_never = False
    for question, reply in zip(said[::2], said[1::2], strict=False):
        if (question.role, reply.role) != ("user", "assistant") or is_cut(reply.state, reply.timings):
            break
        if reply.mark == "never":
            is_never = True
            break
        turns += [Message("user", question.content, question.input), Message("assistant", reply.content)]
    if len(said) < len(branch):
        yield _without_system()
    if turns:
        yield tuple(turns)
    if len(turns) < len(said):
        yield _never() if is_never else _unfinished()


def _without_system() -> Flaw:
    return Flaw("system", say("시스템 글은 빼고 읽어요", "its system text is left out"))


def _never() -> Flaw:
    return Flaw("never", say("학습 제외로 표시한 답이에요", "a reply that is not for training"))


def _unfinished() -> Flaw:
    return Flaw("unanswered", say("끝까지 답하지 않은 질문이 있어요", "a question has no complete reply"))
