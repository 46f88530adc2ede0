"""What stands beside merged weights so that others prompt the model exactly as we do, with nothing but the folder.

tokenizer files           the adapter's, where it brought them; its end and begin tokens as the profile says
chat_template.jinja       the template it was trained in
generation_config.json    every token that ends a reply, the strings that do, and how it is asked to generate
kullm.toml                the same for this product
README.md                 the card, where there is one
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import tomlkit

from kullm_tui.core.models.adapters import prompted_as
from kullm_tui.core.models.folder_profile import FOLDER_FACTS
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.profiles import Decoding, Profile, decoding_for
from kullm_tui.core.models.prompting import Prompting, chat_template_of, read_json
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.templates.registry import TEMPLATES
from kullm_tui.core.templates.tokens import load_tokenizer

CARD = "README.md"

_GENERATION = "generation_config.json"
_SETTINGS = "tokenizer_config.json"
_TEMPLATE = "chat_template.jinja"
_UNTAUGHT = "plain"
_TOKENIZER_FILES = (
    "tokenizer.json",
    _SETTINGS,
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.model",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    _TEMPLATE,
)
_MODEL_FILES = ("config.json", _GENERATION)


def prompted_profile(name: str, adapter: Path | None, base: Path) -> Profile:
    """How base and adapter together are prompted: `name` is the adapter's own profile or the base's; "" is the base's folder."""
    profile = resolve(name or str(base)).profile
    return profile if adapter is None or profile.kind == "adapter" else prompted_as(profile, adapter)


def write_beside(folder: Path, adapter: Path | None, base: Path, *, profile: Profile, card: Path | None = None) -> str:
    """The name of the template that lies there now."""
    for name in _MODEL_FILES:
        _copy(base / name, folder / name)
    template = _write_tokenizer(folder, adapter, base, profile)
    prompting = Prompting(folder, profile, load_tokenizer(folder))
    _write_settings(folder, prompting)
    _write_generation(folder, prompting, profile)
    (folder / FOLDER_FACTS).write_text(_facts(profile, template), encoding="utf-8")
    if card:
        _copy(card, folder / CARD)
    return template


def _write_tokenizer(folder: Path, adapter: Path | None, base: Path, profile: Profile) -> str:
    tokenizer = adapter if adapter and (adapter / _SETTINGS).is_file() else base
    for name in _TOKENIZER_FILES:
        _copy(tokenizer / name if (tokenizer / name).is_file() else base / name, folder / name)
    template = _template(folder, profile)
    if template in TEMPLATES:
        _write_template(folder, template)
    return template


def _template(folder: Path, profile: Profile) -> str:
    """The profile's; a template that came along is better than none."""
    brought = chat_template_of(folder, read_json(folder / _SETTINGS)) is not None
    return OWN_TEMPLATE if profile.template == _UNTAUGHT and brought else profile.template


def _write_template(folder: Path, template: str) -> None:
    (folder / _TEMPLATE).write_text(TEMPLATES[template].jinja, encoding="utf-8")
    settings = read_json(folder / _SETTINGS)
    if settings.pop("chat_template", None):
        _write_json(folder / _SETTINGS, settings)


def _write_settings(folder: Path, prompting: Prompting) -> None:
    """A chat template writes these tokens by the names that stand here."""
    settings = read_json(folder / _SETTINGS)
    named = {"eos_token": prompting.eos_token, "bos_token": prompting.bos_token}
    wanted = {name: token for name, token in named.items() if token and _spelled(settings.get(name)) != token}
    if wanted:
        _write_json(folder / _SETTINGS, settings | wanted)


def _spelled(token: Any) -> Any:
    return token.get("content") if isinstance(token, Mapping) else token


def _write_generation(folder: Path, prompting: Prompting, profile: Profile) -> None:
    ends = sorted(prompting.special.eos)
    facts = {
        "bos_token_id": prompting.special.bos,
        "eos_token_id": ends[0] if len(ends) == 1 else ends or None,
        "pad_token_id": prompting.special.pad,
        "stop_strings": list(profile.stop) or None,
        **_asked(profile.defaults),
    }
    kept = {name: value for name, value in read_json(folder / _GENERATION).items() if name not in _OVERRULED}
    _write_json(folder / _GENERATION, kept | {name: value for name, value in facts.items() if value is not None})


_OVERRULED = ("max_length", "temperature", "top_p", "top_k", "do_sample", "num_beams", "stop_strings")


def _asked(decoding: Decoding) -> dict[str, Any]:
    """In transformers' words. Its own top_k is 50 where none is said, so that "all" is said too."""
    samples = decoding.do_sample and decoding.temperature > 0
    facts: dict[str, Any] = {"max_new_tokens": decoding.max_new_tokens, "do_sample": samples}
    if samples:
        facts |= {"temperature": decoding.temperature, "top_p": decoding.top_p, "top_k": decoding.top_k}
    usual = Decoding()
    for name in ("repetition_penalty", "no_repeat_ngram_size", "num_beams"):
        if getattr(decoding, name) != getattr(usual, name):
            facts[name] = getattr(decoding, name)
    return facts


def _facts(profile: Profile, template: str) -> str:
    facts = tomlkit.document()
    facts["template"] = template
    if profile.stop != (TEMPLATES[template].stop if template in TEMPLATES else ()):
        facts["stop"] = list(profile.stop)
    usual = asdict(decoding_for(template))
    asked = {name: value for name, value in asdict(profile.defaults).items() if value != usual[name]}
    if asked:
        facts["decoding"] = asked
    return tomlkit.dumps(facts)


def _copy(source: Path, target: Path) -> None:
    if source.is_file():
        shutil.copyfile(source, target)


def _write_json(file: Path, content: Mapping[str, Any]) -> None:
    file.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
