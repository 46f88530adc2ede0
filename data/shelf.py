"""The mixtures there are, and what was built of each.

configuration/mixtures/NAME.toml   one's own, beside the shipped ones
state/data/NAME/                   what was built: the set's files, README.md, facts.json, mixture.toml
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data.builder.stage import Counts
from data.builder.workshop import Workshop
from data.manifest import Mixture, load_mixture, own_mixtures, shipped_mixtures
from data.output.files import Written
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say


@dataclass(frozen=True)
class StepFacts:
    source: str  # empty: all of them
    step: str
    counts: Counts
    stage: str


@dataclass(frozen=True)
class OutputFacts:
    name: str
    rows: int
    by_source: Mapping[str, int]
    files: tuple[Written, ...]

    @property
    def lines(self) -> Path:
        return next(one.path for one in self.files if one.path.name == f"{self.name}.jsonl")

    @property
    def origins(self) -> Path:
        return self.lines.with_name(f"{self.name}.origins.jsonl")


@dataclass(frozen=True)
class BuiltFacts:
    folder: Path
    steps: tuple[StepFacts, ...]
    outputs: tuple[OutputFacts, ...]

    @property
    def rows(self) -> int:
        return max((one.rows for one in self.outputs), default=0)

    def as_json(self) -> dict[str, Any]:
        return dict(foreign_json.fields(self.folder / "facts.json"))


@dataclass(frozen=True)
class Known:
    """A mixture by its name; what is wrong with its file, where it cannot be read."""

    name: str
    mixture: Mixture | None
    built: BuiltFacts | None
    own: bool = False
    fault: str = field(default="", compare=False)


def built_folder(name: str) -> Path:
    """`name`: of a mixture, or the file that it was built by."""
    return paths.state_dir() / "data" / name_of(name)


def name_of(mixture: str) -> str:
    return Path(mixture).stem if mixture.endswith(".toml") else mixture


def built_names() -> list[str]:
    """Of all that was built to its end, whether its mixture is still there or not."""
    return sorted(path.parent.name for path in (paths.state_dir() / "data").glob("*/facts.json"))


def known_mixtures() -> list[Known]:
    """The shipped ones, then one's own."""
    found = []
    for name in (*shipped_mixtures(), *own_mixtures()):
        own = name not in shipped_mixtures()
        try:
            mixture, fault = load_mixture(name), ""
        except KullmError as error:
            mixture, fault = None, str(error)
        found.append(Known(name, mixture, built_facts(name), own, fault))
    return found


def built_facts(name: str) -> BuiltFacts | None:
    """None where it was not built, or not to its end."""
    return facts_in(built_folder(name))


def facts_in(folder: Path) -> BuiltFacts | None:
    told = foreign_json.fields(folder / "facts.json")
    try:
        steps = tuple(_step(one) for one in told["steps"])
        outputs = tuple(_output(one, folder) for one in told["outputs"])
    except (KeyError, TypeError, AttributeError):
        return None
    return BuiltFacts(folder, steps, outputs)


def require_built(name: str) -> BuiltFacts:
    facts = built_facts(name)
    if facts is None:
        raise UsageError(
            say(
                f"{name} 혼합은 아직 만들지 않았어요. 먼저 만드세요: `kullm data build {name}`",
                f"{name} is not built yet. Build it first: `kullm data build {name}`.",
            )
        )
    return facts


def stages_are_there(facts: BuiltFacts, workshop: Workshop) -> bool:
    """They lie in the cache, which may be emptied."""
    return all(workshop.of_key(one.stage).done is not None for one in facts.steps)


def _step(told: Mapping[str, Any]) -> StepFacts:
    return StepFacts(told["source"], told["step"], Counts(told["kept"], dict(told["rejected"])), told["stage"])


def _output(told: Mapping[str, Any], folder: Path) -> OutputFacts:
    files = tuple(Written(folder / one["name"], one["rows"], one["sha256"]) for one in told["files"])
    return OutputFacts(told["name"], told["rows"], dict(told["by_source"]), files)
