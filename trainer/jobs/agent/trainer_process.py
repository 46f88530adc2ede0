"""The trainer as the supervisor's child: its command, its environment, its log. torchrun where there are several ranks."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from typing import Any, Mapping, Sequence

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import private_dir
from trainer.jobs.agent.processes import MARK, deaf_to_sigterm, ends_with_parent, first_to_be_killed, started

SECRETS = ("OPENAI_API_KEY", "DEEPL_AUTH_KEY", "KULLM_API_KEY", "HF_TOKEN", "WANDB_API_KEY")
_SAVING_SECONDS = 3600  # after SIGTERM torchrun waits so long for its ranks' step and checkpoint; left to itself, 30


@dataclass(frozen=True)
class Launch:
    """How the job is run, as launch.json has it."""

    start: int  # which start asked for it; what was handled once is not done again
    python: str
    path: tuple[str, ...] = ()
    ranks: int = 1
    gpus: int = 0
    nodes: int = 1
    queue: bool = False
    environment: Mapping[str, str] | None = None
    grace: float = 120.0
    retries: int = 2
    pause: float = 10.0  # before another try, and twice that before the one after
    stall: float = 1800.0
    notify: str = ""  # a command; a URL is a secret and comes another way

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Launch:
        """Fields of later versions are passed over."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if name in document}
        known["path"] = tuple(known.get("path") or ())
        return cls(**known)


def begin(
    job: JobDirectory,
    launch: Launch,
    attempt: int,
    devices: Sequence[str],
    secrets: Mapping[str, str],
    meeting: str,
) -> subprocess.Popen[bytes]:
    """`meeting`: the address where several nodes find each other."""
    log = job.log(attempt)
    private_dir(log.parent)
    environment = _environment(job, launch, attempt, devices)
    environment.update({name: value for name, value in secrets.items() if name in SECRETS})
    with log.open("ab") as output:
        child = subprocess.Popen(
            command(job, launch, meeting),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=str(job.path),
            env=environment,
            start_new_session=True,  # neither ctrl-c nor the end of a terminal reaches it by itself
            preexec_fn=deaf_to_sigterm if launch.nodes > 1 else ends_with_parent(),
        )
    first_to_be_killed(child.pid)
    return child


def command(job: JobDirectory, launch: Launch, meeting: str) -> list[str]:
    trainer = ["trainer", str(job.path)]
    run = ["-m", "torch.distributed.run", "--max-restarts=0", f"--shutdown-timeout={_SAVING_SECONDS}"]
    if launch.nodes > 1:
        # One node ends before the other has saved; killed for that, as many a cluster has it, the other would not.
        alone = ["--kill-on-bad-exit=0", f"--wait={_SAVING_SECONDS}"]
        return ["srun", *alone, launch.python, "-P", *run, *_nodes(job, launch, meeting), "-m", *trainer]
    if launch.ranks > 1:
        return [launch.python, "-P", *run, "--standalone", f"--nproc-per-node={launch.ranks}", "-m", *trainer]
    return [launch.python, "-P", "-m", *trainer]


def _nodes(job: JobDirectory, launch: Launch, meeting: str) -> list[str]:
    return [
        f"--nnodes={launch.nodes}",
        f"--nproc-per-node={launch.ranks // launch.nodes}",
        "--rdzv-backend=c10d",
        f"--rdzv-id={job.id}@{meeting}",  # another for each attempt, which meets at another port
        f"--rdzv-endpoint={meeting}",
    ]


def _environment(job: JobDirectory, launch: Launch, attempt: int, devices: Sequence[str]) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in SECRETS}
    environment.update(launch.environment or {})
    # Ranks that torchrun starts have no -P of their own.
    environment.update({"PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1", MARK: job.id, "KULLM_ATTEMPT": str(attempt)})
    if launch.path:
        environment["PYTHONPATH"] = os.pathsep.join(launch.path)
    if launch.gpus == 0:
        environment["CUDA_VISIBLE_DEVICES"] = ""
        environment.setdefault("MALLOC_ARENA_MAX", "1")  # a heap a core would keep what the other could use
        if launch.ranks > 1:  # or torchrun gives each rank a single thread
            environment.setdefault("OMP_NUM_THREADS", str(max(1, _cores() // launch.ranks)))
    elif devices:
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
    return environment


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def identity(child: subprocess.Popen[bytes]) -> dict[str, Any]:
    return {"pid": child.pid, "started": started(child.pid)}
