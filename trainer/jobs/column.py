"""One figure by rising steps: as much of it as there is room for, and the points that are worth drawing, found anew only where it has grown."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from kullm_tui.core.plot.thin import Thinner, thinned

Points = Sequence[tuple[float, float]]

_MOST_SIGHTS = 4  # at once: the alarms', two charts', a picture's


@dataclass
class _Sight:
    """What is drawn of a stretch that begins at one place and may grow."""

    thinner: Thinner
    end: int = 0
    points: Points = ()


@dataclass
class Column:
    """What was read is made into numbers when it is first asked for: of a page most charts are not in sight."""

    most: int
    steps: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[float]" = field(default_factory=lambda: array("d"))
    _texts: list[tuple["array[int]", bytes]] = field(default_factory=list)
    _sights: dict[tuple[int, int], _Sight] = field(default_factory=dict)  # by points and the first one's place

    def extend(self, steps: "array[int]", values: "array[float]") -> None:
        self.settle()
        self.steps.extend(steps)
        self.values.extend(values)
        self._keep_within_bounds()

    def extend_later(self, steps: "array[int]", text: bytes) -> None:
        """A number for each step, between commas."""
        self._texts.append((steps, text))

    def settle(self) -> "Column":
        texts, self._texts = self._texts, []
        for steps, text in texts:
            self.steps.extend(steps)
            self.values.extend(map(float, text.split(b",")))
            self._keep_within_bounds()
        return self

    def give_up(self, step: int) -> None:
        """What was measured from there on belongs to a stretch that is repeated."""
        if self._texts and self._texts[-1][0][-1] >= step:
            self.settle()
        if not self._texts and self.steps and self.steps[-1] >= step:
            at = bisect_left(self.steps, step)
            del self.steps[at:], self.values[at:]
            self._sights.clear()

    @property
    def is_empty(self) -> bool:
        return not (self.steps or self._texts)

    @property
    def ends(self) -> tuple[int, int]:
        """The first step and the last."""
        first = self.steps[0] if self.steps else self._texts[0][0][0]
        last = self._texts[-1][0][-1] if self._texts else self.steps[-1]
        return first, last

    def part(self, span: tuple[float, float] | None) -> tuple[int, int]:
        steps = self.settle().steps
        return (bisect_left(steps, span[0]), bisect_right(steps, span[1])) if span else (0, len(steps))

    def points(self, most: int, span: tuple[float, float] | None = None) -> Points:
        """About as many as `most`. The same again costs nothing, and what has grown only its new end: a cursor moves over what stands still."""
        begin, end = self.part(span)
        sight = self._sights.get((most, begin))
        if sight is None or end < sight.end:
            if len(self._sights) >= _MOST_SIGHTS:
                self._sights.clear()
            sight = self._sights[most, begin] = _Sight(Thinner(most))
        if sight.end != end:
            steps, values = self.steps[begin:end], self.values[begin:end]
            sight.points = [(steps[place], values[place]) for place in sight.thinner.places(values)]
            sight.end = end
        return sight.points

    def _keep_within_bounds(self) -> None:
        if len(self.steps) > self.most:
            stay = thinned(self.values, self.most // 2)
            self.steps = array("q", [self.steps[place] for place in stay])
            self.values = array("d", [self.values[place] for place in stay])
            self._sights.clear()
