"""What trackers show of a job beside its numbers: its name there, its recipe, its sample replies."""

from collections.abc import Mapping
from typing import Any

from trainer.jobs.differences import flat


def run_name(job: str, spec: Mapping[str, Any]) -> str:
    """Names come twice, ids do not; in a folder's name nothing may stand that leads out of it."""
    name = str(spec.get("name") or "").replace("/", "-").lstrip(".")
    return f"{name}-{job}" if name else job


def parameters_of(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe as this computer calls its files, flat: each value by the name that `--set` has for it."""
    found = {place: _plain(value) for place, value in flat(spec.get("asked") or spec.get("recipe") or {}).items()}
    return {place: value for place, value in found.items() if value is not None}


def _plain(value: Any) -> Any:
    """A list is a text here, since no tracker compares lists."""
    if isinstance(value, str | bool | int | float) or value is None:
        return value
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def recipe_text(parameters: Mapping[str, Any]) -> str:
    """Markdown."""
    return "".join(f"    {name} = {value}\n" for name, value in parameters.items())


def sample_text(sample: Mapping[str, Any]) -> str:
    """Markdown: the prompt quoted, what was replied behind it."""
    prompt = str(sample.get("prompt") or "").replace("\n", "\n> ")
    return f"> {prompt}\n\n{sample.get('reply') or ''}"
