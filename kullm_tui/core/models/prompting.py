"""How one model is spoken to: its template and its special tokens, from its folder and its profile. Training and answering ask here alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kullm_tui.core import foreign_json, regular_files
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.records import Message
from kullm_tui.core.templates.chat_template import render_chat_template
from kullm_tui.core.templates.registry import template_named
from kullm_tui.core.templates.render_process import warm
from kullm_tui.core.templates.segments import Prompt
from kullm_tui.core.templates.tokens import special_tokens

MOST_TEMPLATE_BYTES = 1 << 20


@dataclass(frozen=True)
class SpecialIds:
    eos: frozenset[int]
    bos: int | None
    pad: int | None


class Prompting:
    def __init__(self, folder: Path, profile: Profile, tokenizer: Tokenizer) -> None:
        self._profile = profile
        self._tokenizer = tokenizer
        self._settings = read_json(folder / "tokenizer_config.json")
        self.chat_template = chat_template_of(folder, self._settings)
        self.special = _special_ids(folder, profile, tokenizer, self._settings)
        if profile.template == OWN_TEMPLATE and self.chat_template is not None:
            warm(self.chat_template)

    @property
    def eos_token(self) -> str:
        return self._token_text("eos_token", min(self.special.eos, default=None))

    @property
    def bos_token(self) -> str:
        return self._token_text("bos_token", self.special.bos)

    def prompt(self, messages: Sequence[Message], template: str, *, open_reply: bool = True) -> Prompt:
        """The conversation as this model reads it; `open_reply` ends it where the reply begins."""
        eos, bos = self.eos_token, self.bos_token
        if template != OWN_TEMPLATE:
            return template_named(template).render(messages, eos_token=eos, bos_token=bos, open_reply=open_reply)
        if self.chat_template is None:
            raise ConfigError(
                say(
                    f"{self._profile.name}의 토크나이저에는 대화 템플릿이 없어요. 프로필의 template을 정해 주세요.",
                    f"The tokenizer of {self._profile.name} has no chat template. Name one as the profile's template.",
                )
            )
        return render_chat_template(
            self.chat_template,
            messages,
            bos_token=bos,
            eos_token=eos,
            open_reply=open_reply,
            special_tokens=special_tokens(self._tokenizer),
        )

    def bos_before(self, template: str) -> int | None:
        """What `encode` puts first. A tokenizer's own template writes its first token itself."""
        return None if template == OWN_TEMPLATE else self.special.bos

    def _token_text(self, setting: str, token: int | None) -> str:
        """A special token's spelling: what the profile says wins over the tokenizer's own settings."""
        if token is not None:
            return str(self._tokenizer.id_to_token(token) or "")
        configured = self._settings.get(setting) or ""
        return str(configured.get("content", "") if isinstance(configured, Mapping) else configured)


def read_json(path: Path) -> dict[str, Any]:
    """Empty where there is no such file."""
    try:
        content = foreign_json.read(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return content if isinstance(content, dict) else {}


def _special_ids(folder: Path, profile: Profile, tokenizer: Tokenizer, settings: Mapping[str, Any]) -> SpecialIds:
    generation, config = read_json(folder / "generation_config.json"), read_json(folder / "config.json")

    def configured(name: str) -> int | None:
        value = settings.get(name.replace("_id", ""))
        spelling = value.get("content") if isinstance(value, Mapping) else value
        found = tokenizer.token_to_id(spelling) if isinstance(spelling, str) else None
        return found if found is not None else next(iter(_ids(config.get(name))), None)

    eos = frozenset(profile.eos) or frozenset(_ids(generation.get("eos_token_id")) or _ids(config.get("eos_token_id")))
    if not eos and (found := configured("eos_token_id")) is not None:
        eos = frozenset({found})
    adds_bos = bool(tokenizer.encode("", add_special_tokens=True).ids)
    bos = profile.bos if profile.bos is not None else (configured("bos_token_id") if adds_bos else None)
    return SpecialIds(eos=eos, bos=bos, pad=profile.pad if profile.pad is not None else configured("pad_token_id"))


def chat_template_of(folder: Path, settings: Mapping[str, Any]) -> str | None:
    own_file = folder / "chat_template.jinja"
    try:
        return regular_files.read_text(own_file, most_bytes=MOST_TEMPLATE_BYTES)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise ConfigError(f"{own_file}: {error}") from error
    template = settings.get("chat_template")
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, Mapping)}
        template = named.get("default")
    if not isinstance(template, str) or len(template) > MOST_TEMPLATE_BYTES:
        return None
    return template


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [token for token in values if isinstance(token, int)]
