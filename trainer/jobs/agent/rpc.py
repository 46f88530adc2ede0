"""What may be asked of the machine: one call, one JSON document in, one line of JSON out, behind a mark that no greeting of a shell has.

A fault is an answer too: `{"error": {"kind": …, "message": …}}`. What a lost answer would do twice is done once.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, Mapping

from trainer.jobs.agent import environment, slurm, states
from trainer.jobs.agent import preflight as look
from trainer.jobs.agent.diagnosis import diagnosed
from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import append, discard, document, entries, last_row, private_dir, publish, row_of, turn
from trainer.jobs.agent.gpus import cards
from trainer.jobs.agent.processes import tagged
from trainer.jobs.agent.queue import Queue
from trainer.jobs.agent.start import start
from trainer.jobs.agent.store import Damaged, Store, listed
from trainer.jobs.agent.store import send as store_send

REPLY = "@kullm "


class Refused(Exception):
    """`kind` for programs; the sentence is the client's."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.kind, self.facts = kind, facts


def answer(verb: str, root: Path) -> int:
    """Reads the question from stdin, writes the answer to stdout; 0 whatever the answer is."""
    asked = json.loads(sys.stdin.buffer.readline().decode("utf-8") or "{}")
    _tell(lambda: VERBS[verb](Machine(root), asked))
    return 0


def answer_stream(verb: str, place: Path) -> int:
    """Bytes by stdin or stdout; how it ended is the last line, on whichever end is left."""
    _tell(lambda: STREAMS[verb](place))
    return 0


def _tell(answered: Callable[[], dict[str, Any]]) -> None:
    try:
        told = answered()
    except Refused as refused:
        told = {"error": {"kind": refused.kind, **refused.facts}}
    except Damaged as damaged:
        told = {"error": {"kind": "damaged", "sha256": str(damaged)}}
    except slurm.SlurmError as error:
        told = {"error": {"kind": "slurm", "message": str(error)}}
    except OSError as error:
        told = {
            "error": {"kind": "os", "errno": error.errno, "message": error.strerror, "path": str(error.filename or "")}
        }
    sys.stdout.write("\n" + REPLY + json.dumps(told, ensure_ascii=True) + "\n")
    sys.stdout.flush()


class Machine:
    """The folder of ours on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = private_dir(root)
        self.jobs = private_dir(root / "jobs")
        self.store = Store(root)

    def job(self, asked: Mapping[str, Any]) -> JobDirectory:
        name = str(asked.get("id") or "")
        job = JobDirectory(self.jobs / name)
        if not name.isalnum() or not job.path.is_dir():
            raise Refused("no such job", id=name)
        if int(document(job.spec).get("schema") or 0) > SCHEMA:
            raise Refused("newer", id=name, schema=document(job.spec).get("schema"))
        return job


def hello(machine: Machine, _asked: Mapping[str, Any]) -> dict[str, Any]:
    disk = os.statvfs(str(machine.root))
    return {
        "root": str(machine.root),
        "home": str(Path.home()),
        "python": list(sys.version_info[:3]),
        "executable": sys.executable,
        "system": platform.system(),
        "host": platform.node(),
        "user": getpass.getuser(),
        "rsync": shutil.which("rsync") or "",
        "uv": shutil.which("uv") or "",
        "clock": time.time(),
        "free": disk.f_bavail * disk.f_frsize,
        "cards": [card.facts() for card in cards()],
    }


def stage(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The job's folder with all that it needs; `spec.json` is written last, so that a folder with one is whole.

    Asked twice, it is the same job; another spec under the same id is refused.
    """
    job = JobDirectory(private_dir(machine.jobs / str(asked["id"])))
    with turn(job.path / "start.lock"):
        known = document(job.spec)
        if known and known != asked["spec"]:
            raise Refused("another spec", id=job.id)
        _hand_over(job, asked)
        if not known:
            if asked.get("past"):  # a checkpoint and the history, from another machine
                past = machine.store.tree(str(asked["past"]))
                shutil.copytree(str(past), str(job.path), copy_function=shutil.copyfile, dirs_exist_ok=True)
            publish(job.spec, asked["spec"])
            append(job.events, {"event": "staged", "time": round(time.time(), 3)})
    return {"path": str(job.path)}


def begin(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """With a `launch`, the job goes on by it: a resume, a retry."""
    job = machine.job(asked)
    if not job.spec.exists():
        raise Refused("not staged", id=job.id)
    with turn(job.path / "start.lock"):
        _hand_over(job, asked)
    return {**start(job), "state": diagnosed(job)}


def _hand_over(job: JobDirectory, asked: Mapping[str, Any]) -> None:
    launch = asked.get("launch")
    if launch and int(launch["start"]) > int(document(job.launch).get("start") or 0):
        publish(job.launch, launch)
        if asked.get("secrets"):
            publish(job.secrets, asked["secrets"])


def show(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    return _facts(machine.job(asked))


def list_jobs(machine: Machine, _asked: Mapping[str, Any]) -> dict[str, Any]:
    jobs = [JobDirectory(entry) for entry in entries(machine.jobs) if (entry / "spec.json").is_file()]
    return {"jobs": [_facts(job) for job in jobs], "queue": Queue(machine.root).order()}


def _facts(job: JobDirectory) -> dict[str, Any]:
    """What is small of a job, read from the ends of its files."""
    return {
        "id": job.id,
        "path": str(job.path),
        "spec": document(job.spec),
        "launch": document(job.launch),
        "state": diagnosed(job, waits=False),
        "last": last_row(job.metrics),
        "checkpoints": job.complete_steps(),
        "artifacts": job.manifest.is_file(),
    }


def cancel(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Creating the mark is the request, and the supervisor's work the rest; a second one may shorten the grace."""
    job = machine.job(asked)
    state = diagnosed(job)
    if not states.is_terminal(state):
        publish(job.cancel, {"grace": asked["grace"]} if "grace" in asked else {})
        if document(job.slurm) and state.get("state") == states.QUEUED:
            slurm.cancel(job)
    return {"state": diagnosed(job)}


def hold(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """In the queue others go before it until it is released."""
    job = machine.job(asked)
    if document(job.slurm) and diagnosed(job).get("state") == states.QUEUED:
        slurm.hold(job, held=bool(asked.get("held", True)))
    if asked.get("held", True):
        job.hold.touch()
    elif job.hold.exists():
        job.hold.unlink()
    return {"state": diagnosed(job)}


def move(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    job = machine.job(asked)
    queue = Queue(machine.root)
    if not queue.move(job.id, int(asked["place"])):
        raise Refused("not waiting", id=job.id)
    return {"queue": queue.order()}


def remove(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    job = machine.job(asked)
    if not states.is_terminal(diagnosed(job)) and job.spec.exists() and document(job.state):
        raise Refused("still runs", id=job.id)
    if tagged(job.id):
        raise Refused("survivors", id=job.id, pids=tagged(job.id))
    discard(job.path)
    return {"removed": job.id}


def missing(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "missing": machine.store.missing(asked["files"]),
        "incoming": str(private_dir(machine.root / "incoming")),
        "rsync": shutil.which("rsync") or "",
    }


def accept(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Files that have come are verified and become a tree."""
    machine.store.accept([str(file["sha256"]) for file in asked["files"]])
    return {"path": str(machine.store.publish_tree(str(asked["digest"]), asked["files"]))}


def receive(place: Path) -> dict[str, Any]:
    """What a machine without rsync is sent."""
    Store(place).receive(sys.stdin.buffer)
    return {}


def send(place: Path) -> dict[str, Any]:
    asked = json.loads(sys.stdin.buffer.readline().decode("utf-8"))
    store_send(place, asked["files"], sys.stdout.buffer)
    return {}


def preflight(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    return {**hello(machine, asked), **look.facts(machine.root, asked)}


def installed(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What each of these Pythons has, and which of these environments are made."""
    made = {digest: environment.python_of(machine.root, digest) for digest in asked.get("environments") or ()}
    return {
        "pythons": {python: environment.installed(python) for python in asked.get("pythons") or ()},
        "environments": {digest: made[digest] for digest in made if environment.is_made(machine.root, digest)},
    }


def make_environment(place: Path) -> dict[str, Any]:
    """Each line of progress as it comes, and at the end its Python."""
    asked = json.loads(sys.stdin.buffer.readline().decode("utf-8"))

    def told(line: str) -> None:
        sys.stdout.write(json.dumps({"line": line[:500]}) + "\n")
        sys.stdout.flush()

    try:
        return {"python": environment.make(Machine(place).root, asked, told)}
    except environment.NotMade as error:
        raise Refused("environment", message=str(error)) from error


def settle(_machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The trainer's own code decides; this only runs it."""
    question = json.dumps({"recipe": asked["recipe"], "ranks": asked["ranks"]}).encode()
    variables = {**os.environ, **asked["environment"], "PYTHONPATH": asked["path"], "CUDA_VISIBLE_DEVICES": ""}
    command = [str(asked["python"]), "-P", "-m", "trainer.settle_there"]
    done = subprocess.run(command, input=question, capture_output=True, env=variables, check=False)
    told = row_of(done.stdout.splitlines()[-1]) if done.returncode == 0 and done.stdout else None
    if told is None:
        raise Refused("settle", message=done.stderr.decode("utf-8", "replace").strip()[-500:])
    return {"recipe": told}


def artifacts(machine: Machine, asked: Mapping[str, Any]) -> dict[str, Any]:
    job = machine.job(asked)
    return {"path": str(job.artifacts), "files": listed(job.artifacts) if job.manifest.is_file() else []}


VERBS: dict[str, Callable[[Machine, Mapping[str, Any]], dict[str, Any]]] = {
    "hello": hello,
    "stage": stage,
    "start": begin,
    "show": show,
    "list": list_jobs,
    "cancel": cancel,
    "hold": hold,
    "move": move,
    "remove": remove,
    "missing": missing,
    "accept": accept,
    "artifacts": artifacts,
    "preflight": preflight,
    "installed": installed,
    "settle": settle,
}
STREAMS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "receive": receive,
    "send": send,
    "environment": make_environment,
}
