"""From a record to token ids, with the trained ones marked.

    prompt  ids     아래는 작업을 … ### 응답:\\n │ 서울입니다. <eos>
            trained .  .  .  .  .  .  .  .  .   │  x  x  x    x       loss = "output"
            trained .  x  x  x  x  x  x  x  x   │  x  x  x    x       loss = "all"

Prompt and reply are encoded apart and joined, as in answering. A reply that the cutoff cuts has no end token. Labels are never
read off token values, and nothing is padded here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tokenizers import Tokenizer

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.prompting import Prompting
from kullm_tui.core.models.resolve import Profile, resolve
from kullm_tui.core.records import Instruction, Message, Record
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.segments import Prompt
from kullm_tui.core.templates.tokens import Marked, encode, encode_many, load_tokenizer
from trainer.dataset.prompt_rows import PromptRow
from trainer.dataset.sources import Rejection, Row
from trainer.recipe import Recipe
from trainer.recipe_rules import OF_THE_PROFILE, OF_THE_TOKENIZER

if TYPE_CHECKING:
    import numpy.typing as npt

_LONGEST_ROW = 200_000  # characters; more is no row but a book, and minutes of work


@dataclass(frozen=True)
class Example:
    """A row as it is trained. `row` is its number in the source; `cut`: it was longer, and its last reply has no end; `rejected_at`: of a
    pair, where the rejected reply's document begins."""

    ids: "Sequence[int] | npt.NDArray[Any]"
    trained: "Sequence[bool] | npt.NDArray[Any]"
    row: str
    cut: bool
    rejected_at: int = 0


@dataclass(frozen=True)
class Piece:
    text: str
    trained: bool


@dataclass(frozen=True, kw_only=True)
class Labelling:
    """How the rows of one recipe become examples."""

    prompting: Prompting
    tokenizer: Tokenizer
    template: str
    cutoff: int
    loss: Literal["output", "all"]
    pairs: bool = False  # rows with a chosen and a rejected reply are learnt from as such
    unpaired: bool = True  # … and beside them rows without

    @property
    def bos(self) -> int | None:
        return self.prompting.bos_before(self.template)

    @cached_property
    def eos(self) -> int:
        """The token that ends a reply; a model without one would never learn to stop."""
        token = self.tokenizer.token_to_id(self.prompting.eos_token) if self.prompting.eos_token else None
        if token is None:
            raise ConfigError(
                say(
                    "베이스 모델에 답변을 끝내는 토큰(eos)이 없어요. 프로필이나 config.json에 eos를 적어 주세요.",
                    "The base names no token that ends a reply (eos). Name it in its profile or config.json.",
                )
            )
        return int(token)

    @property
    def wording(self) -> str:
        """Everything the template says, for knowing whether a tokenised set still holds."""
        if self.template == OWN_TEMPLATE:
            return self.prompting.chat_template or ""
        shape = TEMPLATES[self.template]
        return repr((shape.form, shape.several, shape.default_system, shape.specials))


def template_of(recipe: Recipe, profile: Profile) -> str:
    """The template's name as a profile has it; the tokenizer's own is `tokenizer`."""
    chosen = recipe.model.template
    if chosen == OF_THE_PROFILE:
        return profile.template
    return OWN_TEMPLATE if chosen == OF_THE_TOKENIZER else chosen


def labelling_of(recipe: Recipe, tokenizer_folder: Path) -> Labelling:
    profile = resolve(recipe.model.base).profile
    tokenizer = load_tokenizer(tokenizer_folder)
    return Labelling(
        prompting=Prompting(tokenizer_folder, profile, tokenizer),
        tokenizer=tokenizer,
        template=template_of(recipe, profile),
        cutoff=recipe.data.cutoff,
        loss=recipe.data.loss,
        pairs=recipe.train.kind == "dpo",
        unpaired=recipe.train.kind != "dpo" or recipe.preference.sft_weight > 0,
    )


def examples(rows: Sequence[Row], how: Labelling) -> list[Example | Rejection]:
    """One for each row, in order."""
    prompts = [_prompt(row, how) for row in rows]
    encoded = iter(encode_many([one for one in prompts if isinstance(one, Prompt)], how.tokenizer, bos=how.bos))
    return [
        one if isinstance(one, Rejection) else _example(row, next(encoded), how)
        for row, one in zip(rows, prompts, strict=True)
    ]


def pieces(row: Row, example: Example, how: Labelling) -> list[Piece]:
    """The example's text, token for token."""
    prompt = _prompt(row, how)
    if isinstance(prompt, Rejection):
        return []
    texts = (*encode(prompt, how.tokenizer, bos=how.bos).pieces, how.prompting.eos_token)
    return [Piece(text, bool(trained)) for text, trained in zip(texts, example.trained, strict=False)]


def _example(row: Row, marked: Marked, how: Labelling) -> Example | Rejection:
    ids, trained = marked
    if not _ends(ids, trained, how):
        ids, trained = [*ids, how.eos], [*trained, True]
    if how.loss == "all":
        trained = [True] * len(ids)
    elif isinstance(row.record, PromptRow):
        trained = _last_reply(trained)
    trained[:1] = [False]
    kept, kept_trained = ids[: how.cutoff], trained[: how.cutoff]
    if not any(kept_trained) or (how.loss == "all" and not any(marked[1][: how.cutoff])):
        return Rejection(
            row.number,
            "too-long",
            say(
                f"질문만으로 {how.cutoff}토큰이 넘어 학습할 답변이 남지 않아요",
                f"the prompt alone fills the {how.cutoff} tokens: no reply is left to train",
            ),
        )
    return Example(tuple(kept), tuple(kept_trained), str(row.number), any(trained[how.cutoff :]))


def _last_reply(trained: Sequence[bool]) -> list[bool]:
    """The last stretch that is trained: between two replies there is always a question."""
    end = max((place + 1 for place, mark in enumerate(trained) if mark), default=0)
    begin = end
    while begin and trained[begin - 1]:
        begin -= 1
    return [begin <= place < end for place in range(len(trained))]


def _ends(ids: Sequence[int], trained: Sequence[bool], how: Labelling) -> bool:
    """Whether the last trained token is one that the model stops at."""
    last = next((token for token, mark in zip(reversed(ids), reversed(trained), strict=True) if mark), None)
    return last == how.eos or last in how.prompting.special.eos


def _prompt(row: Row, how: Labelling) -> Prompt | Rejection:
    messages = _trainable(row.record)
    fault = _fault(messages, row.record)
    if fault:
        return Rejection(row.number, *fault)
    try:
        return how.prompting.prompt(messages, how.template, open_reply=False)
    except ConfigError as error:
        if how.template != OWN_TEMPLATE or how.prompting.chat_template is None:
            raise
        return Rejection(row.number, "template", str(error))


def _trainable(record: Record | PromptRow) -> tuple[Message, ...]:
    """The turns from the first question to the last reply: what stands outside them answers nothing, or is not answered."""
    if isinstance(record, Instruction):
        return record.messages
    system = [message for message in record.messages if message.role == "system"]
    turns = [message for message in record.messages if message.role != "system"]
    while turns and turns[0].role == "assistant":
        turns.pop(0)
    while turns and turns[-1].role == "user":
        turns.pop()
    return (*system, *turns)


def _fault(messages: Iterable[Message], record: Record | PromptRow) -> tuple[str, str] | None:
    """Why the row cannot be trained, by its text alone."""
    turns = [message for message in messages if message.role != "system"]
    if sum(len(message.content) + len(message.input) for message in record.messages) > _LONGEST_ROW:
        return "too-many-characters", say(f"{_LONGEST_ROW:,}자가 넘어요", f"over {_LONGEST_ROW:,} characters")
    if not turns or any(not (message.content.strip() or message.input.strip()) for message in turns):
        return "empty", say("질문이나 답변이 비었어요", "a question or a reply is empty")
    if any(_unspeakable(message.content + message.input) for message in messages):
        return "unreadable", say("짝 없는 유니코드 문자가 있어요", "half a surrogate pair among the characters")
    return None


def _unspeakable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
