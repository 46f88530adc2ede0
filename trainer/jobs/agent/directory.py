"""A job as a directory: the one class that owns every file name in it. Standard library, 3.8: it is the same on every machine.

    spec.json        what was asked for; written once, never changed
    launch.json      how it is to be run, and the number of the start that asked for it: a resume writes it anew
    lock             held by the supervisor for life; trainer.lock by the trainer that works here
    state.json       the supervisor's word on the job; heartbeat: that it still looks
    cancel           asks it to stop; hold keeps it in the queue
    events.jsonl     what happened, numbered by its lines; metrics.jsonl: a row a step, and after a resume a step may stand twice:
                     the later row counts; samples.jsonl: replies asked for at evaluations; gpu.jsonl: the machine and its cards, every two seconds
    logs/attempt-N.log   attempts/N/error.json
    ckpt/checkpoint-STEP/COMPLETE.json   ckpt/best.json
    artifacts/manifest.json
    lessons.jsonl    what it is taught, where that was drawn from the user's feedback; lessons.json: from which conversations and how many,
                     held-out.jsonl: what of it is kept for asking afterwards
    before-after/    what was found of its adapter beside the model before, a file each time
    trackers/NAME.json   where its metrics go along (TensorBoard, trackio, W&B), how far that has come; beside it its log, its lock
    slurm.json       the number that Slurm gave it, where it has it
    secrets.json     0600, gone as soon as the supervisor has read it
    reserve          room that is given up on a full disk, so that the last state can be written

Of a job elsewhere this machine keeps the same directory, as far as it has come; `job.json` beside it says where the job is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trainer.jobs.agent.files import private_dir

SCHEMA = 1
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True)
class JobDirectory:
    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def launch(self) -> Path:
        return self.path / "launch.json"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def trainer_lock(self) -> Path:
        return self.path / "trainer.lock"

    @property
    def tokens_lock(self) -> Path:
        return self.path / "tokens.lock"

    @property
    def state(self) -> Path:
        return self.path / "state.json"

    @property
    def heartbeat(self) -> Path:
        return self.path / "heartbeat"

    @property
    def cancel(self) -> Path:
        return self.path / "cancel"

    @property
    def hold(self) -> Path:
        return self.path / "hold"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def samples(self) -> Path:
        return self.path / "samples.jsonl"

    @property
    def gpu(self) -> Path:
        return self.path / "gpu.jsonl"

    @property
    def rejected(self) -> Path:
        return self.path / "rejected.jsonl"

    @property
    def slurm(self) -> Path:
        return self.path / "slurm.json"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def reserve(self) -> Path:
        return self.path / "reserve"

    @property
    def supervisor_log(self) -> Path:
        return self.path / "logs" / "supervisor.log"

    @property
    def checkpoints(self) -> Path:
        return self.path / "ckpt"

    @property
    def best(self) -> Path:
        return self.checkpoints / "best.json"

    @property
    def artifacts(self) -> Path:
        return self.path / "artifacts"

    @property
    def manifest(self) -> Path:
        return self.artifacts / "manifest.json"

    @property
    def lessons(self) -> Path:
        return self.path / "lessons.jsonl"

    @property
    def lesson_facts(self) -> Path:
        return self.path / "lessons.json"

    @property
    def held_out(self) -> Path:
        return self.path / "held-out.jsonl"

    @property
    def before_after(self) -> Path:
        return self.path / "before-after"

    @property
    def trackers(self) -> Path:
        return self.path / "trackers"

    def tracker(self, name: str) -> Path:
        return self.trackers / f"{name}.json"

    def tracker_lock(self, name: str) -> Path:
        return self.trackers / f"{name}.lock"

    def log(self, attempt: int) -> Path:
        return self.path / "logs" / f"attempt-{attempt}.log"

    def error(self, attempt: int) -> Path:
        return self.path / "attempts" / str(attempt) / "error.json"

    def checkpoint(self, step: int) -> Path:
        return self.checkpoints / f"checkpoint-{step}"

    def checkpoint_steps(self) -> list[int]:
        """Steps with a checkpoint folder, complete or not, the newest first."""
        names = [entry.name for entry in self.checkpoints.iterdir()] if self.checkpoints.is_dir() else []
        return sorted((int(match[1]) for match in map(_CHECKPOINT.fullmatch, names) if match), reverse=True)

    def complete_steps(self) -> list[int]:
        """Those whose last file was written, the newest first."""
        return [step for step in self.checkpoint_steps() if (self.checkpoint(step) / "COMPLETE.json").is_file()]

    def last_attempt(self) -> int:
        """0 before the first."""
        attempts = self.path / "attempts"
        names = [entry.name for entry in attempts.iterdir()] if attempts.is_dir() else []
        return max((int(name) for name in names if name.isdigit()), default=0)

    def begin_attempt(self) -> int:
        number = self.last_attempt() + 1
        private_dir(self.path / "attempts" / str(number))
        private_dir(self.path / "logs")
        return number
