"""The data of a recipe before it is trained: made into tokens once, counted for the plan, shown with what is trained of it."""

from pathlib import Path

from kullm_tui.commands.narration import Narration
from kullm_tui.core.language import say
from trainer.estimate_tokens import Lengths, lengths_of
from trainer.recipe import Recipe


def tokenise(recipe: Recipe, folder: Path, narration: Narration) -> Lengths:
    """Before any rank starts: one process does it, the ranks find it made."""
    from trainer.tokens import tokenised

    def progress(done: int, total: int) -> None:
        share = f" {100 * done // total}%" if total else ""
        narration.progress(say(f"토큰으로 바꾸는 중 …{share}", f"tokenising …{share}"))

    try:
        tokens = tokenised(recipe, folder, progress)
    finally:
        narration.clear()
    return lengths_of([int(length) for length in tokens.lengths], 0)


def cached_lengths(recipe: Recipe) -> Lengths | None:
    return None


def show_rows(recipe: Recipe, folder: Path, count: int) -> None:
    raise NotImplementedError
