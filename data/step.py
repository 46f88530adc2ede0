"""What a step of a build is. Of two kinds: those that look at one row, spread over all cores, and those that must see all rows."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Protocol

from data.row import Rejection, Row


class RowStep(Protocol):
    """It is sent to worker processes, so it must be picklable, and what it loads is loaded on first use there."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Everything that its results depend on, as JSON: settings, the version of its rules. With the rows it is the key of its results."""
        ...

    def __call__(self, row: Row) -> Row | Rejection: ...


class SetStep(Protocol):
    """In one process, over rows in the build's own order. It holds what it must remember of a row, never the rows."""

    @property
    def name(self) -> str: ...

    @property
    def settings(self) -> Mapping[str, Any]: ...

    def __call__(self, rows: Iterable[Row]) -> Iterator[Row | Rejection]: ...
