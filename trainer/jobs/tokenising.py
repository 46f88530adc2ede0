"""The data of a recipe before it is trained: made into tokens once, counted for the plan."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.estimate.tokens import Lengths, lengths_of, recorded_lengths
from trainer.jobs.telling import Telling
from trainer.recipe import Recipe

if TYPE_CHECKING:
    from trainer.dataset.tokens import TokenSet


_FEW_PAIRS, _MOST_TIMES = 300, 100


def tokenise(recipe: Recipe, folder: Path, telling: Telling) -> Lengths:
    """Before any rank starts: this process makes the sets, the ranks find them made. What is left out is said."""
    from trainer.dataset.tokens import evaluation_set, tokenised

    def progress(rows: int) -> None:
        telling.progress(say(f"토큰으로 바꾸는 중 … {rows:,}행", f"tokenising … {rows:,} rows"))

    tokens = tokenised(recipe, folder, progress)
    evaluation_set(recipe, folder, progress)
    telling.note(_facts_line(tokens))
    if recipe.train.kind == "dpo" and (pairs := _different_pairs(tokens)) < _FEW_PAIRS:
        telling.note(_few_pairs(pairs))
    return _lengths(tokens)


def cached_lengths(recipe: Recipe, folder: Path | None) -> Lengths | None:
    """Of the tokenised set where it is in the cache; a plan makes none."""
    if folder is None:
        return None
    from trainer.dataset.tokens import cached

    with suppress(KullmError, OSError):  # data that cannot be read is told when it is to be trained
        tokens = cached(recipe, folder)
        return _lengths(tokens) if tokens else None
    return None


def known_lengths(recipe: Recipe, folder: Path | None) -> Lengths:
    """For a plan: of the tokenised set, else of the rows that are on this machine, else what is recorded of data sets by name."""
    from trainer.dataset.sources import rows_there

    if lengths := cached_lengths(recipe, folder):
        return lengths
    with suppress(KullmError, OSError):
        return recorded_lengths(recipe, rows_there)
    return recorded_lengths(recipe)


def _lengths(tokens: "TokenSet") -> Lengths:
    return lengths_of(tokens.lengths.tolist(), tokens.facts.trained_tokens, tokens.facts.pairs)


def _facts_line(tokens: "TokenSet") -> str:
    facts = tokens.facts
    left_out = sum(facts.rejected.values())
    why = ", ".join(f"{reason} {count:,}" for reason, count in facts.rejected.items())
    dropped = say(f", 뺀 행 {left_out:,} ({why})", f", {left_out:,} left out ({why})") if left_out else ""
    cut = say(f", 잘린 행 {facts.cut:,}", f", {facts.cut:,} cut") if facts.cut else ""
    pairs = say(f" (선호 쌍 {facts.pairs:,})", f" ({facts.pairs:,} preference pairs)") if facts.pairs else ""
    return say(
        f"{facts.examples:,}행{pairs}, {facts.tokens:,}토큰{cut}{dropped}",
        f"{facts.examples:,} rows{pairs}, {facts.tokens:,} tokens{cut}{dropped}",
    )


def _different_pairs(tokens: "TokenSet") -> int:
    """One that stands there several times, to be learnt as often, is one. Of many none are compared: they are not few."""
    if tokens.facts.pairs > _FEW_PAIRS * _MOST_TIMES:
        return tokens.facts.pairs
    return len({tuple(one.ids) for one in map(tokens.example, range(len(tokens))) if one.rejected_at})


def _few_pairs(count: int) -> str:
    return say(
        f"선호 쌍이 {count:,}개뿐이에요. {_FEW_PAIRS}개보다 적으면 말투만 바뀌거나 쌍을 외우기 쉬우니, 학습한 뒤에 전후를 비교해 보세요.",
        f"only {count:,} preference pairs: below {_FEW_PAIRS} a model easily learns them by heart, or only a manner of speech. "
        "Compare before and after.",
    )
