"""The room that tokenised sets take: sets in use are held, and of the others those used longest ago go when all together take too much.

A set is in use as long as someone holds a shared lock on its facts.json; when that was opened last is the file's time. A set that is
gone is made again from its data.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kullm_tui.core.files import discard
from kullm_tui.core.models.weights_cache import bytes_in

FACTS = "facts.json"
DRAFT = ".draft-"
_MOST_BYTES = 4 * 2**30  # forty sets of 150,000 rows
_DRAFT_SECONDS = 24 * 3600.0  # one so old is a killed process's


def held(folder: Path) -> int:
    """A descriptor that holds the set until it is closed; the set counts as used now. FileNotFoundError where there is none."""
    use = os.open(folder / FACTS, os.O_RDONLY)
    with suppress(OSError):  # a file system without locks, or another owner's file: the set may go, and is made again
        fcntl.flock(use, fcntl.LOCK_SH)
        os.utime(folder / FACTS)
    return use


def make_room(cache: Path, *, keep: Path) -> list[Path]:
    """Sets and abandoned drafts removed from the cache; `keep` never."""
    for draft in cache.glob(f"{DRAFT}*"):
        if _age(draft) > _DRAFT_SECONDS:
            discard(draft)
    sets = sorted((folder for folder in cache.iterdir() if (folder / FACTS).is_file()), key=_age)
    removed, taken = [], 0
    for folder in sets:  # the last used first
        with suppress(FileNotFoundError):  # someone else removed it
            size = bytes_in(folder)
            if taken + size > _MOST_BYTES and folder != keep and _removed(folder):
                removed.append(folder)
                continue
            taken += size
    return removed


def _removed(folder: Path) -> bool:
    """False where it is in use."""
    with _unused(folder) as unused:
        if unused:
            discard(folder)
        return unused


@contextmanager
def _unused(folder: Path) -> Iterator[bool]:
    """Whoever opens the set meanwhile waits, and then finds it gone."""
    with (folder / FACTS).open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def _age(folder: Path) -> float:
    place = folder / FACTS
    try:
        return time.time() - (place if place.is_file() else folder).stat().st_mtime
    except FileNotFoundError:
        return 0.0
