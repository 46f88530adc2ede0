"""What is chosen for the next comparison: who takes part, whether names are hidden, system text and decoding."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from kullm_tui.core.language import say
from kullm_tui.ui.compare.lineup import Lineup
from kullm_tui.ui.conversation.settings import Session

if TYPE_CHECKING:
    from kullm_tui.ui.compare.view import ComparisonOnScreen


class Choice:
    def __init__(self, controller: ComparisonOnScreen) -> None:
        self.lineup = Lineup()
        self.session = Session()  # of all columns; their models are the contestants'
        self._controller = controller

    async def begin(self) -> None:
        """As it was chosen last, unless somebody has chosen meanwhile."""
        nobody_chose = self.lineup
        last = await asyncio.to_thread(_first_lineup)
        if self.lineup is nobody_chose:
            self.lineup = last

    def take(self, lineup: Lineup | None) -> None:
        """From the dialog; None: nothing was changed."""
        if lineup is not None and lineup != self.lineup:
            self._keep(lineup)
            self._controller.open(None)

    def take_session(self, session: Session | None) -> None:
        if session is not None:
            self.session = session

    def join(self, model: str) -> None:
        """A model that was found elsewhere takes part from the next comparison on, for the last one where all places are taken."""
        from kullm_tui.core.store.contestant import MOST, Contestant

        joined = Contestant(model)
        if joined not in self.lineup.contestants:
            self.take(replace(self.lineup, contestants=(*self.lineup.contestants[: MOST - 1], joined)))

    def toggle_blind(self) -> None:
        self._keep(replace(self.lineup, blind=not self.lineup.blind))
        if self._controller.comparison is None:
            self._controller.run(self._controller.set_out())
            return
        self._controller.screen.notice(
            say("다음 비교부터 이름을 가려요 · ^N 새 비교", "The next comparison hides the names · ^N begins it")
            if self.lineup.blind
            else say("다음 비교부터 이름을 보여요 · ^N 새 비교", "The next comparison shows the names · ^N begins it")
        )

    def toggle_in_step(self) -> None:
        self._keep(replace(self.lineup, in_step=not self.lineup.in_step))

    def _keep(self, lineup: Lineup) -> None:
        self.lineup = lineup
        self._controller.screen.tell_switches()
        self._controller.run(_remembered(lineup), group="lineup")


async def _remembered(lineup: Lineup) -> None:
    from kullm_tui.ui.compare.lineup import remember

    await asyncio.to_thread(remember, lineup)


def _first_lineup() -> Lineup:
    from kullm_tui.core.compare.resolve import usual_contestants
    from kullm_tui.ui.compare.lineup import last_lineup

    return last_lineup() or Lineup(usual_contestants())
