"""Slurm as the launcher: a batch script that becomes the supervisor, and Slurm's word where the supervisor has none.

Once the supervisor runs, `state.json` says what is so; Slurm is asked while the job is pending, where the supervisor fell silent, and by a
supervisor that is told to end and wants to know why. Slurm's own states follow ours: a job that failed here ends with a code there.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import subprocess
import sys
import time
import zlib
from functools import lru_cache
from typing import Any, Mapping

from trainer.jobs.agent import states
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, document, is_locked, private_dir, publish, publish_text
from trainer.jobs.agent.trainer_process import SECRETS

_SECONDS = 60
_ASK_SECONDS = 3
_LAUNCHED = (
    "KULLM_SLURM"  # set by our batch script alone: a job detached within somebody's allocation is none of Slurm's
)
_PORTS = range(20000, 40000)
_LOST = {
    "NODE_FAIL": "reboot",
    "BOOT_FAIL": "reboot",
    "COMPLETED": "supervisor",
    "FAILED": "supervisor",
    "": "supervisor",
}
_FAILED = ("TIMEOUT", "DEADLINE", "PREEMPTED", "OUT_OF_MEMORY")


class SlurmError(Exception):
    """In Slurm's own words."""


def script(job: JobDirectory, launch: Mapping[str, Any]) -> str:
    """The batch script. It `exec`s, so that scancel's SIGTERM reaches the supervisor."""
    how = launch["slurm"]
    nodes, ranks = int(launch.get("nodes") or 1), int(launch.get("ranks") or 1)
    lines = ["#!/bin/sh", f"#SBATCH --job-name=kullm-{job.id[-6:].lower()}", f"#SBATCH --nodes={nodes}"]
    lines += ["#SBATCH --ntasks-per-node=1", "#SBATCH --open-mode=append"]
    lines.append("#SBATCH --requeue" if how.get("requeue", True) else "#SBATCH --no-requeue")
    if launch.get("gpus"):
        lines.append(f"#SBATCH --gres=gpu:{ranks // nodes}")
    for option in ("partition", "account", "time", "qos"):
        if how.get(option):
            lines.append(f"#SBATCH --{option}={how[option]}")
    lines += [f"#SBATCH {extra}" for extra in how.get("options", ())]
    command = [sys.executable, "-I", "-S", sys.argv[0], "supervise", str(job.path)]
    lines += [f"export {_LAUNCHED}=1", "exec " + " ".join(map(shlex.quote, command))]
    return "\n".join(lines) + "\n"


def submit(job: JobDirectory, launch: Mapping[str, Any]) -> dict[str, Any]:
    """The state is written before Slurm has the job: from then on its supervisor may write it."""
    private_dir(job.supervisor_log.parent)
    batch, before = job.path / "batch.sh", document(job.state)
    publish_text(batch, script(job, launch))
    publish(job.slurm, {"job": "", "start": 0})
    publish(job.state, {**before, "state": states.QUEUED, "queue": {"why": "slurm"}, "reason": "", "message": ""})
    try:
        places = [f"--output={job.supervisor_log}", f"--chdir={job.path}"]
        number = _slurm(["sbatch", "--parsable", *places, str(batch)]).strip().split(";")[0]
    except SlurmError:
        job.slurm.unlink()
        publish(job.state, before) if before else job.state.unlink()
        raise
    publish(job.slurm, {"job": number, "start": launch["start"]})
    append(job.events, {"event": "queued", "time": round(time.time(), 3), "slurm": number})
    return {"slurm": number}


def cancel(job: JobDirectory) -> None:
    _slurm(["scancel", str(document(job.slurm)["job"])])


def hold(job: JobDirectory, *, held: bool) -> None:
    _slurm(["scontrol", "hold" if held else "release", str(document(job.slurm)["job"])])


def diagnosed(job: JobDirectory, state: dict[str, Any]) -> dict[str, Any]:
    """The supervisor's word, unless Slurm says that it waits or is gone. A Slurm that does not answer proves nothing, nor one that answers
    while the supervisor's lock is seen to be held."""
    number = str(document(job.slurm).get("job") or "")
    told = _shown(number, int(time.monotonic() / _ASK_SECONDS)) if number else None
    if told is None or is_locked(job.lock):  # whatever a controller says that has forgotten what it started
        return state
    theirs = told.get("JobState", "")
    if theirs == "PENDING":
        waits = {"why": "slurm", "reason": told.get("Reason", ""), "start": told.get("StartTime", "")}
        return {**state, "state": states.QUEUED, "queue": waits}
    if theirs == "CANCELLED":
        return _ended(job, state, states.CANCELLED, "slurm", "")
    if theirs in _FAILED:
        return _ended(job, state, states.FAILED, "slurm", theirs)
    if theirs in _LOST:
        return _ended(job, state, states.LOST, _LOST[theirs], " ".join((theirs, told.get("Reason", ""))).strip())
    return state


def launched() -> bool:
    """Whether this process is a supervisor that Slurm started."""
    return _LAUNCHED in os.environ


def restarts() -> int:
    """How often Slurm has started this job anew."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0) if launched() else 0


def fate() -> tuple[str, dict[str, Any]]:
    """To a supervisor that Slurm told to end: the state to leave, and why. While a job ends, Slurm says COMPLETING of all of them."""
    told = show(os.environ["SLURM_JOB_ID"]) or {}
    if int(told.get("Restarts") or 0) > restarts():
        return states.QUEUED, {"reason": "", "queue": {"why": "slurm"}}
    if told.get("JobState") == "TIMEOUT" or told.get("Reason") == "TimeLimit":
        return states.FAILED, {"reason": "slurm", "message": "TIMEOUT"}
    if told.get("PreemptTime", "None") != "None":
        return states.FAILED, {"reason": "slurm", "message": "PREEMPTED"}
    return states.CANCELLED, {"reason": "slurm"}


def agrees(state: str) -> int:
    """The code with which the supervisor ends, so that Slurm's last state is ours."""
    if state == states.CANCELLED and launched():
        try:
            _slurm(["scancel", os.environ["SLURM_JOB_ID"]])
        except SlurmError:
            return 1
    return 0 if state in (states.SUCCEEDED, states.CANCELLED, states.QUEUED) else 1


def meeting(job: str, attempt: int) -> str:
    """Where the nodes' torchruns find each other: at the first node, by the address that Slurm itself uses."""
    node = _slurm(["scontrol", "show", "hostnames", os.environ["SLURM_JOB_NODELIST"]]).split()[0]
    address = _fields(_slurm(["scontrol", "show", "node", "-o", node])).get("NodeAddr") or node
    return f"{address}:{port_of(job, attempt)}"


def port_of(job: str, attempt: int) -> int:
    """By our own name for it: Slurm's number is another job's too, in another cluster over the same machine."""
    return _PORTS[zlib.crc32(f"{job}/{attempt}".encode()) % len(_PORTS)]


def signal_nodes(name: str) -> None:
    """To the tasks on every node, past srun, which takes a SIGTERM as the order to kill them."""
    with contextlib.suppress(SlurmError):
        _slurm(["scancel", f"--signal={name}", os.environ["SLURM_JOB_ID"]])


def show(number: str) -> dict[str, str] | None:
    """`scontrol show job -o` as a mapping; empty for a job that Slurm no longer knows, None where it does not answer."""
    try:
        return _fields(_slurm(["scontrol", "show", "job", "-o", number]))
    except SlurmError as error:
        return {} if "Invalid job id" in str(error) else None


@lru_cache(maxsize=64)
def _shown(number: str, _moment: int) -> dict[str, str] | None:
    """Once a moment, however often it is asked: who follows a job looks four times a second, and a controller serves hundreds."""
    return show(number)


def _fields(line: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in line.split() if "=" in part)


def _ended(job: JobDirectory, state: dict[str, Any], to: str, reason: str, message: str) -> dict[str, Any]:
    latest = document(job.state)
    if states.is_terminal(latest):  # the supervisor's last word came meanwhile
        return latest
    now = round(time.time(), 3)
    state = {**state, "state": to, "reason": reason, "message": message, "since": now, "queue": None, "trainer": None}
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
            env={name: value for name, value in os.environ.items() if name not in SECRETS},  # sbatch hands all of it on
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise SlurmError(f"{command[0]}: {error}") from error
    if done.returncode:
        raise SlurmError(done.stderr.decode("utf-8", "replace").strip()[-500:] or command[0])
    return done.stdout.decode("utf-8", "replace")
