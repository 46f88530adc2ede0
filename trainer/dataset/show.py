"""A recipe's first rows as they are trained, the trained tokens marked: reversed on a terminal, in ⟦ ⟧ elsewhere."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby, islice
from pathlib import Path

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.dataset.held_out import training_rows
from trainer.dataset.labels import Labelling, Piece, examples, labelling_of, pieces
from trainer.dataset.pairs import paired_examples, sides_of
from trainer.dataset.sources import Rejection, Row
from trainer.recipe import Recipe

_REVERSED, _USUAL = "\x1b[7m", "\x1b[27m"
_OPEN, _CLOSE = "⟦", "⟧"


@dataclass(frozen=True)
class ShownRow:
    number: int
    pieces: tuple[Piece, ...]  # none for a rejected row
    cut: bool
    rejection: str = ""
    side: str = ""  # of a pair

    @property
    def tokens(self) -> int:
        return len(self.pieces)

    @property
    def trained_tokens(self) -> int:
        return sum(piece.trained for piece in self.pieces)


def shown(recipe: Recipe, tokenizer_folder: Path, count: int) -> Iterator[ShownRow]:
    """The first rows of the training part, rejected ones too; of a pair one for each reply."""
    how = labelling_of(recipe, tokenizer_folder)
    rows = islice(training_rows(recipe.data, by_prompt=how.pairs), count)
    return (shown for row in rows for shown in _sides(row, how))


def rendered(row: ShownRow, *, marked_by_terminal: bool) -> str:
    """A line of facts, then the text; safe to print."""
    if row.rejection:
        why = terminal_safe(row.rejection)
        return say(f"── {row.number}번째 행: 학습하지 않음 ({why})", f"── row {row.number}: not trained ({why})")
    begin, end = (_REVERSED, _USUAL) if marked_by_terminal else (_OPEN, _CLOSE)
    spans = [(trained, _text(group)) for trained, group in groupby(row.pieces, key=lambda piece: piece.trained)]
    lines = [
        # a mark ends with its line, so that it does not colour the margin
        (f"{begin}{text}{end}" if not marked_by_terminal else f"{begin}{text}{end}".replace("\n", f"{end}\n{begin}"))
        if trained
        else text
        for trained, text in spans
    ]
    return f"{_facts(row)}\n{''.join(lines)}"


def _facts(row: ShownRow) -> str:
    cut = say(" · 잘림(끝 토큰 없음)", " · cut (no end token)") if row.cut else ""
    return say(
        f"── {row.number}번째 행{row.side} · 토큰 {row.tokens}개 · 학습하는 토큰 {row.trained_tokens}개{cut}",
        f"── row {row.number}{row.side} · {row.tokens} tokens · {row.trained_tokens} trained{cut}",
    )


def _text(group: Iterator[Piece]) -> str:
    return terminal_safe("".join(piece.text for piece in group))


def _sides(row: Row | Rejection, how: Labelling) -> list[ShownRow]:
    if isinstance(row, Row) and how.pairs:
        joined = paired_examples([row], how)[0]
        row = joined if isinstance(joined, Rejection) else row
    if isinstance(row, Rejection) or not how.pairs or len(sides_of(row)) == 1:
        return [_shown(row, how)]
    names = (say(" (고른 답)", " (chosen)"), say(" (버린 답)", " (rejected)"))
    return [replace(_shown(side, how), side=name) for side, name in zip(sides_of(row), names, strict=True)]


def _shown(row: Row | Rejection, how: Labelling) -> ShownRow:
    if isinstance(row, Rejection):
        return ShownRow(row.number, (), False, row.detail)
    one = examples([row], how)[0]
    if isinstance(one, Rejection):
        return ShownRow(one.number, (), False, one.detail)
    return ShownRow(row.number, tuple(pieces(row, one, how)), one.cut)
