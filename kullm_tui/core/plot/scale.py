"""From values to their share of an axis, linear or logarithmic, and the round numbers that stand on it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10

_LARGEST = 1e300  # beyond it differences would overflow
_SAME = 1e-12  # values nearer to each other than this part of them are one value
_ROUND = (1, 2, 5, 10, 20, 50)
_IN_A_POWER = ((1, 2, 5), (1,))


def bounds(*, log: bool = False) -> tuple[float, float]:
    """What lies between these can be drawn; NaN lies between no two numbers."""
    return 1 / _LARGEST if log else -_LARGEST, _LARGEST


@dataclass(frozen=True)
class Tick:
    value: float
    label: str


@dataclass(frozen=True)
class Scale:
    low: float
    high: float
    log: bool = False

    def at(self, value: float) -> float:
        """0 at the low end, 1 at the high one."""
        if self.log:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[Tick]:
        """Round numbers within, no more than that."""
        powers = list(self._powers(most)) if self.log else []
        return powers if len(powers) > 1 else list(self._steps(most))

    def _powers(self, most: int) -> Iterator[Tick]:
        first, last = floor(log10(self.low)), floor(log10(self.high))
        for factors in _IN_A_POWER:
            found = [factor * 10.0**power for power in range(first, last + 1) for factor in factors]
            found = [value for value in found if self.low <= value <= self.high]
            if len(found) <= most:
                break
        for value in found[:: max(1, ceil(len(found) / most))]:
            yield Tick(value, _label(value, value))

    def _steps(self, most: int) -> Iterator[Tick]:
        power = 10.0 ** floor(log10((self.high - self.low) / most))
        for step in (factor * power for factor in _ROUND):
            first, last = ceil(self.low / step), floor(self.high / step)
            if last - first < most:
                break
        for place in range(first, last + 1):
            yield Tick(place * step, _label(place * step, step))


def scale_over(values: Sequence[float], *, log: bool = False) -> Scale:
    """Wide enough for all of them; one value, or none, stands in the middle."""
    low, high = (min(values), max(values)) if values else (1.0, 1.0)
    if high - low > _SAME * max(abs(low), abs(high), 1 / _LARGEST):
        return Scale(low, high, log)
    if log:
        return Scale(low / 10, high * 10, log)
    around = abs(low) / 2 or 1.0
    return Scale(low - around, high + around)


def _label(value: float, step: float) -> str:
    """With as many digits as tell it from its neighbours."""
    if not value:
        return "0"
    last = floor(log10(step) + 1e-9)
    if 1e-4 <= abs(value) < 1e7:
        return f"{value:,.{max(0, -last)}f}"
    return f"{value:.{max(1, floor(log10(abs(value)) + 1e-9) - last + 1)}g}"
