"""Which adapter each row of a batch uses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rows:
    """Inner names, one a row; a single one stands for every row of any batch. None is the base."""

    names: tuple[str | None, ...]
    broadcast: bool

    def for_batch(self, rows: int) -> tuple[str | None, ...]:
        return self.names * rows if self.broadcast else self.names
