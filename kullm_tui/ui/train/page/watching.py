"""What the views of one page share: the watch over a job, its newest look, and the reader's sight of its curves."""

from collections.abc import Callable

from kullm_tui.ui.train.page.sight import Sight
from trainer.jobs.watched import Look, Watched


class Watching:
    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed`: what draws the views anew."""
        self._changed = changed
        self.begin(None)

    def begin(self, job: str | None) -> None:
        self.watched = Watched(job) if job else None
        self.look: Look | None = None
        self.sight = Sight()
        self.machine_sight = Sight()  # of its seconds

    def see(self, sight: Sight) -> None:
        if sight != self.sight:
            self.sight = sight
            self._changed()

    @property
    def whole(self) -> tuple[int, int] | None:
        """The first step and the last."""
        return self.watched.metrics.span() if self.watched else None


class MachineWatching:
    """The same of the machine's past, which counts in seconds."""

    def __init__(self, watching: Watching, changed: Callable[[], None]) -> None:
        self._watching, self._changed = watching, changed

    @property
    def sight(self) -> Sight:
        return self._watching.machine_sight

    def see(self, sight: Sight) -> None:
        if sight != self.sight:
            self._watching.machine_sight = sight
            self._changed()

    @property
    def whole(self) -> tuple[int, int] | None:
        watched = self._watching.watched
        return watched.machine_past.whole if watched else None
