"""What of a job's steps is in sight, and the step that all charts are read at. Without a word of the reader: all of them, and the newest."""

from dataclasses import dataclass, replace

_CLOSEST = 4  # steps
_FACTOR = 2


@dataclass(frozen=True)
class Sight:
    width: int | None = None  # steps; None: all
    end: int | None = None  # the last one in sight; None: the newest, also when it is another one by then
    cursor: int | None = None
    log: bool = False

    def span(self, whole: tuple[int, int]) -> tuple[int, int]:
        """Of the steps that there are."""
        first, last = whole
        if self.width is None:
            return whole
        end = last if self.end is None else min(last, max(self.end, first + self.width))
        return max(first, end - self.width), end

    def zoomed(self, direction: int, whole: tuple[int, int]) -> "Sight":
        """Closer or wider around the cursor, or towards the newest step."""
        first, last = self.span(whole)
        width = last - first
        width = max(_CLOSEST, width // _FACTOR) if direction > 0 else width * _FACTOR
        if width >= whole[1] - whole[0]:
            return replace(self, width=None, end=None)
        if self.cursor is None:
            return replace(self, width=width)
        share = (self.cursor - first) / max(1, last - first)
        end = round(self.cursor + (1 - share) * width)
        return replace(self, width=width, end=None if end >= whole[1] else end)

    def moved(self, cursor: int, whole: tuple[int, int]) -> "Sight":
        """The cursor on a step; what is in sight goes along with it."""
        first, last = self.span(whole)
        end = self.end
        if self.width is not None and not first <= cursor <= last:
            end = cursor if cursor > last else cursor + self.width
            end = None if end >= whole[1] else end
        return replace(self, cursor=cursor, end=end)

    def whole(self) -> "Sight":
        return replace(self, width=None, end=None)
