"""Who takes part in a comparison: a model, perhaps with an adapter over it."""

from collections.abc import Sequence
from dataclasses import dataclass

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

FEWEST, MOST = 2, 4


@dataclass(frozen=True)
class Contestant:
    model: str
    adapter: str = ""

    @property
    def label(self) -> str:
        return f"{self.model}+{self.adapter}" if self.adapter else self.model


def require_contestants(contestants: Sequence[Contestant]) -> None:
    if not FEWEST <= len(contestants) <= MOST:
        raise UsageError(
            say(
                f"한 번에 {FEWEST}개에서 {MOST}개까지 비교해요. 지금은 {len(contestants)}개예요.",
                f"{FEWEST} to {MOST} models are compared at a time, not {len(contestants)}.",
            )
        )
    labels = [contestant.label for contestant in contestants]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice:
        raise UsageError(
            say(
                f"{twice}: 두 번 적혀 있어요. 서로 다른 모델을 고르세요.",
                f"{twice} is named twice. Choose different models.",
            )
        )
