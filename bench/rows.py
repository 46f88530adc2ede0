"""One attack of the table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from product import Product


@dataclass(frozen=True)
class Attack:
    number: int
    done: str
    run: Callable[[Product], str]  # how it ended
    arguments: Callable[[Path], Sequence[str]] | None = (
        None  # of `kullm serve`, in a folder of the row's; None: no server
    )
    descriptors: int | None = None
