"""An item: one thing that the demo model knows, with every wording that asks for it and its answer in three manners of speech."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Item:
    topic: str
    key: str  # what is known, once in its topic
    asks: tuple[str, ...]
    polite: str  # 합니다체, a whole sentence
    context: str  # 합니다체, one sentence more
    plain: str  # 한다체, as short as it goes
    warm: str  # 해요체
    back: str  # what a conversation goes on with
    accepted: tuple[str, ...]  # an answer holds one of these
    rivals: tuple[str, ...] = field(default=(), repr=False)  # what other items of the kind answer
    split_whole: bool = False  # held out with all its wordings: arithmetic's operands
    carry: str = ""  # the question again, as a second turn puts it: 그럼 일본은요?
    given: tuple[str, str] | None = None  # the question as an instruction with a separate input
