"""Who answers in which column: whom to ask, and who can answer together. It blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from kullm_tui.core.compare.runner import Competitors
from kullm_tui.core.compare.schedule import plan_contest
from kullm_tui.core.config.settings import Config
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.ui.conversation.asking import answerer_of
from kullm_tui.ui.conversation.settings import Session


def competitors(contestants: Sequence[Contestant], session: Session, config: Config) -> Competitors:
    """Who cannot be asked is no reason not to ask the others."""
    answerers = {
        one: answerer_of(replace(session, model=one.model, adapter=one.adapter), config.endpoints)
        for one in contestants
    }
    return Competitors(answerers, plan_contest(contestants, config), session.system)
