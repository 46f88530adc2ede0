"""What is worth knowing of an adapter years later: the recipe, the data, the machine, hours, price, and the plan against what was;
of one that was taught by its user, from which conversations.

The plan is put into the spec when the job is made (`predicted`), and so is what is known of a machine elsewhere (`machine`: hardware, price_per_hour); the rest is read from the job's files when its adapter is kept.
"""

import platform
from typing import TYPE_CHECKING, Any

from trainer.jobs.agent.files import document
from trainer.jobs.history import curve
from trainer.jobs.reckoning import reckoning
from trainer.jobs.registry import KnownJob

if TYPE_CHECKING:
    from trainer.estimate.estimate import Plan


def predicted(plan: "Plan") -> dict[str, Any]:
    """For the spec."""
    return {
        "memory_bytes": round(plan.fit.memory.total),
        "seconds": round(plan.duration.seconds.value, 1),
        "seconds_are": plan.duration.seconds.basis,
        "steps": plan.steps,
        "machine": plan.machine.name,
    }


def card(job: KnownJob) -> dict[str, Any]:
    """One JSON object; what nobody knows is not in it."""
    spec, plan = job.spec, job.spec.get("predicted") or {}
    asked = spec.get("asked") or spec.get("recipe") or {}  # as this computer calls its files, wherever it was trained
    manifest = document(job.directory.manifest)
    peaks = curve(job.directory.metrics, "memory_bytes").values
    found = reckoning(job, peak=max(peaks, default=None))
    hours, where = found.seconds_worked / 3600, spec.get("machine") or {}
    price = found.price(found.seconds_worked)
    facts = {
        "job": job.id,
        "recipe": (spec.get("recipe") or {}).get("name"),
        "recipe_sha256": spec.get("digest"),
        "code": spec.get("code"),
        "data": (asked.get("data") or {}).get("source"),
        "data_sha256": manifest.get("data"),
        "feedback": document(job.directory.lesson_facts) or None,
        "step": manifest.get("step"),
        "machine": job.machine or platform.node(),
        "hardware": where.get("hardware") or plan.get("machine"),
        "hours": round(hours, 4),
        "price": None if price is None else round(price, 2),
        "memory_bytes": {"predicted": plan.get("memory_bytes"), "actual": int(max(peaks)) if peaks else None},
        "seconds": {
            "predicted": plan.get("seconds"),
            "basis": plan.get("seconds_are"),
            "actual": round(3600 * hours, 1),
        },
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, "")}
