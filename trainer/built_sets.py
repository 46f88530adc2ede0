"""What the data builder made, as a recipe names it: mixture:NAME, the largest of its sets, or mixture:NAME/SET where it makes several."""

from dataclasses import dataclass
from pathlib import Path

MIXTURE = "mixture:"


@dataclass(frozen=True)
class BuiltSet:
    source: str  # as a recipe names it
    rows: int
    lines: Path


def built_sets() -> list[BuiltSet]:
    """By the names of their mixtures; of each the largest first."""
    from data.shelf import built_facts, built_names

    found = []
    for name in built_names():
        facts = built_facts(name)
        outputs = sorted(facts.outputs, key=lambda one: -one.rows) if facts else []
        for place, one in enumerate(outputs):
            source = f"{MIXTURE}{name}" if not place else f"{MIXTURE}{name}/{one.name}"
            found.append(BuiltSet(source, one.rows, one.lines))
    return found


def built_file(source: str) -> Path | None:
    """The rows of a mixture that a recipe names; None where it is no mixture, or was not built."""
    if not source.startswith(MIXTURE):
        return None
    from data.shelf import built_facts, built_names

    name, _, output = source.removeprefix(MIXTURE).partition("/")
    facts = built_facts(name) if name in built_names() else None
    found = [one for one in facts.outputs if output in ("", one.name)] if facts else []
    return max(found, key=lambda one: one.rows).lines if found else None


def built_rows(source: str) -> int | None:
    """Of a file that the builder made."""
    if not source.endswith(".jsonl"):
        return None
    from data.shelf import facts_in

    path = Path(source)
    facts = facts_in(path.parent)
    return next((one.rows for one in facts.outputs if one.lines == path), None) if facts else None
