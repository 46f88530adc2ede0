"""What to do with a step whose loss or gradient is not a number, or whose loss leaps: skip it, go back, give up.

good        take the step
bad         skip it: the weights stay, its examples are passed by
3 bad       go back to the last good checkpoint; the data moves on past the bad stretch
3 again     before another checkpoint was saved: stop
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say

Verdict = Literal["good", "skip", "back", "stop"]

_IN_A_ROW = 3
_MEMORY = 0.95  # of the running mean of good losses
_SETTLED = 10  # good steps before a leap can be told


class Diverged(KullmError):
    pass


@dataclass
class Guard:
    spike: float
    mean: float = 0.0
    good: int = 0
    steady: int = 0  # good steps in a row
    bad: int = 0  # bad ones
    turned_back: int = 0

    def judge(self, loss: float, gradient_norm: float) -> Verdict:
        if self._sound(loss, gradient_norm):
            self.mean = loss if not self.good else _MEMORY * self.mean + (1 - _MEMORY) * loss
            self.good, self.steady, self.bad = self.good + 1, self.steady + 1, 0
            return "good"
        self.steady, self.bad = 0, self.bad + 1
        if self.bad < _IN_A_ROW:
            return "skip"
        self.bad = 0
        self.turned_back += 1
        return "back" if self.turned_back == 1 else "stop"

    def saved(self) -> None:
        """A checkpoint behind good steps is there: trouble from here on is new trouble."""
        if self.steady:
            self.turned_back = 0

    def state(self) -> dict[str, Any]:
        return asdict(self)

    def _sound(self, loss: float, gradient_norm: float) -> bool:
        if not (math.isfinite(loss) and math.isfinite(gradient_norm)):
            return False
        return not (self.spike and self.good >= _SETTLED and loss > self.spike * self.mean)


def diverged(step: int, loss: float) -> Diverged:
    return Diverged(
        say(
            f"{step}단계에서 손실이 비정상 값({loss:g})이 되어 학습을 멈췄어요. 마지막 체크포인트로 되돌려도 나아지지 않았어요. "
            "학습률을 낮추거나 그 구간의 데이터를 살펴보세요.",
            f"Training stopped at step {step}: the loss became {loss:g}, and going back to the last checkpoint did not help. "
            "Lower the learning rate, or look at the data of that stretch.",
        )
    )
