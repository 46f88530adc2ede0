"""One job's supervisor: waits its turn, runs the trainer, tries again where the machine was at fault, stops it when asked, and has the last word.

It holds the job's lock for life, so there is one; it writes `state.json`, so nobody has to guess. It is a single thread that looks
around twice a second. The cards are sampled by a child of its own, since nvidia-smi may hang. Standard library, 3.8.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
from typing import Any

from trainer.jobs.agent import slurm, states
from trainer.jobs.agent.causes import Cause, cause, is_full, is_no_space
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, publish, try_lock
from trainer.jobs.agent.notify import Notifier
from trainer.jobs.agent.processes import MARK, adopt_orphans, ends_with_parent, is_alive, reap, sweep, tagged
from trainer.jobs.agent.queue import Claim, Queue
from trainer.jobs.agent.record import Record
from trainer.jobs.agent.trainer_process import Launch, begin, identity
from trainer.jobs.agent.watch import Watch

_NOT_MINE = 75
_TICK_SECONDS = 0.25
_QUEUE_SECONDS = 2.0
_BEAT_SECONDS = 2.0
_LOCK_SECONDS = 120.0
_SAVE_SECONDS = 60.0  # for the trainer of a supervisor that died
_KILL_SECONDS = 2.0  # between SIGTERM and SIGKILL for what a trainer left behind


def supervise(job: JobDirectory) -> int:
    """Its exit code: 0, 1 for a job that failed, 75 where another supervisor has the job or what was asked for is done already."""
    lock = _lock(job)
    if lock is None:
        return _NOT_MINE
    try:
        launch = Launch.of(document(job.launch))
        record = Record(job)
        if record.state.get("start", 0) >= launch.start and not _requeued(record):
            return _NOT_MINE
        supervisor = Supervisor(job, launch, record)
        try:
            supervisor.run()
        except Exception as error:  # noqa: BLE001 - the last line: whatever it was, the job must not look as if it ran
            sweep(job.id, grace=_KILL_SECONDS)
            full = is_no_space(error) or is_full(job)
            words = str(error) if full else traceback.format_exc(limit=-1).strip()[-500:]
            record.turn(states.FAILED, reason="full" if full else "supervisor", message=words)
            with contextlib.suppress(OSError):  # its log lies on the same disk
                traceback.print_exc()
        return slurm.agrees(record.state["state"])
    finally:
        os.close(lock)


def _lock(job: JobDirectory) -> int | None:
    """Held by a supervisor at work it is not waited for; by one that has said its last word, or by somebody who looks, it is."""
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        lock = try_lock(job.lock)
        if lock is not None:
            return lock
        state = document(job.state)
        holder = state.get("supervisor") or {}
        at_work = not states.is_terminal(state) and is_alive(int(holder.get("pid") or 0), str(holder.get("started")))
        if at_work or time.monotonic() > deadline:
            return None
        time.sleep(_TICK_SECONDS)


def _requeued(record: Record) -> bool:
    """Slurm runs the same script again after a requeue: that is a new start that nobody asked us for."""
    return slurm.restarts() > int(record.state.get("restarts", 0))


class Supervisor:
    def __init__(self, job: JobDirectory, launch: Launch, record: Record) -> None:
        self.job, self.launch, self.record = job, launch, record
        self.secrets = _taken_secrets(job)
        self.notifier = Notifier(job, self.secrets.get("notify_url", ""), launch.notify)
        self.asked_to_end = 0  # SIGTERMs to this process: the machine's own, Slurm's
        self.devices: tuple[str, ...] = ()
        self.claim: Claim | None = None

    def run(self) -> None:
        adopt_orphans()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked)
        if tagged(self.job.id):
            sweep(self.job.id, grace=_SAVE_SECONDS)
        self.record.begin(self.launch.start)
        self.record.state["restarts"] = slurm.restarts()
        if not self._waits_its_turn():
            return self._stopped(reason="queue")
        sampler = _sampler(self.job)
        try:
            self._attempts()
        finally:
            sampler.kill()
            sampler.wait()
        return None

    def _asked(self, *_: Any) -> None:
        self.asked_to_end += 1

    @property
    def stopping(self) -> bool:
        return bool(self.asked_to_end) or self.job.cancel.exists()

    def _waits_its_turn(self) -> bool:
        """False where it was cancelled before."""
        queue = Queue(self.job.path.parent.parent)
        if not self.launch.queue:
            return not self.stopping
        self.record.turn(states.QUEUED)
        try:
            while not self.stopping:
                found = queue.claim(self.job, self.launch.gpus)
                if isinstance(found, Claim):
                    self.claim, self.devices = found, found.devices
                    self.record.mention(queue=None, devices=list(found.devices))
                    return True
                self.record.mention(queue=found.facts())
                self._rest(_QUEUE_SECONDS)
            return False
        finally:
            queue.leave(self.job)

    def _rest(self, seconds: float) -> None:
        self.record.beat()
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stopping:
            time.sleep(_TICK_SECONDS)

    def _attempts(self) -> None:
        """One, and more where the machine was at fault, as long as they get somewhere."""
        tries = 0
        while True:
            reached = max(self.job.complete_steps(), default=0)
            ended = self._attempt()
            if ended.code == 0:
                return self._end(states.SUCCEEDED, reason="", rc=0)
            if self.stopping:
                return self._stopped(rc=ended.code, reason="asked")
            tries = 0 if max(self.job.complete_steps(), default=0) > reached else tries
            if not ended.may_pass or tries >= self.launch.retries:
                return self._end(states.FAILED, **ended.facts())
            tries += 1
            self.record.note("trying again", attempt=self.record.state["attempt"], reason=ended.message)
            self._rest(self.launch.pause * tries)
            if self.stopping:
                return self._stopped(reason="asked")

    def _attempt(self) -> Cause:
        attempt = self.job.begin_attempt()
        self.record.turn(states.STARTING, attempt=attempt, reason="", message="")
        watch = Watch(self.job, self.record, self.notifier, self.launch.stall)  # before there is anything to miss
        try:
            meeting = slurm.meeting(self.job.id, attempt) if self.launch.nodes > 1 else ""
            child = begin(self.job, self.launch, attempt, self.devices, self.secrets, meeting)
        except slurm.SlurmError as error:
            return Cause("start", 1, str(error))
        except OSError as error:  # no such Python, no memory to fork
            if is_no_space(error):
                raise
            return Cause("start", 1, f"{self.launch.python}: {error.strerror or error}")
        self.record.mention(trainer=identity(child))
        code = self._until_it_ends(child, watch)
        # Ranks of torchrun have sessions of their own, and no signal to their agent ends them.
        left = sweep(self.job.id, grace=_KILL_SECONDS) if tagged(self.job.id) else []
        reap()
        self.record.mention(trainer=None, survivors=left or None)
        return Cause("", 0) if code == 0 else cause(self.job, attempt, code)

    def _until_it_ends(self, child: subprocess.Popen[bytes], watch: Watch) -> int:
        asked = beaten = 0.0
        while True:
            code = child.poll()
            if code is not None:
                return code
            now = time.monotonic()
            if now - beaten > _BEAT_SECONDS:
                self.record.beat()
                watch.look()
                beaten = now
            if self.stopping and not asked:
                self.record.turn(states.CANCELLING)
                self._ask_to_save(child)
                asked = now
            elif asked and (now - asked > self._grace() or self.asked_to_end > 1):
                self._end_at_once(child)
            elif not asked and watch.has_steps and self.record.state["state"] == states.STARTING:
                self.record.turn(states.RUNNING)
            time.sleep(_TICK_SECONDS)

    def _ask_to_save(self, child: subprocess.Popen[bytes]) -> None:
        """torchrun passes it on to its ranks; a killed one would leave them behind. Slurm's own word has reached every node."""
        if self.launch.nodes == 1:
            child.send_signal(signal.SIGTERM)
        elif not self.asked_to_end:
            slurm.signal_nodes("TERM")

    def _end_at_once(self, child: subprocess.Popen[bytes]) -> None:
        if self.launch.nodes > 1:
            slurm.signal_nodes("KILL")
        sweep(self.job.id, grace=0.0)
        if child.poll() is None:
            child.kill()

    def _grace(self) -> float:
        """As the one who asks wants it, now or with time to save."""
        told = document(self.job.cancel).get("grace")
        return float(told) if isinstance(told, (int, float)) else self.launch.grace

    def _stopped(self, **facts: Any) -> None:
        """Asked for here, or by Slurm for a reason of its own. One that is to run again needs its secrets again."""
        if self.job.cancel.exists() or not slurm.launched():
            return self._end(states.CANCELLED, **facts)
        state, why = slurm.fate()
        if state != states.QUEUED:
            return self._end(state, **{**facts, **why})
        if self.secrets:
            publish(self.job.secrets, self.secrets)
        return self.record.turn(state, **why)

    def _end(self, state: str, **facts: Any) -> None:
        left = tagged(self.job.id)
        if left and state == states.CANCELLED:
            state, facts = states.CANCEL_INCOMPLETE, {**facts, "survivors": left}
        with contextlib.suppress(OSError):
            self.job.cancel.unlink()
        self.record.turn(state, **facts)
        self.notifier.ended(self.record.state)


def _sampler(job: JobDirectory) -> subprocess.Popen[bytes]:
    """Without the job's mark: it is not of the trainer, and is not swept with it."""
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    return subprocess.Popen(
        [sys.executable, "-I", "-S", sys.argv[0], "sample", str(job.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        preexec_fn=ends_with_parent(),
    )


def _taken_secrets(job: JobDirectory) -> dict[str, str]:
    """Read once and gone; what a later supervisor of the job needs again is sent again."""
    found = document(job.secrets)
    with contextlib.suppress(OSError):
        job.secrets.unlink()
    return {name: value for name, value in found.items() if isinstance(value, str)}
