"""What the next question is asked with: model, adapter, system text, persona and decoding.

A conversation's own choice is read from its last reply, which the store keeps; `session.json` holds only what was used last,
for the next new conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from kullm_tui.core import habits
from kullm_tui.core.asking.messages import system_of
from kullm_tui.core.models.profiles import DEMO
from kullm_tui.core.text import nfc

if TYPE_CHECKING:
    from kullm_tui.core.store.history import Turn

# The fields of a request that are a matter of decoding; the others say who answers.
DECODING_FIELDS = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "repetition_penalty",
    "no_repeat_ngram_size",
    "num_beams",
    "seed",
    "stop",
)


@dataclass(frozen=True)
class Session:
    model: str = DEMO
    adapter: str = ""
    system: str = ""
    persona: str = ""  # the preset that the system text came from
    decoding: Mapping[str, Any] = field(default_factory=dict)  # only what somebody set, as a request names it

    def with_system(self, system: str, persona: str = "") -> Session:
        return replace(self, system=nfc(system).strip(), persona=persona)

    def with_decoding(self, decoding: Mapping[str, Any]) -> Session:
        return replace(self, decoding=_decoding(decoding))

    def changed_as(self, before: Session, after: Session) -> Session:
        """With what was chosen between these two, and nothing else of them: beside an old conversation, for new ones too."""
        values = ((one.name, getattr(before, one.name), getattr(after, one.name)) for one in fields(self))
        chosen = {name: now for name, was, now in values if now != was}
        return replace(self, **(chosen | {"adapter": after.adapter} if "model" in chosen else chosen))


def last_used(configured_model: str) -> Session:
    """What was used last. A model that the configuration named since then wins; the demo where nothing was chosen."""
    facts = habits.recalled(habits.SESSION)
    model = facts.get("model")
    if not isinstance(model, str) or not model or facts.get("configured") != configured_model:
        return Session(model=configured_model or DEMO)
    return Session(
        model=model,
        adapter=_text(facts, "adapter"),
        system=_text(facts, "system"),
        persona=_text(facts, "persona"),
        decoding=_decoding(facts.get("decoding")),
    )


def remember(session: Session, configured_model: str) -> None:
    facts = asdict(replace(session, decoding=dict(session.decoding))) | {"configured": configured_model}
    habits.remember(habits.SESSION, facts)


def session_of(turns: Sequence[Turn], otherwise: Session) -> Session:
    """What the conversation was last asked with; for what it does not say, `otherwise`."""
    system = system_of(turns)
    replies = [turn for turn in turns if turn.role == "assistant" and turn.model]
    if not replies:
        return replace(otherwise, system=system) if turns else otherwise
    last = replies[-1]
    persona = otherwise.persona if system == otherwise.system else ""
    return Session(last.model or DEMO, last.adapter or "", system, persona, _decoding(last.parameters))


def question_of(turns: Sequence[Turn], turn: Turn | None) -> Turn | None:
    """The question that this turn is or answers; of them all the last one."""
    places = [place for place, one in enumerate(turns) if turn is None or one.id == turn.id]
    upto = turns[: places[-1] + 1] if places else []
    return next((one for one in reversed(upto) if one.role == "user"), None)


def _decoding(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        return {}
    return {name: value[name] for name in DECODING_FIELDS if value.get(name) is not None}


def _text(facts: Mapping[str, Any], name: str) -> str:
    value = facts.get(name)
    return value if isinstance(value, str) else ""
