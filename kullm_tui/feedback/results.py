"""What came of a before and after: as one JSON object, kept beside the job and, without the answers, in the adapter's card.

{when, before, after, systems, parts: [{set, grader, n, open, right: {before, after, kept}, better, worse, mean, low, high, p}],
 changes: [{set, id, instruction, input, history, before, after, gain, right, why}]}
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kullm_tui.core.files import told_in_words
from kullm_tui.core.models.adapters import Adapter, adapter_folder, add_to_card, card_of, list_adapters
from kullm_tui.core.paths import adapters_dir, private_dir
from kullm_tui.feedback.before_after import Change, Part, Sides
from trainer.jobs.agent.files import document, entries, publish
from trainer.jobs.registry import KnownJob, known_jobs

_IN_CARD = "before_after"


def result(both: Sides, parts: Sequence[Part]) -> dict[str, Any]:
    return {
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "before": both.systems["before"].name,
        "after": both.systems["after"].name,
        "systems": {side: dict(system.source) for side, system in both.systems.items()},
        "parts": [part_facts(part) for part in parts],
        "changes": [_change_facts(part, one) for part in parts for one in part.changes],
    }


def part_facts(part: Part) -> dict[str, Any]:
    found = part.difference
    facts: dict[str, Any] = {
        "set": part.name,
        "grader": part.grader,
        "n": len(part.changes),
        "open": len(part.changes) - len(part.graded),
        "better": sum(gain > 0 for gain in part.graded),
        "worse": sum(gain < 0 for gain in part.graded),
    }
    if any(one.right for one in part.changes):
        facts["right"] = {"before": part.right("before"), "after": part.right("after"), "kept": part.kept[0]}
    if found:
        facts |= {"mean": found.mean, "low": found.interval.low, "high": found.interval.high, "p": found.p}
    return facts


def keep_result(found: Mapping[str, Any], adapter: Adapter) -> Path:
    """Where it stands now: beside the job that trained the adapter, or in the adapter's own folder where there is no job any more."""
    folder = _folder(adapter)
    with told_in_words(private_dir(folder)):
        file = folder / f"{len(entries(folder)) + 1:04}.json"
        publish(file, found)
    summary = {name: value for name, value in found.items() if name not in ("changes", "systems")}
    others = [one for one in _in_card(adapter) if one.get("before") != found["before"]]
    add_to_card(adapter, {_IN_CARD: [*others, summary]})
    return file


def kept_results(adapter: Adapter) -> list[dict[str, Any]]:
    """The newest last, with their answers."""
    folder = _folder(adapter)
    return [document(file) for file in entries(folder)] if folder.is_dir() else []


def own_adapter(name: str) -> Adapter | None:
    """One of the user's adapters, by the name or folder under which it is asked; None for what only comes along, or lies elsewhere."""
    folder = adapter_folder(name) if name else None
    if folder is None or folder.parent != adapters_dir().resolve():
        return None
    return next((one for one in list_adapters() if one.name == folder.name), None)


def job_of(adapter: Adapter) -> KnownJob | None:
    """The job that trained it, as long as it is kept."""
    return next((job for job in known_jobs() if adapter.run and job.id == adapter.run), None)


def _folder(adapter: Adapter) -> Path:
    job = job_of(adapter)
    return job.directory.before_after if job else adapter.folder / "before-after"


def _in_card(adapter: Adapter) -> list[dict[str, Any]]:
    listed = card_of(adapter).get(_IN_CARD)
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def _change_facts(part: Part, change: Change) -> dict[str, Any]:
    question = change.question
    facts = {
        "set": part.name,
        "id": question.id,
        "category": question.category,
        "instruction": question.instruction,
        "input": question.input,
        "history": [{"role": one.role, "content": one.content, "input": one.input} for one in question.history],
        "before": change.before,
        "after": change.after,
        "gain": change.gain,
        "right": list(change.right) if change.right else None,
        "why": change.why,
    }
    return {
        name: fact for name, fact in facts.items() if fact not in ("", [], None) or name in ("before", "after", "gain")
    }
