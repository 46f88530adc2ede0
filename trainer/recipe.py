"""Recipes: everything that decides what a run trains, as frozen facts read strictly from TOML.

    recipes/NAME.toml      the shipped ones
    any other .toml file   the user's own, in the same form

What a recipe's file leaves out takes the defaults below. A recipe says what is trained, never where or when.
"""

import hashlib
import json
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.profiles import shipped_profiles
from kullm_tui.core.rules import did_you_mean
from trainer import recipe_rules
from trainer.built_sets import built_file
from trainer.recipe_overrides import overridden, put
from trainer.starting_adapter import starting_adapter

_SHIPPED = Path(__file__).with_name("recipes")
# What may change in a run that goes on: how long it lasts, and how it is watched and kept.
_COMPARABLE = ("epochs", "max_steps", "minutes", "eval_every", "save_every", "keep", "patience", "samples")

Source = str | tuple[str, ...]


def sources_of(source: Source) -> tuple[str, ...]:
    return (source,) if isinstance(source, str) else tuple(source)


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    base: str  # a profile, a repository or a folder
    template: str = "profile"  # a registry name; "profile": the base's; "chat": its tokenizer's own
    precision: Literal["auto", "fp32", "bf16", "8bit", "4bit"] = "bf16"  # auto: fp32 or bf16, the faster where it runs
    init: Literal["pretrained", "scratch"] = "pretrained"  # scratch: config.json and tokenizer, no weights
    adapter: str = (
        ""  # one of the user's, or a folder, that training starts from; it decides the method; empty: a fresh one
    )


@dataclass(frozen=True, kw_only=True)
class DataChoice:
    source: (
        Source  # each a file, a data set of the hub, demo:NAME or mixture:NAME; one that is named twice is learnt twice
    )
    split: str = "train"
    columns: Mapping[str, str] = field(default_factory=dict)  # our name → theirs
    cutoff: int = 512  # tokens of a row
    loss: Literal["output", "all"] = "output"
    evaluate: float | int | str = 0  # a share below 1, a number of rows, or a file; 0: none
    limit: int = 0  # the first rows of each source only; 0: all
    evaluate_limit: int = 0  # of an evaluation file, the same

    @property
    def sources(self) -> tuple[str, ...]:
        return sources_of(self.source)

    @property
    def named(self) -> str:
        """For a person."""
        return ", ".join(self.sources)


@dataclass(frozen=True, kw_only=True)
class Method:
    kind: Literal["lora", "ia3", "llama-adapter", "full"] = "lora"
    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()  # empty: what is usual for the architecture
    adapter_len: int = 10
    adapter_layers: int = 0  # 0: all


@dataclass(frozen=True, kw_only=True)
class PreferenceLoss:
    """What is made smaller where `train.kind` is dpo."""

    loss: Literal["sigmoid", "sigmoid_norm"] = "sigmoid"  # norm: each reply's log-probability by its length
    beta: float = 0.1
    sft_weight: float = 0.0  # of the likelihood of chosen replies, and of rows without a rejected one, beside it
    label_smoothing: float = 0.0  # the share of pairs that may be the wrong way round


@dataclass(frozen=True, kw_only=True)
class Training:
    kind: Literal["sft", "dpo"] = "sft"  # from replies, or from pairs of a better and a worse one
    epochs: float = 3.0
    max_steps: int = 0  # 0: what the epochs come to
    minutes: float = 0.0  # of training on the machine where the run begins, which decides the steps; 0: no bound
    batch: int = 128  # examples a step, over all ranks
    micro_tokens: int = 4096  # what one rank computes at once
    learning_rate: float = 3e-4
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: float = 0.05  # below 1: a share of the steps; else steps
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    clip: float = 1.0  # 0: off
    seed: int = 42
    packing: bool = True
    compile: bool = False
    recompute: float = 0.0  # the share of layers whose activations are computed again
    eval_every: int = 0  # steps; 0: each epoch
    save_every: int = 0  # steps; 0: each epoch
    keep: int = 2  # checkpoints beside the best
    patience: int = 0  # evaluations without gain before stopping; 0: off
    samples: tuple[str, ...] = ()  # asked at each evaluation
    spike: float = 0.0  # a loss above this multiple of its running mean; 0: off


@dataclass(frozen=True, kw_only=True)
class Recipe:
    name: str
    model: ModelChoice
    data: DataChoice
    method: Method = Method()
    train: Training = Training()
    preference: PreferenceLoss = PreferenceLoss()
    summary: str = ""  # this and the next two in Korean, and in English as `_en`; one's own may have either
    summary_en: str = ""
    source: str = ""  # where the figures come from
    source_en: str = ""
    notes: str = ""  # where it departs from them
    notes_en: str = ""

    @property
    def told(self) -> str:
        return _told(self.summary, self.summary_en)

    @property
    def told_source(self) -> str:
        return _told(self.source, self.source_en)

    @property
    def told_notes(self) -> str:
        return _told(self.notes, self.notes_en)

    @property
    def digest(self) -> str:
        """Equal for two recipes whose checkpoints may stand in for each other."""
        tables = recipe_dict(self)
        for key in _COMPARABLE:
            del tables["train"][key]
        if self.train.kind == "sft":  # what came to recipes later leaves those without it what they were
            del tables["train"]["kind"], tables["preference"]
        if not self.model.adapter:
            del tables["model"]["adapter"]
        compared = {name: tables[name] for name in _TABLES if name in tables}
        return hashlib.sha256(json.dumps(compared, sort_keys=True, ensure_ascii=True).encode()).hexdigest()


def _told(korean: str, english: str) -> str:
    return say(korean or english, english or korean)


_TABLES: Mapping[str, type] = {
    "model": ModelChoice,
    "data": DataChoice,
    "method": Method,
    "train": Training,
    "preference": PreferenceLoss,
}


def longest_example(recipe: Recipe) -> int:
    """Its tokens at most: of a pair, both replies with their prompt."""
    return recipe.data.cutoff * (2 if recipe.train.kind == "dpo" else 1)


def shipped_recipes() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in _SHIPPED.glob("*.toml")))


def load_recipe(name: str, overrides: Sequence[str] = ()) -> Recipe:
    """The shipped recipe of that name, or the file if it ends in .toml, with `train.epochs=5` and the like put in."""
    path = _place(name)
    return _anchored(_overridden(path.stem, _read(path), overrides, name), path.parent)


def recipe_with(recipe: Recipe, overrides: Sequence[str]) -> Recipe:
    """Another one, with `train.epochs=5` and the like put in."""
    return _anchored(_overridden(recipe.name, recipe_dict(recipe), overrides, recipe.name), Path())


def recipe_or_faults(recipe: Recipe, values: Mapping[str, Any]) -> tuple[Recipe | None, list[str]]:
    """Another one with these values in their places (`train.epochs`), or all that is wrong with them, each fault after its place."""
    tables: Mapping[str, Any] = recipe_dict(recipe)
    for place, value in values.items():
        tables = put(tables, place.split("."), value)
    faults: list[str] = []
    found = _checked(recipe.name, {**tables}, faults)
    return (None if found is None else _anchored(found, Path())), faults


def given_keys(name: str) -> frozenset[str]:
    """What the recipe's file says itself, as `train.epochs`; the rest are defaults."""
    tables = _read(_place(name))
    return frozenset(f"{table}.{key}" for table in _TABLES for key in tables.get(table, {}))


def _place(name: str) -> Path:
    if name.endswith(".toml"):
        return paths.typed(name)
    if name not in shipped_recipes():
        raise _unknown(name)
    return _SHIPPED / f"{name}.toml"


def _overridden(stem: str, tables: Mapping[str, Any], overrides: Sequence[str], shown: str) -> Recipe:
    faults: list[str] = []
    recipe = _checked(stem, overridden(tables, overrides, faults), faults)
    if recipe is None:
        listed = "\n".join(f"  {fault}" for fault in faults)
        what = f"{shown} 레시피를"
        raise ConfigError(say(f"{what} 고쳐 주세요:\n{listed}", f"please correct the recipe {shown}:\n{listed}"))
    return recipe


def recipe_dict(recipe: Recipe) -> dict[str, Any]:
    """Plain tables for JSON and TOML; `recipe_from` reads them back."""
    plain: dict[str, Any] = _plain(recipe)
    return plain


def recipe_from(tables: Mapping[str, Any]) -> Recipe:
    faults: list[str] = []
    recipe = _checked(str(tables.get("name", "")), {**tables}, faults)
    if recipe is None:
        listed = "\n".join(f"  {fault}" for fault in faults)
        raise ConfigError(
            say(f"저장된 레시피를 쓸 수 없어요:\n{listed}", f"the stored recipe cannot be used:\n{listed}")
        )
    return recipe


def _checked(name: str, tables: dict[str, Any], faults: list[str]) -> Recipe | None:
    """None where there are faults, which are added to the list."""
    values = recipe_rules.checked_recipe(tables, faults)
    if faults:
        return None
    parts = {table: kind(**values.pop(table, {})) for table, kind in _TABLES.items()}
    return Recipe(**{**values, **parts, "name": name})


def _anchored(recipe: Recipe, folder: Path) -> Recipe:
    """Files and folders by their full paths, so that a run that goes on elsewhere finds them. A recipe's neighbours come first."""

    def full(name: str, *, is_there: Callable[[Path], bool]) -> str:
        try:
            places = (folder / name, paths.typed(name))
            return next((str(place.resolve()) for place in places if is_there(place)), name)
        except (OSError, RuntimeError):  # no file can have this name, or nobody that home
            return name

    recipe = _following_its_adapter(recipe)
    data, base = recipe.data, recipe.model.base
    sources = [str(built_file(one) or full(one, is_there=Path.is_file)) for one in data.sources]
    evaluate = full(data.evaluate, is_there=Path.is_file) if isinstance(data.evaluate, str) else data.evaluate
    return replace(
        recipe,
        data=replace(data, source=recipe_rules.as_source(sources), evaluate=evaluate),
        model=replace(recipe.model, base=full(base, is_there=Path.is_dir) if "/" in base else base),
    )


def _following_its_adapter(recipe: Recipe) -> Recipe:
    """An adapter that is trained on keeps its method, and its template where the recipe names none. One that cannot be is refused later; one
    that comes along keeps its name, which is known everywhere."""
    if not recipe.model.adapter:
        return recipe
    try:
        adapter = starting_adapter(recipe.model.adapter)
    except KullmError:
        return recipe
    template = recipe.model.template
    if template == recipe_rules.OF_THE_PROFILE and adapter.template:
        template = adapter.template
    named = recipe.model.adapter if recipe.model.adapter in shipped_profiles() else str(adapter.folder)
    model = replace(recipe.model, adapter=named, template=template)
    return replace(recipe, model=model, method=replace(recipe.method, **adapter.method))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {one.name: _plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise _unknown(str(path)) from error
    except OSError as error:
        reason = cause_of(error)
        raise ConfigError(
            say(f"레시피 파일을 읽을 수 없어요({reason}): {path}", f"the recipe cannot be read ({reason}): {path}")
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            say(
                f"레시피 파일이 UTF-8이 아니에요: {path}\nUTF-8로 저장해 주세요.",
                f"{path} is not UTF-8. Save it as UTF-8.",
            )
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            say(f"레시피 파일이 TOML 형식이 아니에요: {path}\n  {cause_of(error)}", f"{path} is not TOML:\n  {error}")
        ) from error


def _unknown(name: str) -> ConfigError:
    hint = did_you_mean(name, shipped_recipes())
    listed = ", ".join(shipped_recipes())
    return ConfigError(
        say(
            f"'{name}' 레시피가 없어요.{hint} 준비된 레시피: {listed}\n직접 쓴 레시피는 .toml로 끝나는 파일 이름으로 적어 주세요.",
            f"There is no recipe '{name}'.{hint} Shipped: {listed}\nName your own by its file, ending in .toml.",
        )
    )
