"""A profile made up from a model's own files, corrected where converted files are known to be wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import KullmError, ModelNotFound
from kullm_tui.core.language import say
from kullm_tui.core.models.profile_form import OWN_TEMPLATE
from kullm_tui.core.models.profiles import Profile, all_profiles, decoding_for, profile_toml, profiles_from

FOLDER_FACTS = "kullm.toml"  # in a model's folder: what its own files do not say, such as the template

_CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "n_ctx", "seq_length", "max_seq_len")
_USUAL_CONTEXT = 2048
_POLYGLOT_VOCABULARIES = (30003, 30080)
_POLYGLOT_EOS = 2


def profile_of_folder(folder: Path, name: str) -> Profile:
    adapter = _json(folder / "adapter_config.json")
    config = _json(folder / "config.json")
    if not config and not adapter:
        raise ModelNotFound(
            say(
                f"{folder}에 config.json도 adapter_config.json도 없어요. 모델이나 어댑터의 폴더를 고르세요.",
                f"{folder} holds neither config.json nor adapter_config.json. Choose a model's or an adapter's folder.",
            )
        )
    known = _folder_facts(folder)
    template = known.template if known else (OWN_TEMPLATE if _has_chat_template(folder) else "plain")
    facts: dict[str, Any] = {"template": template, "defaults": decoding_for(template), "source": str(folder)}
    if known:
        facts |= {"stop": known.stop, "defaults": known.defaults, "base": known.base}
    if not config:
        base = known.base if known and known.base else _base_named(str(adapter.get("base_model_name_or_path") or ""))
        return Profile(name=name, title=folder.name, kind="adapter", folder=str(folder), **(facts | {"base": base}))
    facts |= _ids(folder, config) | {"context": _context(config)}
    return Profile(name=name, title=folder.name, folder=str(folder), **facts)


def context_of(folder: Path) -> int:
    return _context(_json(folder / "config.json"))


def _base_named(base: str) -> str | None:
    """The profile of the base's repository, which knows more than the name alone."""
    known = (profile.name for profile in all_profiles().values() if profile.repository.lower() == base.lower())
    return next(known, base or None) if base else None


def _folder_facts(folder: Path) -> Profile | None:
    """kullm.toml holds a profile's keys without a table: template = "kullm-v2", base = "kullm-5.8b"."""
    path = folder / FOLDER_FACTS
    if not path.is_file():
        return None
    return profiles_from({"folder": {"folder": ".", **profile_toml(path).tables()}}, path)["folder"]


def _json(path: Path) -> Mapping[str, Any]:
    """Empty where there is no such file; a broken one is worth a word."""
    if not path.is_file():
        return {}
    try:
        value = foreign_json.read(path)
    except (OSError, ValueError) as error:
        raise KullmError(
            say(
                f"{path} 파일을 읽을 수 없어요. 잘렸거나 JSON이 아니에요. 모델을 다시 받으세요.",
                f"{path} cannot be read: it is cut short or not JSON. Fetch the model again.",
            )
        ) from error
    return value if isinstance(value, dict) else {}


def _has_chat_template(folder: Path) -> bool:
    return (folder / "chat_template.jinja").is_file() or bool(
        _json(folder / "tokenizer_config.json").get("chat_template")
    )


def _ids(folder: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**config, **_json(folder / "generation_config.json")}
    eos, bos, pad = (_whole_numbers(merged.get(f"{role}_token_id")) for role in ("eos", "bos", "pad"))
    family, vocabulary = config.get("model_type"), config.get("vocab_size")
    if family == "gpt_neox" and vocabulary in _POLYGLOT_VOCABULARIES:
        return {"eos": (_POLYGLOT_EOS,), "pad": _POLYGLOT_EOS}
    if family == "llama" and bos == (0,) and eos == (1,):
        return {"eos": (2,), "bos": 1, "pad": 0}
    # Whether a bos stands first is the tokenizer's to say: configurations name one that is never used.
    return {"eos": eos, "pad": pad[0] if pad else None}


def _whole_numbers(value: object) -> tuple[int, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(one for one in values if isinstance(one, int) and not isinstance(one, bool) and one >= 0)


def _context(config: Mapping[str, Any]) -> int:
    inner = config.get("text_config")
    for table in (config, inner if isinstance(inner, dict) else {}):
        for name in _CONTEXT_NAMES:
            if _whole_numbers(table.get(name)) and table[name] > 0:
                return int(table[name])
    return _USUAL_CONTEXT
