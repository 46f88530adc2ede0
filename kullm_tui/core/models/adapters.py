"""The user's own adapters: a folder each in the state folder, told apart by name.

adapters/NAME/
  adapter_config.json, adapter_model.safetensors   as peft writes them
  kullm.toml                                       its base and template, in a profile's keys
  made.json                                        when it came here, from which run and recipe
  card.json                                        of one that was trained: data, machine, hours, price, the plan against what was,
                                                   and what was found of it beside the model before

What is here is whole: it is copied beside its place and renamed. Nothing of an adapter is run or loaded.
"""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kullm_tui.core import foreign_json, paths
from kullm_tui.core.causes import cause_of, is_full
from kullm_tui.core.errors import AdapterError, KullmError, ModelNotFound, NoSpace, UsageError
from kullm_tui.core.files import discard, publish
from kullm_tui.core.hub.cache import size_of
from kullm_tui.core.language import say
from kullm_tui.core.models.archive import import_archive
from kullm_tui.core.models.folder_profile import profile_of_folder
from kullm_tui.core.models.profile_form import NAME
from kullm_tui.core.models.profiles import Profile
from kullm_tui.core.models.resolve import local_folder, resolve
from kullm_tui.core.rules import did_you_mean

CONFIGURATION = "adapter_config.json"
MADE = "made.json"
CARD = "card.json"

_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
_FACTS = "kullm.toml"
_LAST_MOMENT = 253_402_300_799  # the end of the year 9999
_METHODS = {"LORA": "LoRA", "IA3": "IA3", "ADAPTION_PROMPT": "LLaMA-Adapter"}


@dataclass(frozen=True)
class Adapter:
    name: str
    folder: Path
    base: str  # as `-m` takes it; empty: not known
    template: str  # empty: its files do not say
    method: str
    bytes: int
    made: float  # seconds since 1970
    run: str = ""  # the run that trained it
    recipe: str = ""


def list_adapters() -> list[Adapter]:
    """By name. A folder that is being made or removed is not one; a broken one is, so that it can be removed."""
    return [_read_or_broken(folder) for folder in _folders()]


def adapter_named(name: str) -> Adapter:
    folder = next((one for one in _folders() if one.name == name), None)
    if folder:
        return _read_or_broken(folder)
    hint = did_you_mean(name, [adapter.name for adapter in list_adapters()])
    raise AdapterError(
        say(
            f"'{name}' 어댑터가 없어요.{hint} `kullm adapters list`로 목록을 볼 수 있어요.",
            f"There is no adapter '{name}'.{hint} `kullm adapters list` shows them.",
        )
    )


def is_adapter(folder: Path) -> bool:
    """Whether it would be taken for one, wherever it lies."""
    try:
        return (folder / CONFIGURATION).is_file()
    except OSError:
        return folder.is_dir()


def adapter_folder(name: str) -> Path | None:
    """Where an adapter's files are: it is named by its folder, as one of the user's, by a profile or a repository."""
    for folder in (paths.typed(name), paths.adapters_dir() / Path(name).name):
        if is_adapter(folder):
            return folder.resolve()
    try:
        folder = local_folder(resolve(name))
    except ModelNotFound:
        return None
    return folder if is_adapter(folder) else None


def _folders() -> list[Path]:
    return sorted(
        entry for entry in paths.adapters_dir().iterdir() if not entry.name.startswith(".") and entry.is_dir()
    )


def _read_or_broken(folder: Path) -> Adapter:
    with suppress(KullmError, OSError, ValueError, TypeError, AttributeError, OverflowError):
        if is_adapter(folder):
            return read_adapter_folder(folder)
    return Adapter(folder.name, folder, "", "", say("깨짐", "broken"), 0, 0.0)


def free_name(stem: str) -> str:
    """The stem with the first number that no adapter has."""
    taken = {entry.name for entry in paths.adapters_dir().iterdir()}
    plain = re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-._") or "adapter"
    return next(name for number in range(1, 10**9) if (name := f"{plain}-{number}") not in taken)


def require_free(name: str) -> None:
    """UsageError for a name that cannot be one, AdapterError for one that is taken."""
    if not NAME.fullmatch(name):
        raise UsageError(
            say(
                f"{name!r}: 어댑터의 이름은 영문 소문자, 숫자, 점, 줄표, 밑줄로 써요.",
                f"{name!r}: an adapter's name is made of lower-case letters, digits, dots, dashes and underscores.",
            )
        )
    if (paths.adapters_dir() / name).exists():
        raise AdapterError(
            say(
                f"{name} 어댑터가 이미 있어요. 다른 이름을 쓰거나 `kullm adapters remove {name}`으로 먼저 지우세요.",
                f"There is an adapter {name} already. Use another name, or first `kullm adapters remove {name}`.",
            )
        )


def import_adapter(source: Path, name: str) -> Adapter:
    """A copy of the folder, or of what an archive holds, under that name."""
    require_free(name)
    if source.is_file():
        import_archive(source, paths.adapters_dir() / name, require=lambda draft: _require_whole(draft, source))
        return read_adapter_folder(paths.adapters_dir() / name)
    return _kept(source, name, {"source": str(source.absolute())})


def publish_adapter(
    artifacts: Path,
    name: str,
    *,
    run: str = "",
    recipe: str = "",
    base: str = "",
    card: Mapping[str, Any] | None = None,
) -> Adapter:
    """What a run made, under a name of its own; the run's folder may go afterwards. `base`: as this computer calls it."""
    require_free(name)
    return _kept(artifacts, name, {"run": run, "recipe": recipe}, card=card, base=base)


def card_of(adapter: Adapter) -> Mapping[str, Any]:
    """Empty for one that was not trained here."""
    return foreign_json.fields(adapter.folder / CARD)


def add_to_card(adapter: Adapter, facts: Mapping[str, Any]) -> None:
    """What came to be known of it since it was trained."""
    _publish_document(adapter.folder / CARD, {**card_of(adapter), **facts})


def remove_adapter(name: str) -> Adapter:
    """What it was. It is gone from the list at once, whole."""
    adapter = adapter_named(name)
    discard(adapter.folder)
    return adapter


def prompted_as(base: Profile, folder: Path) -> Profile:
    """The base's profile with the adapter's own way of being prompted, where its kullm.toml says one."""
    if not (folder / _FACTS).is_file():
        return base
    own = profile_of_folder(folder, base.name)
    return replace(base, template=own.template, stop=own.stop, defaults=own.defaults)


def _kept(
    source: Path, name: str, origin: Mapping[str, str], *, card: Mapping[str, Any] | None = None, base: str = ""
) -> Adapter:
    _require_whole(source, source)
    with _drafted(name) as draft:
        for file in sorted(source.iterdir()):
            # Training states, checkpoints in sub-folders and hidden files are no part of an adapter.
            if file.is_file() and not file.name.startswith(".") and not file.name.startswith("optimizer"):
                shutil.copyfile(file, draft / file.name)
        facts = {"made": time.time(), **{key: value for key, value in origin.items() if value}}
        for document, content in ((MADE, facts), (CARD, card)):
            if content:
                _publish_document(draft / document, content)
        if base:
            _set_base(draft, base)
        draft.rename(paths.adapters_dir() / name)
    return read_adapter_folder(paths.adapters_dir() / name)


def _publish_document(file: Path, content: Mapping[str, Any]) -> None:
    publish(file, json.dumps(content, ensure_ascii=False, indent=1) + "\n", mode=0o600)


def _set_base(folder: Path, base: str) -> None:
    """In place of a path of the machine that trained it."""
    import tomlkit  # late: a trainer may run where it is not installed

    options = {**foreign_json.fields(folder / CONFIGURATION), "base_model_name_or_path": base}
    publish(folder / CONFIGURATION, json.dumps(options, ensure_ascii=False, indent=2) + "\n", mode=0o600)
    facts = (
        tomlkit.parse((folder / _FACTS).read_text(encoding="utf-8"))
        if (folder / _FACTS).is_file()
        else tomlkit.document()
    )
    facts["base"] = base
    publish(folder / _FACTS, tomlkit.dumps(facts), mode=0o600)


@contextmanager
def _drafted(name: str) -> Iterator[Path]:
    draft = Path(tempfile.mkdtemp(dir=paths.adapters_dir(), prefix=f".{name}."))
    try:
        yield draft
    except OSError as error:
        raise _disk_fault(name, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _require_whole(folder: Path, source: Path) -> None:
    """What only looks like an adapter is refused before it has a name."""
    options = foreign_json.fields(folder / CONFIGURATION)
    if options.get("peft_type") and any((folder / name).is_file() for name in _WEIGHTS):
        return
    raise AdapterError(
        say(
            f"{source}에 온전한 PEFT 어댑터가 없어요({CONFIGURATION}과 {_WEIGHTS[0]}가 있어야 해요). 어댑터의 폴더인지 확인하세요.",
            f"{source} holds no whole PEFT adapter: {CONFIGURATION} and {_WEIGHTS[0]} are needed. Check the folder.",
        )
    )


def read_adapter_folder(folder: Path) -> Adapter:
    """What the files say of themselves; what they do not say stays empty."""
    options, made = foreign_json.fields(folder / CONFIGURATION), foreign_json.fields(folder / MADE)
    facts = None
    with suppress(KullmError):  # a broken kullm.toml is told when the adapter is used
        facts = profile_of_folder(folder, folder.name)
    return Adapter(
        name=folder.name,
        folder=folder,
        base=(facts.base if facts else None) or str(options.get("base_model_name_or_path") or ""),
        template=facts.template if facts and (folder / _FACTS).is_file() else "",
        method=_method(options),
        bytes=size_of(folder),
        made=_moment(made.get("made"), folder.stat().st_mtime),
        run=str(made.get("run") or ""),
        recipe=str(made.get("recipe") or ""),
    )


def _moment(value: object, otherwise: float) -> float:
    """Seconds that a calendar has a day for."""
    return float(value) if isinstance(value, int | float) and 0 <= value < _LAST_MOMENT else otherwise


def _method(options: Mapping[str, Any]) -> str:
    kind = str(options.get("peft_type") or "?")
    rank = options.get("r")
    return f"{_METHODS.get(kind, kind)} r{rank}" if kind == "LORA" and rank else _METHODS.get(kind, kind)


def _disk_fault(name: str, error: OSError) -> KullmError:
    if is_full(error):
        return NoSpace(
            say(
                f"디스크가 가득 차서 {name} 어댑터를 저장하지 못했어요. 공간을 비우고 다시 해 보세요.",
                f"The disk is full: the adapter {name} was not kept. Free some space and try again.",
            )
        )
    reason = cause_of(error)
    return AdapterError(
        say(
            f"{name} 어댑터를 {paths.adapters_dir()}에 저장하지 못했어요: {reason}",
            f"The adapter {name} was not kept in {paths.adapters_dir()}: {reason}",
        )
    )
