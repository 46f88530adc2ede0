"""Preference pairs as they are trained: one example of two documents, whose losses are one.

    ids          prompt chosen <eos> │ prompt rejected <eos>
    trained      ......  x x x   x   │ ......  x x x x   x
    rejected_at                        ^

Both documents begin with the same tokens, those of answering, whatever a reply begins with: prompt and reply are encoded apart. A pair is
left out where the cutoff cuts one of its replies, which would teach where the cut is, and where both say the same.
"""

from collections.abc import Sequence
from dataclasses import replace

from kullm_tui.core.language import say
from trainer.dataset.labels import Example, Labelling, examples
from trainer.dataset.prompt_rows import PromptRow
from trainer.dataset.sources import Rejection, Row


def paired_examples(rows: Sequence[Row], how: Labelling) -> list[Example | Rejection]:
    """One for each row, in order. A row without a rejected reply is an example like any other."""
    sides = [sides_of(row) for row in rows]
    made = iter(examples([side for both in sides for side in both], how))
    return [_joined(row, [next(made) for _ in both], how) for row, both in zip(rows, sides, strict=True)]


def sides_of(row: Row) -> tuple[Row, ...]:
    """The chosen reply's row and the rejected one's; the row itself where there is but one."""
    record = row.record
    if not isinstance(record, PromptRow) or not record.rejected:
        return (row,)
    return tuple(replace(row, record=PromptRow(record.prompt, reply)) for reply in (record.chosen, record.rejected))


def _joined(row: Row, sides: Sequence[Example | Rejection], how: Labelling) -> Example | Rejection:
    for side in sides:
        if isinstance(side, Rejection):
            return side
    made = [side for side in sides if isinstance(side, Example)]
    if len(made) == 1:
        return made[0] if how.unpaired else _unpaired(row)
    chosen, rejected = made
    if chosen.cut or rejected.cut:
        return _cut(row, how)
    if chosen.ids == rejected.ids:
        return Rejection(row.number, "equal", say("두 답이 같아요", "both replies say the same"))
    trained = (*chosen.trained, *rejected.trained)
    return Example((*chosen.ids, *rejected.ids), trained, chosen.row, False, rejected_at=len(chosen.ids))


def _unpaired(row: Row) -> Rejection:
    return Rejection(
        row.number,
        "unpaired",
        say(
            "버린 답이 없어 쌍이 되지 않아요(preference.sft_weight를 정하면 함께 배워요)",
            "there is no rejected reply (with preference.sft_weight such rows are learnt from too)",
        ),
    )


def _cut(row: Row, how: Labelling) -> Rejection:
    return Rejection(
        row.number,
        "cut",
        say(
            f"두 답 가운데 하나가 {how.cutoff}토큰에서 잘려요",
            f"one of the replies is cut at {how.cutoff} tokens",
        ),
    )
