"""Slurm as the launcher: a batch script that becomes the supervisor, and Slurm's word where the supervisor has none.

Once the supervisor runs, `state.json` says what is so; Slurm is asked while the job is pending, and where the supervisor fell silent.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from typing import Any, Mapping

from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, document, private_dir, publish, publish_text

_SECONDS = 60
_GONE = ("COMPLETED", "FAILED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL", "DEADLINE", "PREEMPTED")


class SlurmError(Exception):
    """In Slurm's own words."""


def script(job: JobDirectory, launch: Mapping[str, Any]) -> str:
    """The batch script. It `exec`s, so that scancel's SIGTERM reaches the supervisor."""
    how = launch["slurm"]
    nodes, ranks = int(launch.get("nodes") or 1), int(launch.get("ranks") or 1)
    lines = ["#!/bin/sh", f"#SBATCH --job-name=kullm-{job.id[-6:].lower()}", f"#SBATCH --nodes={nodes}"]
    lines += [
        "#SBATCH --ntasks-per-node=1",
        f"#SBATCH --output={job.supervisor_log}",
        "#SBATCH --open-mode=append",
    ]
    if how.get("requeue", True):
        lines.append("#SBATCH --requeue")
    if launch.get("gpus"):
        lines.append(f"#SBATCH --gres=gpu:{ranks // nodes}")
    for option in ("partition", "account", "time", "qos"):
        if how.get(option):
            lines.append(f"#SBATCH --{option}={how[option]}")
    lines += [f"#SBATCH {extra}" for extra in how.get("options", ())]
    command = [sys.executable, "-I", "-S", sys.argv[0], "supervise", str(job.path)]
    lines += [
        'KULLM_MEETING="$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 20000))"'
    ]
    lines += ["export KULLM_MEETING", "exec " + " ".join(map(shlex.quote, command))]
    return "\n".join(lines) + "\n"


def submit(job: JobDirectory, launch: Mapping[str, Any]) -> dict[str, Any]:
    private_dir(job.supervisor_log.parent)
    batch = job.path / "batch.sh"
    publish_text(batch, script(job, launch))
    number = _slurm(["sbatch", "--parsable", str(batch)]).strip().split(";")[0]
    publish(job.slurm, {"job": number, "start": launch["start"]})
    publish(job.state, {**document(job.state), "state": states.QUEUED, "queue": {"why": "slurm"}})
    append(job.events, {"event": "queued", "time": round(time.time(), 3), "slurm": number})
    return {"slurm": number}


def cancel(job: JobDirectory) -> None:
    _slurm(["scancel", str(document(job.slurm)["job"])])


def diagnosed(job: JobDirectory, state: dict[str, Any]) -> dict[str, Any]:
    """The supervisor's word, unless Slurm says that it waits or is gone."""
    told = show(str(document(job.slurm).get("job")))
    theirs = told.get("JobState", "")
    if theirs == "PENDING":
        waits = {"why": "slurm", "reason": told.get("Reason", ""), "start": told.get("StartTime", "")}
        return {**state, "state": states.QUEUED, "queue": waits}
    if theirs == "CANCELLED" and not states.is_terminal(state):
        return _ended(job, state, states.CANCELLED, "slurm")
    if theirs in _GONE or not theirs:
        return _ended(job, state, states.LOST, "reboot" if theirs in ("NODE_FAIL", "BOOT_FAIL") else "supervisor")
    return state


def show(number: str) -> dict[str, str]:
    """`scontrol show job -o` as a mapping; empty for a job that Slurm no longer knows."""
    try:
        line = _slurm(["scontrol", "show", "job", "-o", number])
    except SlurmError:
        return {}
    return dict(part.partition("=")[::2] for part in line.split() if "=" in part)


def _ended(job: JobDirectory, state: dict[str, Any], to: str, reason: str) -> dict[str, Any]:
    latest = document(job.state)
    if states.is_terminal(latest):  # the supervisor's last word came meanwhile
        return latest
    now = round(time.time(), 3)
    state = {**state, "state": to, "reason": reason, "since": now, "queue": None}
    append(job.events, {"event": to.lower(), "time": now, "reason": reason})
    publish(job.state, state)
    return state


def _slurm(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SlurmError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise SlurmError(done.stderr.decode("utf-8", "replace").strip()[-500:] or command[0])
    return done.stdout.decode("utf-8", "replace")
