"""`kullm models show NAME --prompt`: the prompt that the model really reads, and what is unsure about it."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import ConfigError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.prompting import chat_template_of
from kullm_tui.core.models.resolve import ModelRef, Profile, local_folder
from kullm_tui.core.records import Message
from kullm_tui.core.templates.chat_template import render_chat_template
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.segments import Prompt
from kullm_tui.core.templates.template import Template
from kullm_tui.core.templates.tokens import encode, load_tokenizer, special_tokens
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_BOUNDARY = "·"
# How LLaMA's tokenizers spell their ids 1 and 2; the others that a template spells out are the NeoX family's.
_LLAMA_SPELLING = {1: "<s>", 2: "</s>"}
_NEOX_END = "<|endoftext|>"


@dataclass(frozen=True)
class _Tokenizer:
    tokenizer: Tokenizer
    settings: Mapping[str, Any]
    chat_template: str | None

    def spelling(self, token: int | None, setting: str) -> str:
        if token is not None:
            return str(self.tokenizer.id_to_token(token) or "")
        value = self.settings.get(setting) or ""
        return str(value.get("content", "") if isinstance(value, Mapping) else value)

    def adds_bos(self) -> bool:
        return bool(self.tokenizer.encode("", add_special_tokens=True).ids)


def show_prompt(ref: ModelRef, messages: list[Message], *, as_json: bool) -> int:
    """Prints the prompt, alone, on stdout; what is unsure about it goes to stderr."""
    profile = ref.profile
    if profile.kind == "endpoint":
        raise UsageError(
            say(
                f"{ref.name}의 프롬프트는 그 서버가 만들어서 여기서 보일 수 없어요.",
                f"The server behind {ref.name} makes the prompt, so it cannot be shown here.",
            )
        )
    known = _tokenizer(ref)
    prompt = _rendered(ref, profile, known, messages)
    pieces = _pieces(prompt, known, profile)
    if as_json:
        print(terminal_safe_json(_facts(profile, prompt, pieces)))
    elif sys.stdout.isatty():
        print(terminal_safe(_BOUNDARY.join(pieces) if pieces else prompt.text))
    else:
        sys.stdout.write(prompt.text)
    for note in _notes(profile, messages, known, on_terminal=sys.stdout.isatty() and not as_json):
        print(terminal_safe(note), file=sys.stderr)
    return 0


def _tokenizer(ref: ModelRef) -> _Tokenizer | None:
    """None while the files are not here, or where only transformers could read the tokenizer."""
    folder = ref.folder
    if folder is None or not (folder / "tokenizer.json").is_file():
        return None
    settings = _json(folder / "tokenizer_config.json")
    return _Tokenizer(load_tokenizer(folder), settings, chat_template_of(folder, settings))


def _json(path: Path) -> Mapping[str, Any]:
    try:
        value = foreign_json.read(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(say(f"{path} 파일을 읽을 수 없어요.", f"{path} cannot be read.")) from error
    return value if isinstance(value, dict) else {}


def _rendered(ref: ModelRef, profile: Profile, known: _Tokenizer | None, messages: list[Message]) -> Prompt:
    eos = min(profile.eos, default=None)
    if profile.template != OWN_TEMPLATE:
        template = TEMPLATES[profile.template]
        if known is None:
            spelled = _LLAMA_SPELLING if profile.bos == 1 else {}
            bos_token, eos_token = spelled.get(profile.bos or 0, ""), spelled.get(eos or 0, _NEOX_END)
        else:
            bos = known.spelling(profile.bos, "bos_token")
            bos_token = bos if profile.bos is not None or known.adds_bos() else ""
            eos_token = known.spelling(eos, "eos_token")
        return template.render(messages, eos_token=eos_token, bos_token=bos_token)
    if known is None:
        local_folder(ref)  # says how to fetch it
    if known is None or known.chat_template is None:
        raise ConfigError(
            say(
                f"{ref.name}에는 대화 템플릿이 없어요. `kullm models add`로 --template을 정해 등록하세요.",
                f"{ref.name} carries no chat template. Add it with `kullm models add` and name one with --template.",
            )
        )
    return render_chat_template(
        known.chat_template,
        messages,
        bos_token=known.spelling(profile.bos, "bos_token"),
        eos_token=known.spelling(eos, "eos_token"),
        open_reply=True,
        special_tokens=special_tokens(known.tokenizer),
    )


def _pieces(prompt: Prompt, known: _Tokenizer | None, profile: Profile) -> tuple[str, ...]:
    if known is None:
        return ()
    bos = profile.bos
    if bos is None and known.adds_bos():
        bos = known.tokenizer.token_to_id(known.spelling(None, "bos_token"))
    return encode(prompt, known.tokenizer, bos=bos).pieces


def _facts(profile: Profile, prompt: Prompt, pieces: tuple[str, ...]) -> dict[str, Any]:
    return {
        "model": profile.name,
        "template": profile.template,
        "verified": _is_verified(profile),
        "prompt": prompt.text,
        "tokens": list(pieces) or None,
        "stop": list(profile.stop),
    }


def _is_verified(profile: Profile) -> bool:
    template = TEMPLATES.get(profile.template)
    return profile.verified and (template is None or template.verified)


def _notes(profile: Profile, messages: list[Message], known: _Tokenizer | None, *, on_terminal: bool) -> list[str]:
    notes = []
    if not _is_verified(profile):
        notes.append(
            say(
                f"미확인(unverified): {profile.name}의 템플릿({profile.template})을 원본에서 확인하지 못했어요.",
                f"unverified: the template of {profile.name} ({profile.template}) was not read at its source.",
            )
        )
    template = TEMPLATES.get(profile.template)
    if template:
        notes += _form_notes(template, messages)
    if on_terminal and known is None:
        notes.append(
            say(
                "토큰 경계는 모델을 내려받은 뒤에 표시해요.",
                "Token boundaries are shown once the model is downloaded.",
            )
        )
    return notes


def _form_notes(template: Template, messages: list[Message]) -> list[str]:
    notes = []
    has_system = any(message.role == "system" for message in messages)
    if template.one_turn and has_system:
        notes.append(
            say(
                "이 모델은 시스템 프롬프트가 있는 형식으로 학습되지 않았어요. 첫 지시 앞에 붙였어요.",
                "The model was not trained on a system text; it stands before the first instruction.",
            )
        )
    elif template.one_turn and template.name != "plain":
        notes.append(
            say(
                "이 템플릿은 한 번 묻고 한 번 답하는 용도예요. 이어지는 문답은 학습하지 않은 형식으로 붙어요.",
                "This template is for one turn; later turns take a form that the model was not trained on.",
            )
        )
    form = template.form
    takes_input = bool(form.last.user_with_input) or form.header_with_input is not None
    if any(message.input for message in messages) and not takes_input:
        notes.append(
            say(
                "이 템플릿에는 입력 자리가 없어 질문 뒤에 붙였어요.",
                "This template has no place for an input; it follows the question.",
            )
        )
    return notes
