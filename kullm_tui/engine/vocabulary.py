"""A model's tokenizer as the engine uses it: prompts to ids, ids to text, a token to its bytes."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from kullm_tui.core.errors import ConfigError, WeightsError
from kullm_tui.core.language import say
from kullm_tui.core.models import Profile
from kullm_tui.core.records import Message
from kullm_tui.core.templates.chat_template import render_chat_template
from kullm_tui.core.templates.registry import template_named
from kullm_tui.core.templates.segments import Prompt
from kullm_tui.core.templates.tokens import encode, load_tokenizer, special_tokens

_OWN_TEMPLATE = "tokenizer"
_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>\Z")


@dataclass(frozen=True)
class SpecialIds:
    eos: frozenset[int]
    bos: int | None
    pad: int | None


class Vocabulary:
    def __init__(self, folder: Path, profile: Profile) -> None:
        self._profile = profile
        self._settings = _read_json(folder / "tokenizer_config.json")
        self._chat_template = _chat_template(folder, self._settings)
        self.tokenizer = _open(folder)
        _require_vocabulary(folder, self.tokenizer)
        self.special = _special_ids(folder, profile, self.tokenizer, self._settings)
        hidden = {*self.special.eos, self.special.bos, self.special.pad}
        self._hidden = frozenset(token for token in hidden if token is not None)

    @property
    def size(self) -> int:
        return self.tokenizer.get_vocab_size(with_added_tokens=True)

    def prompt(self, messages: Sequence[Message], template: str) -> Prompt:
        """The conversation as this model reads it, ending where its reply begins."""
        eos = self._token_text("eos_token", min(self.special.eos, default=None))
        bos = self._token_text("bos_token", self.special.bos)
        if template != _OWN_TEMPLATE:
            return template_named(template).render(messages, eos_token=eos, bos_token=bos, open_reply=True)
        if self._chat_template is None:
            raise ConfigError(
                say(
                    f"{self._profile.name}의 토크나이저에는 대화 템플릿이 없습니다. 프로필의 template을 정해 주세요.",
                    f"The tokenizer of {self._profile.name} has no chat template. Name one as the profile's template.",
                )
            )
        return render_chat_template(
            self._chat_template,
            messages,
            bos_token=bos,
            eos_token=eos,
            open_reply=True,
            special_tokens=special_tokens(self.tokenizer),
        )

    def encode(self, messages: Sequence[Message], template: str) -> tuple[int, ...]:
        """The prompt's ids. A tokenizer's own template writes its first token itself."""
        bos = None if template == _OWN_TEMPLATE else self.special.bos
        return encode(self.prompt(messages, template), self.tokenizer, bos=bos).ids

    def encode_text(self, text: str) -> tuple[int, ...]:
        """Plain text for a text completion: special tokens written in it count, as elsewhere with this protocol."""
        return tuple(self.tokenizer.encode(text, add_special_tokens=True).ids)

    def decode(self, ids: Sequence[int]) -> str:
        return str(
            self.tokenizer.decode([token for token in ids if token not in self._hidden], skip_special_tokens=False)
        )

    def token_bytes(self, token: int) -> bytes:
        """What a token adds to the text, even where it is only part of a character."""
        name = self.tokenizer.id_to_token(token)
        if name is None:
            return b""
        byte = _BYTE_TOKEN.match(name)
        if byte:
            return bytes([int(byte[1], 16)])
        if self._is_byte_level and all(character in _BYTE_OF for character in name):
            return bytes(_BYTE_OF[character] for character in name)
        return name.replace("▁", " ").encode()

    @cached_property
    def _is_byte_level(self) -> bool:
        return "ByteLevel" in str(self.tokenizer.decoder)

    def _token_text(self, setting: str, token: int | None) -> str:
        """A special token's spelling: what the profile says wins over the tokenizer's own settings."""
        if token is not None:
            return str(self.tokenizer.id_to_token(token) or "")
        configured = self._settings.get(setting) or ""
        return str(configured.get("content", "") if isinstance(configured, Mapping) else configured)


def _open(folder: Path) -> Tokenizer:
    if (folder / "tokenizer.json").exists():
        return load_tokenizer(folder)
    # Older repositories carry only a sentencepiece model or word lists: transformers converts them.
    from transformers import AutoTokenizer

    try:
        converted = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"{folder}: {error}") from error
    backend: Tokenizer = converted.backend_tokenizer
    return backend


def _require_vocabulary(folder: Path, tokenizer: Tokenizer) -> None:
    """Without its files a tokenizer still opens, and knows nothing."""
    rows = _read_json(folder / "config.json").get("vocab_size")
    if isinstance(rows, int) and tokenizer.get_vocab_size() < rows / 2:
        raise WeightsError(
            say(
                f"{folder}에 이 모델의 토크나이저가 없습니다(tokenizer.json). 모델을 내려받은 곳에서 함께 받아 넣으세요.",
                f"{folder} lacks the model's tokenizer (tokenizer.json). Fetch it from where the model came from.",
            )
        )


def _special_ids(folder: Path, profile: Profile, tokenizer: Tokenizer, settings: Mapping[str, Any]) -> SpecialIds:
    generation, config = _read_json(folder / "generation_config.json"), _read_json(folder / "config.json")

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


def _chat_template(folder: Path, settings: Mapping[str, Any]) -> str | None:
    own_file = folder / "chat_template.jinja"
    if own_file.exists():
        return own_file.read_text(encoding="utf-8")
    template = settings.get("chat_template")
    if isinstance(template, list):
        named = {entry.get("name"): entry.get("template") for entry in template if isinstance(entry, Mapping)}
        template = named.get("default")
    return template if isinstance(template, str) else None


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, list) else [value]
    return [token for token in values if isinstance(token, int)]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error
    return content if isinstance(content, dict) else {}


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's alphabet: printable Latin-1 stands for itself, every other byte for a character from 256 on."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {chr(byte): byte for byte in printable}
    others = (byte for byte in range(256) if byte not in printable)
    return alphabet | {chr(256 + place): byte for place, byte in enumerate(others)}


_BYTE_OF = _byte_alphabet()
