"""Which module of transformers holds which name, kept for the next start.

The library finds that by reading its two thousand files of models twice, at each import: 0.6 of an engine's seconds. It is the same until
another version is installed, so it is found once and read from the cache after that. A library that is not in a folder of installed
packages may change any moment: its files are read, as it wants.
"""

import contextlib
import hashlib
import importlib.machinery
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import KullmError
from kullm_tui.core.files import publish
from kullm_tui.core.paths import cache_dir, private_dir

_MODULE, _FUNCTION, _MODELS = "transformers.utils.import_utils", "create_import_structure_from_path", "models"
_INSTALLED = {"site-packages", "dist-packages"}
# What a cache that is damaged, or that cannot be written, may lead to.
_UNUSABLE = (KullmError, OSError, ValueError, LookupError, TypeError, AttributeError)

Structure = Any  # dictionaries within dictionaries, and sets of names in them; a key may be a set as well
Find = Callable[[str | Path], Structure]


@contextlib.contextmanager
def structure_kept() -> Iterator[None]:
    """For the time of the library's import."""
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


class _Finder:
    def find_spec(
        self, name: str, path: Sequence[str] | None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != _MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader:
            spec.loader.exec_module = _executed_by(spec.loader.exec_module)  # type: ignore[assignment, method-assign]
        return spec


def _executed_by(execute: Callable[[ModuleType], None]) -> Callable[[ModuleType], None]:
    def executed(module: ModuleType) -> None:
        execute(module)
        setattr(module, _FUNCTION, _from_the_cache(getattr(module, _FUNCTION)))

    return executed


def _from_the_cache(find: Find) -> Find:
    def found(place: str | Path) -> Structure:
        folder = Path(place)
        folder = folder.parent if folder.suffix else folder
        if folder.name != _MODELS or not _INSTALLED & set(folder.parts):
            return find(place)
        with contextlib.suppress(*_UNUSABLE):
            return _with_sets(foreign_json.read(_file_for(folder)))
        fresh = find(place)
        with contextlib.suppress(*_UNUSABLE):
            text = json.dumps(_without_sets(fresh))
            if _with_sets(foreign_json.parsed(text)) == fresh:
                publish(_file_for(folder), text, mode=0o600)
        return fresh

    return found


def _file_for(folder: Path) -> Path:
    """Another one where another version lies in the folder."""
    moments = [place.stat().st_mtime_ns for place in (folder, folder.parent / "__init__.py")]
    key = hashlib.sha256(repr((str(folder), moments)).encode()).hexdigest()[:16]
    return private_dir(cache_dir() / "imports") / f"{key}.json"


def _without_sets(found: Structure) -> Any:
    if isinstance(found, dict):
        return {
            "of": [[sorted(key) if isinstance(key, frozenset) else key, _without_sets(found[key])] for key in found]
        }
    return sorted(found)


def _with_sets(told: Any) -> Structure:
    if isinstance(told, dict):
        return {frozenset(key) if isinstance(key, list) else key: _with_sets(value) for key, value in told["of"]}
    return set(told)
