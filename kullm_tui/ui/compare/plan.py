"""Who answers in which column: whom to ask, how they are called, and who can answer together. Everything here blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from kullm_tui.core.asking.target import Target
from kullm_tui.core.compare.schedule import plan_contest
from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import KullmError
from kullm_tui.core.models.resolve import all_profiles
from kullm_tui.core.records import Message
from kullm_tui.core.store.comparisons import Column
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.core.store.store import Store
from kullm_tui.ui.compare.runner import Seat
from kullm_tui.ui.conversation import asking
from kullm_tui.ui.conversation.asking import Committed
from kullm_tui.ui.conversation.settings import Session


@dataclass(frozen=True)
class Answerer:
    """A contestant as it is asked; or why it cannot be."""

    session: Session
    target: Target | None
    fault: str = ""


@dataclass(frozen=True)
class Answering:
    answerers: Mapping[Contestant, Answerer]
    waves: Sequence[Sequence[Contestant]]
    together: bool
    why: str
    titles: Mapping[str, str]

    @property
    def targets(self) -> list[Target]:
        return [one.target for one in self.answerers.values() if one.target]

    @property
    def local(self) -> bool:
        """Somebody answers on this machine."""
        return any(target.endpoint is None for target in self.targets)

    def seat(self, column: Column, question: Committed) -> Seat:
        answerer = self.answerers[column.contestant]
        return Seat(question, answerer.session, answerer.target, answerer.fault)

    def commit(self, store: Store, column: Column, parent_id: int | None, message: Message) -> Seat:
        """The question, written down under the turn that it follows in this column."""
        session = self.answerers[column.contestant].session
        return self.seat(column, asking.commit_question(store, column.conversation, parent_id, message, session))


def answering(contestants: Sequence[Contestant], session: Session, config: Config) -> Answering:
    """Who cannot be asked is no reason not to ask the others."""
    plan = plan_contest(contestants, config)
    return Answering(
        answerers={one: _answerer(one, session, config) for one in contestants},
        waves=[[contestants[place] for place in wave] for wave in plan.waves],
        together=plan.together,
        why=plan.why,
        titles={name: profile.called for name, profile in all_profiles().items()},
    )


def _answerer(contestant: Contestant, session: Session, config: Config) -> Answerer:
    mine = replace(session, model=contestant.model, adapter=contestant.adapter)
    try:
        target, known = asking.target_of(mine, config.endpoints)
    except KullmError as error:
        return Answerer(mine, None, str(error))
    return Answerer(known, target)
