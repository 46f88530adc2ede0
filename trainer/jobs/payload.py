"""What of this computer a job elsewhere needs: this program itself, and the recipe's files. Each is a tree, known by its content.

A recipe names its files by where they will be over there. What comes from the hub comes from there, unless the machine does not reach it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import ConfigError, ModelNotFound
from kullm_tui.core.hub.cache import COMMIT, USUAL_REVISION, repository_folder
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import ModelRef, resolve, shipped_profiles
from trainer.dataset.labels import template_of
from trainer.dataset.sources import DEMO, file_at, is_folder
from trainer.recipe import Recipe
from trainer.recipe_rules import OF_THE_PROFILE, as_source
from trainer.starting_adapter import starting_adapter

_PACKAGES = ("kullm_tui", "trainer", "evaluator", "data")
_LEFT_OUT = ("__pycache__", ".mypy_cache", ".ruff_cache")
_AT_ONCE = 1 << 20

Purpose = Literal["package", "data", "base", "hub", "adapter", "wheels", "past"]


@dataclass(frozen=True)
class TreeFile:
    path: str  # within the tree
    source: Path
    size: int
    sha256: str

    def facts(self) -> dict[str, Any]:
        return {"path": self.path, "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True)
class Tree:
    purpose: Purpose
    files: tuple[TreeFile, ...]

    @property
    def digest(self) -> str:
        return hashlib.sha256(json.dumps([[file.path, file.sha256] for file in self.files]).encode()).hexdigest()

    @property
    def bytes(self) -> int:
        return sum({file.sha256: file.size for file in self.files}.values())

    def place(self, root: str) -> str:
        return f"{root}/trees/{self.digest}"

    def stored(self) -> dict[str, Any]:
        files = [{**file.facts(), "source": str(file.source)} for file in self.files]
        return {"purpose": self.purpose, "files": files}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Tree":
        files = (TreeFile(one["path"], Path(one["source"]), one["size"], one["sha256"]) for one in stored["files"])
        return cls(stored["purpose"], tuple(files))


@dataclass(frozen=True)
class Payload:
    trees: tuple[Tree, ...]
    recipe: Recipe  # with what it needs of this computer's profiles put in

    def tree(self, purpose: Purpose) -> Tree | None:
        return next((tree for tree in self.trees if tree.purpose == purpose), None)

    @property
    def bytes(self) -> int:
        return sum(tree.bytes for tree in self.trees)

    def settled_as(self, settled: Recipe) -> "Payload":
        model = replace(self.recipe.model, precision=settled.model.precision)
        return replace(self, recipe=replace(self.recipe, model=model, train=settled.train))

    def recipe_there(self, root: str) -> Recipe:
        """The recipe with its files where they will be below the machine's folder."""
        recipe, data, base = self.recipe, self.tree("data"), self.tree("base")
        if data:
            place, names = data.place(root), _places_in(data, recipe)

            def there(name: str) -> str:
                return f"{place}/{names[name]}" if name in names else name

            moved = list(map(there, recipe.data.sources))
            evaluate = there(recipe.data.evaluate) if isinstance(recipe.data.evaluate, str) else recipe.data.evaluate
            recipe = replace(recipe, data=replace(recipe.data, source=as_source(moved), evaluate=evaluate))
        adapter = self.tree("adapter")
        if adapter:
            recipe = replace(recipe, model=replace(recipe.model, adapter=adapter.place(root)))
        return replace(recipe, model=replace(recipe.model, base=base.place(root))) if base else recipe


def payload_of(recipe: Recipe, *, base_by_hand: bool = False) -> Payload:
    """`base_by_hand`: the machine has neither the base nor a way to the hub."""
    reference = resolve(recipe.model.base)
    trees = [package_tree(), *_data(recipe)]
    if recipe.model.adapter and recipe.model.adapter not in shipped_profiles():
        trees.append(folder_tree("adapter", starting_adapter(recipe.model.adapter).folder))
    if _is_of_this_computer(reference):
        trees.append(_base_folder(reference))
    elif base_by_hand and reference.folder:
        trees.append(_snapshot(reference, reference.folder))
    return Payload(tuple(trees), _explained(recipe, reference))


def repositories_of(recipe: Recipe) -> list[str]:
    """Models of the hub's that the job will look for."""
    profile = resolve(recipe.model.base).profile
    return [profile.repository] if profile.repository and not profile.folder else []


def needs_hub(recipe: Recipe) -> bool:
    return bool(repositories_of(recipe)) or data_of_hub(recipe)


def data_of_hub(recipe: Recipe) -> bool:
    return any(
        not source.startswith(DEMO) and file_at(source) is None and not is_folder(source)
        for source in recipe.data.sources
    )


@cache
def package_tree() -> Tree:
    """This program as it is installed; on PYTHONPATH there, so that changed code needs no new environment."""
    files: list[tuple[str, Path]] = []
    for package in _PACKAGES:
        root = Path(str(resources.files(package)))
        files += [(f"{package}/{name}", path) for name, path in _below(root)]
    return _tree("package", files)


def folder_tree(purpose: Purpose, folder: Path) -> Tree:
    return _tree(purpose, _below(folder))


def wheels_tree(folder: str) -> Tree:
    files = [(name, path) for name, path in _below(paths.typed(folder)) if name.endswith(".whl")]
    if not files:
        raise ConfigError(
            say(
                f"{folder} 폴더에 wheel 파일이 없어요. `pip download`로 받아 두세요.",
                f"there are no wheels in {folder}. Fetch them with `pip download`.",
            )
        )
    return _tree("wheels", files)


def _data(recipe: Recipe) -> list[Tree]:
    """Each file, and each folder, in a numbered folder of its own: two may have one name."""
    named = enumerate(_names_of(recipe))
    files = [(f"{number}/{path}", file) for number, name in named for path, file in _files_of(name)]
    return [_tree("data", files)] if files else []


def _names_of(recipe: Recipe) -> list[str]:
    """Of all data that it names, each once."""
    evaluate = recipe.data.evaluate
    return list(dict.fromkeys([*recipe.data.sources, *([evaluate] if isinstance(evaluate, str) else [])]))


def _files_of(source: str) -> list[tuple[str, Path]]:
    path = file_at(source)
    if path:
        return [(path.name, path)]
    return _below(paths.typed(source)) if is_folder(source) else []


def _places_in(data: Tree, recipe: Recipe) -> dict[str, str]:
    """Where in the tree what the recipe names is: a file, or a folder."""
    found = {}
    for number, name in enumerate(_names_of(recipe)):
        below = [file for file in data.files if file.path.startswith(f"{number}/")]
        if below:
            own = (file.path for file in below if file.source == paths.typed(name))
            found[name] = next(own, str(number))
    return found


def _is_of_this_computer(reference: ModelRef) -> bool:
    """A folder that no other machine has; the demo's is part of the package."""
    if reference.kind == "folder":
        return True
    return bool(reference.profile.folder) and reference.name not in shipped_profiles()


def _base_folder(reference: ModelRef) -> Tree:
    if reference.folder is None:
        raise ModelNotFound(
            say(
                f"{reference.name} 모델의 폴더가 없어요. `kullm models show {reference.name}`으로 확인하세요.",
                f"the folder of {reference.name} is gone. See `kullm models show {reference.name}`.",
            )
        )
    return folder_tree("base", reference.folder)


def _snapshot(reference: ModelRef, snapshot: Path) -> Tree:
    """As the hub's own cache has it, so that over there it is found as if it had been downloaded."""
    profile = reference.profile
    folder = repository_folder(profile.repository)
    files = [(f"{folder.name}/snapshots/{snapshot.name}/{name}", path) for name, path in _below(snapshot)]
    wanted = profile.revision or USUAL_REVISION
    if not COMMIT.fullmatch(wanted):
        files.append((f"{folder.name}/refs/{wanted}", folder / "refs" / wanted))
    return _tree("hub", files)


def _explained(recipe: Recipe, reference: ModelRef) -> Recipe:
    """A profile of the user's own is not known over there: its repository and its template stand in the recipe itself."""
    if reference.kind == "profile" and reference.name in shipped_profiles():
        return recipe
    template = recipe.model.template
    if template == OF_THE_PROFILE:
        template = template_of(recipe, reference.profile)
    base = (
        reference.profile.repository
        if reference.kind == "profile" and not reference.profile.folder
        else recipe.model.base
    )
    return replace(recipe, model=replace(recipe.model, base=base, template=template))


def _below(folder: Path) -> list[tuple[str, Path]]:
    """Every regular file and its path from there; links are followed, caches and hidden files are nobody's data."""
    found = []
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part in _LEFT_OUT or part.startswith(".") for part in parts):
            found.append(("/".join(parts), path))
    return found


def _tree(purpose: Purpose, files: Iterable[tuple[str, Path]]) -> Tree:
    return Tree(purpose, tuple(_file(name, path) for name, path in files))


def _file(name: str, path: Path) -> TreeFile:
    try:
        status = path.stat()
        return TreeFile(name, path, *_read(path, status.st_mtime_ns, status.st_size))
    except OSError as error:
        raise ConfigError(
            say(f"{path} 파일을 읽을 수 없어요({cause_of(error)}).", f"{path} cannot be read ({cause_of(error)}).")
        ) from error


@lru_cache(maxsize=4096)
def _read(path: Path, _changed: int, _size: int) -> tuple[int, str]:
    """Its size and digest. Who plans the same job again and again reads a base of gigabytes once."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_AT_ONCE):
            digest.update(block)
        return file.tell(), digest.hexdigest()


def has_changed(file: TreeFile) -> bool:
    """By its content, whatever its time says."""
    _read.cache_clear()
    return _file(file.path, file.source).sha256 != file.sha256


def all_files(trees: Sequence[Tree]) -> list[dict[str, Any]]:
    return [file.facts() for tree in trees for file in tree.files]
