"""Who takes part in the next comparison, and whether their names are hidden; what was chosen last is a habit in `compare.json`.

All of it blocks on the disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kullm_tui.core import habits
from kullm_tui.core.store.contestant import FEWEST, MOST, Contestant

DEMOS = (Contestant("demo-koalpaca"), Contestant("demo-kovicuna"), Contestant("demo-kullm"))


@dataclass(frozen=True)
class Lineup:
    contestants: tuple[Contestant, ...] = DEMOS
    blind: bool = False
    in_step: bool = True  # the columns scroll together

    def toggled(self, contestant: Contestant) -> Lineup:
        """With it, or without it where it was there; no more than there is room for."""
        if contestant in self.contestants:
            return replace(self, contestants=tuple(one for one in self.contestants if one != contestant))
        if len(self.contestants) >= MOST:
            return self
        return replace(self, contestants=(*self.contestants, contestant))

    @property
    def is_whole(self) -> bool:
        return FEWEST <= len(self.contestants) <= MOST


def last_lineup() -> Lineup | None:
    """None where nothing was chosen yet, or the file says nothing that can be compared."""
    facts = habits.recalled("compare.json")
    rows = facts.get("contestants")
    contestants = _contestants(rows) if isinstance(rows, list) else ()
    lineup = Lineup(contestants, facts.get("blind") is True, facts.get("in_step") is not False)
    return lineup if lineup.is_whole else None


def remember(lineup: Lineup) -> None:
    facts = {
        "contestants": [{"model": one.model, "adapter": one.adapter} for one in lineup.contestants],
        "blind": lineup.blind,
        "in_step": lineup.in_step,
    }
    habits.remember("compare.json", facts)


def _contestants(rows: Sequence[Any]) -> tuple[Contestant, ...]:
    found: list[Contestant] = []
    for row in rows:
        model, adapter = (row.get(name) if isinstance(row, dict) else None for name in ("model", "adapter"))
        if isinstance(model, str) and model and isinstance(adapter, str):
            found.append(Contestant(model, adapter))
    return tuple(dict.fromkeys(found))
