"""What a study calls what it trains: the study, the base and the mixture, no word twice in a row, and the beginning of the key.

    demo, its base demo, polite-short   →   demo-polite-short-3f2a91
    paper, 5.8b, alpaca                 →   paper-5.8b-alpaca-90c1de

What was begun while a repeated word was written out keeps the name that it has: it is found again, not trained again.
"""

import re
from collections.abc import Collection, Sequence

from kullm_tui.core.models.adapters import list_adapters
from kullm_tui.core.models.profiles import all_profiles
from trainer.jobs.registry import known_jobs

_SHORT = 6


def trained_name(parts: Sequence[str], key: str, begun: Collection[str]) -> str:
    """`begun`: the names that something has already."""
    written_out = _plain([*parts, key[:_SHORT]])
    return written_out if written_out in begun else _plain([*_once(parts), key[:_SHORT]])


def names_begun() -> set[str]:
    """Of what was trained or is being trained, by whomever."""
    return {*(one.name for one in list_adapters()), *all_profiles(), *(job.name for job in known_jobs())}


def _once(parts: Sequence[str]) -> list[str]:
    """Their words; those that a part only says again are left out."""
    said: list[str] = []
    for part in parts:
        words = part.split("-")
        again = max(count for count in range(len(words) + 1) if said[len(said) - count :] == words[:count])
        said += words[again:]
    return said


def _plain(words: Sequence[str]) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", "-".join(words).lower()).strip("-._")
