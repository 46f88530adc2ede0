"""What is asked for when a job is made: written once, never changed, the same form here and elsewhere."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from kullm_tui import __version__
from kullm_tui.core.language import interface_language
from trainer.jobs.agent.directory import SCHEMA
from trainer.recipe import Recipe, recipe_dict


def spec_of(
    recipe: Recipe, argv: Sequence[str], *, name: str, on: str = "", predicted: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """`name`: what the adapter will be called; `on`: the machine as it was named."""
    return {
        "schema": SCHEMA,
        "recipe": recipe_dict(recipe),
        "digest": recipe.digest,
        "code": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "argv": list(argv),
        "name": name,
        "on": on,
        "language": interface_language(),
        "predicted": dict(predicted or {}),
    }
