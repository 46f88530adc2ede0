"""The prompt that a model would really read: its exact text cut into tokens, what was left out, and what is unsure about it.

Everything here blocks, and imports the tokenizers late: the view calls it in a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.asking.target import adapter_for_engine
from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.language import say
from kullm_tui.core.models.adapters import prompted_as
from kullm_tui.core.models.resolve import Profile, local_folder, resolve
from kullm_tui.core.records import Message
from kullm_tui.core.templates.fit import fit
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.template import Template
from kullm_tui.ui.conversation.settings import Session


@dataclass(frozen=True)
class RealPrompt:
    pieces: tuple[str, ...]  # the tokens' texts; for an endpoint, none
    messages: tuple[Message, ...]  # what is told after the oldest turns were left out
    dropped_turns: int
    context: int  # 0: not known
    template: str
    notes: tuple[str, ...]


def real_prompt(session: Session, messages: Sequence[Message], endpoints: tuple[EndpointSettings, ...]) -> RealPrompt:
    """KullmError where the model or its files are not here."""
    reference = resolve(session.model, endpoints=endpoints)
    profile = reference.profile
    if profile.kind == "endpoint":
        note = say(
            "이 모델의 프롬프트는 그 서버가 만들어요. 보내는 메시지는 다음과 같아요.",
            "The server makes this model's prompt. These are the messages that go out.",
        )
        return RealPrompt((), tuple(messages), 0, 0, "", (note,))
    base = resolve(profile.base or "") if profile.kind == "adapter" else reference
    if session.adapter:
        profile = prompted_as(profile, _adapter_folder(session.adapter))
    return _rendered(profile, local_folder(base), session, messages)


def _rendered(profile: Profile, folder: Path, session: Session, messages: Sequence[Message]) -> RealPrompt:
    """As the engine does it: the context less the room for the reply, whole oldest turns left out."""
    from kullm_tui.core.models.prompting import Prompting
    from kullm_tui.core.templates.tokens import encode, load_tokenizer

    tokenizer = load_tokenizer(folder)
    prompting = Prompting(folder, profile, tokenizer)

    def pieces_of(told: Sequence[Message]) -> tuple[str, ...]:
        prompt = prompting.prompt(told, profile.template)
        return encode(prompt, tokenizer, bos=prompting.bos_before(profile.template)).pieces

    told, dropped = tuple(messages), 0
    if profile.context:
        wanted = int(session.decoding.get("max_tokens") or profile.defaults.max_new_tokens)
        limit = profile.context - max(min(wanted, profile.context // 2), 1)
        fitted = fit(messages, lambda kept: len(pieces_of(kept)), limit=limit)
        told, dropped = fitted.messages, fitted.dropped_turns
    return RealPrompt(pieces_of(told), told, dropped, profile.context, profile.template, tuple(_notes(profile, told)))


def _adapter_folder(name: str) -> Path:
    """A folder, or one of the user's adapters by name."""
    from kullm_tui.core.paths import adapters_dir

    known = Path(adapter_for_engine(name))
    return known if known.is_absolute() else adapters_dir() / name


def _notes(profile: Profile, messages: Sequence[Message]) -> list[str]:
    template = TEMPLATES.get(profile.template)
    notes = []
    if not profile.verified or (template is not None and not template.verified):
        notes.append(
            say(
                f"미확인: 템플릿 {profile.template}을 원본에서 확인하지 못했어요.",
                f"unverified: the template {profile.template} was not read at its source.",
            )
        )
    return [*notes, *(_form_notes(template, messages) if template else [])]


def _form_notes(template: Template, messages: Sequence[Message]) -> list[str]:
    """Where the conversation has a form that the model was not trained on."""
    notes = []
    if template.one_turn and any(message.role == "system" for message in messages):
        notes.append(
            say(
                "학습하지 않은 형식: 시스템 프롬프트를 첫 지시 앞에 붙였어요.",
                "not trained: the system text stands before the first instruction.",
            )
        )
    if template.one_turn and template.name != "plain" and sum(message.role == "user" for message in messages) > 1:
        notes.append(
            say(
                "학습하지 않은 형식: 한 번 묻고 답하는 템플릿이라 앞의 문답을 되풀이해 붙였어요.",
                "not trained: the template is for one turn; earlier turns are repeated blocks.",
            )
        )
    takes_input = bool(template.form.last.user_with_input) or template.form.header_with_input is not None
    if any(message.input for message in messages) and not takes_input:
        notes.append(
            say(
                "이 템플릿에는 입력 자리가 없어서 질문 뒤에 붙였어요.",
                "The template has no place for an input; it follows the question.",
            )
        )
    return notes
