"""Whom a session asks, and what there is to say of that model. It blocks on the disk; the screen calls it in a thread."""

from dataclasses import replace

from kullm_tui.core.asking.question import Answerer
from kullm_tui.core.asking.target import Target
from kullm_tui.core.asking.target import resolve as resolve_target
from kullm_tui.core.config.settings import Config, EndpointSettings
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import Titles, all_profiles
from kullm_tui.core.models.resolve import resolve
from kullm_tui.ui.conversation.personas import personas
from kullm_tui.ui.conversation.settings import Session
from kullm_tui.ui.models.facts import ModelFacts


def target_of(session: Session, endpoints: tuple[EndpointSettings, ...]) -> tuple[Target, Session]:
    """Whom to ask, and the session with its adapter as that side knows it. Any KullmError says what to do next."""
    target = resolve_target(session.model, endpoints, adapter=session.adapter)
    return target, replace(session, adapter=target.adapter)


def answerer_of(session: Session, endpoints: tuple[EndpointSettings, ...]) -> Answerer:
    """Who answers; or nobody, and why."""
    try:
        target, known = target_of(session, endpoints)
    except KullmError as error:
        return Answerer(session.model, session.adapter, None, session.decoding, str(error))
    return Answerer(target.name, known.adapter, target, session.decoding)


def facts_of_model(session: Session, config: Config) -> ModelFacts:
    """A model that is not there any more is named all the same: the fault is told when it is asked."""
    persona = _persona_of(session)
    titles = Titles(all_profiles())
    try:
        reference = resolve(session.model, endpoints=config.endpoints)
    except KullmError:
        return ModelFacts(session.model, session.adapter, 0, demo=False, endpoint=False, titles=titles, persona=persona)
    return ModelFacts(
        title=titles.get(session.model) or reference.profile.called,
        adapter=session.adapter,
        context=reference.profile.context,
        demo=session.model.startswith("demo-"),
        endpoint=reference.profile.kind == "endpoint",
        titles=titles,
        persona=persona,
    )


def _persona_of(session: Session) -> str:
    """The title of the preset that the system text came from; of another text, that there is one."""
    if not session.system:
        return ""
    try:
        found = next((one for one in personas() if one.system == session.system), None)
    except KullmError:  # told where personas are chosen
        found = None
    return found.title if found else say("시스템 프롬프트 있음", "with a system prompt")
