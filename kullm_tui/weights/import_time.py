"""Modules that are others, or not there, while a library is imported."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType


@contextlib.contextmanager
def in_their_place(modules: Mapping[str, ModuleType | None]) -> Iterator[None]:
    """With all that is below them; None is one that is not there."""
    before = {
        name: module for name, module in sys.modules.items() if any(f"{name}.".startswith(f"{one}.") for one in modules)
    }
    for name in before:
        del sys.modules[name]
    sys.modules.update(modules)  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)
        sys.modules.update(before)
