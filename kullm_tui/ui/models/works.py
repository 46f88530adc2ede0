"""Work on models that outlives the screen which began it: of one kind, at most one for each model."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Work(Protocol):
    @property
    def active(self) -> bool: ...


WorkT = TypeVar("WorkT", bound=Work)


class Works(Generic[WorkT]):
    """All of one app, by the model's name; used on the app's event loop only."""

    def __init__(self, ended: Callable[[WorkT], None] = lambda _: None) -> None:
        self._ended = ended
        self._all: dict[str, WorkT] = {}

    def of(self, name: str) -> WorkT | None:
        return self._all.get(name)

    def under_way(self, name: str) -> WorkT | None:
        work = self._all.get(name)
        return work if work and work.active else None

    def forget(self, name: str) -> None:
        """Its files are gone. One that is under way stays."""
        if not self.under_way(name):
            self._all.pop(name, None)
