"""Rows of what a model was trained on first, learnt again beside the lessons: with lessons alone it forgets the rest.

Which rows is decided by their content, so the same job takes the same ones, and a larger share takes those of a smaller and more.
Nothing that was marked as not for training comes back this way, and no other answer to a question that a lesson answers.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import Any

from data.folded import plain
from data.never import Never
from kullm_tui.core.models.adapters import Adapter, card_of
from kullm_tui.core.records import Dialogue, Instruction
from kullm_tui.feedback.held_out import DEMO_BASE
from trainer.dataset.sources import Row, content_digest, records
from trainer.recipe import DataChoice, Source, load_recipe, shipped_recipes

# Of all rows that are trained. Why so many stands in docs/experiments.md, "A question taught".
USUAL_SHARE = 0.5

OF_VOTES = "dpo-votes"  # what the names of recipes begin with that learn from feedback

Plain = Instruction | Dialogue  # a row of replies, not of pairs


def original_mixture(base: str, template: str, own: Adapter | None) -> Source:
    """Where the rows of its first training come from, as a recipe names it: by the adapter's card, or by the shipped recipe that trains
    in its template. Empty where nobody knows."""
    card = card_of(own) if own else {}
    taught = card.get("feedback")
    source = taught.get("replay", {}).get("source") if isinstance(taught, dict) else card.get("data")
    if isinstance(source, list):
        return tuple(map(str, source))
    return str(source) if source else _of_recipe(is_demo=base == DEMO_BASE, template=template)


def _of_recipe(*, is_demo: bool, template: str) -> Source:
    shipped = (load_recipe(name) for name in shipped_recipes() if not name.startswith(OF_VOTES))
    fitting = (one for one in shipped if one.model.template == template and (one.model.base == DEMO_BASE) == is_demo)
    return next((one.data.source for one in fitting), "")


def rows_again(
    source: Source, lessons: int, *, share: float, never: Never, taught: frozenset[str]
) -> list[dict[str, Any]]:
    """So many that they are this share of all rows, or as many as there are. `taught`: the lessons' questions, as `plain` has them."""
    wanted = round(lessons * share / (1 - share))
    if not wanted:
        return []

    def is_fit(record: Plain) -> bool:
        texts = [text for one in record.messages for text in (one.content, one.input)]
        return not never.is_in(texts) and taught.isdisjoint(map(plain, texts))

    chosen = heapq.nsmallest(wanted, _by_content(source, is_fit), key=lambda one: one[0])
    return [_fields(record) for _, record in chosen]


def _by_content(source: Source, is_fit: Callable[[Plain], bool]) -> Iterator[tuple[bytes, Plain]]:
    """Each once, however often the mixture has it."""
    seen = set[bytes]()
    for row in records(DataChoice(source=source)):
        if isinstance(row, Row) and isinstance(row.record, Plain) and is_fit(row.record):
            digest = content_digest(row.record)
            if digest not in seen:
                seen.add(digest)
                yield digest, row.record


def _fields(record: Plain) -> dict[str, Any]:
    """As a data file of ours has it."""
    if isinstance(record, Instruction):
        return {"instruction": record.instruction, "input": record.input, "output": record.output}
    return {"conversations": [{"from": one.role, "value": one.content} for one in record.messages]}
