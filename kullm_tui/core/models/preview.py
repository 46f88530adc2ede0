"""The prompt that a model would really read: its exact text cut into tokens, what was left out, and what is unsure about it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kullm_tui.core.config.settings import EndpointSettings
from kullm_tui.core.errors import ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.prompting import Prompting
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.models.stack import Stack, stack_of
from kullm_tui.core.records import Message
from kullm_tui.core.templates.fit import fit
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.segments import Prompt
from kullm_tui.core.templates.template import Template
from kullm_tui.core.templates.tokens import Encoded, encode, load_tokenizer

# How LLaMA's tokenizers spell their ids 1 and 2; the others that a template spells out are the NeoX family's.
_LLAMA_SPELLING = {1: "<s>", 2: "</s>"}
_NEOX_END = "<|endoftext|>"


@dataclass(frozen=True)
class Preview:
    text: str  # as the template makes it; for an endpoint, none
    messages: tuple[Message, ...]  # what is told after the oldest turns were left out
    ids: tuple[int, ...] = ()  # none while the tokenizer is not here
    pieces: tuple[str, ...] = ()  # the tokens' texts
    dropped_turns: int = 0
    context: int = 0  # 0: not known
    template: str = ""
    verified: bool = True
    stop: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def preview(
    model: str,
    messages: Sequence[Message],
    endpoints: Sequence[EndpointSettings] = (),
    *,
    adapter: str = "",
    max_tokens: int | None = None,
) -> Preview:
    """KullmError where it cannot be known: an unknown name, or files that are not here and have to say it. It blocks."""
    profile = resolve(model, endpoints=endpoints).profile
    if profile.kind == "endpoint":
        note = say(
            "이 모델의 프롬프트는 그 서버가 만들어요. 보내는 메시지는 다음과 같아요.",
            "The server makes this model's prompt. These are the messages that go out.",
        )
        return Preview("", tuple(messages), notes=(note,))
    try:
        stack = stack_of(model, adapter)
    except ModelNotFound:
        if adapter or profile.template == OWN_TEMPLATE:
            raise
        return _without_files(profile, messages)
    if profile.template != OWN_TEMPLATE and not (stack.folder / "tokenizer.json").is_file():
        return _without_files(stack.profile, messages)
    return _with_files(stack, messages, max_tokens)


def _with_files(stack: Stack, messages: Sequence[Message], max_tokens: int | None) -> Preview:
    """As the engine does it: the context less the room for the reply, whole oldest turns left out."""
    profile, tokenizer = stack.profile, load_tokenizer(stack.folder)
    prompting = Prompting(stack.folder, profile, tokenizer)
    bos = prompting.bos_before(profile.template)

    def made(told: Sequence[Message]) -> tuple[Prompt, Encoded]:
        prompt = prompting.prompt(told, profile.template)
        return prompt, encode(prompt, tokenizer, bos=bos)

    told, dropped = tuple(messages), 0
    if profile.context:
        wanted = profile.defaults.max_new_tokens if max_tokens is None else max_tokens
        limit = profile.context - max(min(wanted, profile.context // 2), 1)
        fitted = fit(messages, lambda kept: len(made(kept)[1].ids), limit=limit)
        told, dropped = fitted.messages, fitted.dropped_turns
    prompt, encoded = made(told)
    return replace(
        _described(profile, prompt.text, told), ids=encoded.ids, pieces=encoded.pieces, dropped_turns=dropped
    )


def _without_files(profile: Profile, messages: Sequence[Message]) -> Preview:
    """The template's text with special tokens as the family spells them: what can be said before the tokenizer is here."""
    spelled = _LLAMA_SPELLING if profile.bos == 1 else {}
    bos, eos = spelled.get(profile.bos or 0, ""), spelled.get(min(profile.eos, default=0), _NEOX_END)
    prompt = TEMPLATES[profile.template].render(messages, eos_token=eos, bos_token=bos)
    return _described(profile, prompt.text, messages)


def _described(profile: Profile, text: str, messages: Sequence[Message]) -> Preview:
    return Preview(
        text,
        tuple(messages),
        context=profile.context,
        template=profile.template,
        verified=_is_verified(profile),
        stop=profile.stop,
        notes=tuple(_notes(profile, messages)),
    )


def _is_verified(profile: Profile) -> bool:
    template = TEMPLATES.get(profile.template)
    return profile.verified and (template is None or template.verified)


def _notes(profile: Profile, messages: Sequence[Message]) -> list[str]:
    template = TEMPLATES.get(profile.template)
    notes = [] if template is None else _form_notes(template, messages)
    if _is_verified(profile):
        return notes
    unverified = say(
        f"미확인: 템플릿 {profile.template}을 원본에서 확인하지 못했어요.",
        f"unverified: the template {profile.template} was not read at its source.",
    )
    return [unverified, *notes]


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
