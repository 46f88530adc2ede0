"""A training followed in the terminal: its supervisor started, what it reports while it lasts, and what it leaves.

The supervisor and its trainer go on when this process is killed. Ctrl-c asks for a stop with everything saved; a second one for
an end at once.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kullm_tui import __version__
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.train.keep import keep
from kullm_tui.commands.train.plan import time_text
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import interface_language, say
from kullm_tui.core.text import terminal_safe
from trainer.estimate.machines import Machine
from trainer.jobs.agent import states
from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import document, row_of
from trainer.jobs.client import Client
from trainer.jobs.registry import directory_of, new_id
from trainer.jobs.text import queue_text, reason_text
from trainer.jobs.transports.local import LocalTransport
from trainer.recipe import Recipe, recipe_dict

_POLL_SECONDS = 0.2
_LINE_SECONDS = 10.0  # between lines where no terminal rewrites one
_ASK_SECONDS = 5.0  # a supervisor that died cannot say so
_SAVING_SECONDS = 3600.0  # after the first ctrl-c
_STOPPED = 130

HERE = Client("", LocalTransport())


def new_job(recipe: Recipe, argv: Sequence[str], *, name: str, on: str = "") -> JobDirectory:
    """`name`: what the adapter will be called; `on`: the machine as it was named, for the day the run is resumed."""
    spec = {
        "schema": SCHEMA,
        "recipe": recipe_dict(recipe),
        "digest": recipe.digest,
        "code": __version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "argv": list(argv),
        "name": name,
        "on": on,
        "language": interface_language(),
    }
    job = new_id()
    HERE.stage(job, spec)
    return directory_of(job)


def local_launch(job: JobDirectory, machine: Machine) -> dict[str, Any]:
    """The next start of the job, on these ranks of this computer. Cards are waited for, a processor is shared."""
    ranks = machine.count
    return {
        "start": int(document(job.launch).get("start") or document(job.state).get("start") or 0) + 1,
        "python": sys.executable,
        "ranks": ranks,
        "gpus": 0 if machine.is_cpu else ranks,
        "queue": not machine.is_cpu,
    }


def follow(job: JobDirectory, machine: Machine, narration: Narration, *, as_json: bool) -> int:
    """The job at work until it ends; its exit code, and on success its adapter kept."""
    launch = local_launch(job, machine)
    follower = _Follower(job, int(launch["start"]), narration)
    with _asking_to_stop() as asked:
        HERE.start(job.id, launch)
        state = follower.until_it_ends(asked)
    narration.clear()
    if state["state"] == states.SUCCEEDED:  # also where ctrl-c came after the last step
        return keep(job, narration, as_json=as_json)
    if state["state"] == states.CANCELLED or state.get("reason") == "terminated":
        _tell_how_to_go_on(job, narration)
        return _STOPPED
    raise _failed(job, state)


@dataclass
class _Asked:
    """How often ctrl-c or SIGTERM came."""

    times: int = 0

    def __call__(self, *_: object) -> None:
        self.times += 1
        if self.times == 1:
            waiting = say(
                "저장하고 멈추는 중 … (한 번 더 누르면 바로 끝내요)", "saving and stopping … (again to end at once)"
            )
            os.write(2, f"\n{waiting}\n".encode())  # within a signal: no buffer is touched


@contextlib.contextmanager
def _asking_to_stop() -> Iterator[_Asked]:
    asked = _Asked()
    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Follower:
    """Reads the job's directory as it grows."""

    def __init__(self, job: JobDirectory, start: int, narration: Narration) -> None:
        self._job, self._start, self._narration = job, start, narration
        self._metrics = _Tail(job.metrics)
        self._row: dict[str, Any] | None = None
        self._said = time.monotonic()
        self._told = ""

    def until_it_ends(self, asked: _Asked) -> Mapping[str, Any]:
        passed_on, looked = 0, time.monotonic()
        while True:
            state = document(self._job.state)
            self._show(state)
            if int(state.get("start") or 0) >= self._start and states.is_terminal(state):
                self._show_row(last=True)
                return state
            if asked.times > passed_on:
                passed_on = asked.times
                HERE.cancel(self._job.id, grace=_SAVING_SECONDS if passed_on == 1 else 0.0)
            if time.monotonic() - looked > _ASK_SECONDS:
                looked = time.monotonic()
                HERE.show(self._job.id)  # which writes LOST where it has proof
            time.sleep(_POLL_SECONDS)

    def _show(self, state: Mapping[str, Any]) -> None:
        attempt = int(state.get("attempt") or 0)
        if state.get("state") == states.QUEUED and state.get("queue"):
            self._tell(queue_text(state["queue"]))
        elif attempt and int(state.get("start") or 0) >= self._start:
            log = self._job.log(attempt)
            self._tell(say(f"학습 {self._job.id}   기록: {log}", f"run {self._job.id}   log: {log}"))
        for row in self._metrics.rows():
            self._row = row
            self._narration.progress(progress_line(row))
        self._show_row(last=False)

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._narration.note(text)

    def _show_row(self, *, last: bool) -> None:
        """Where no terminal rewrites a line."""
        if self._narration.live or not self._row:
            return
        if last or time.monotonic() - self._said > _LINE_SECONDS:
            self._narration.note(progress_line(self._row))
            self._said, self._row = time.monotonic(), None


def progress_line(row: Mapping[str, Any]) -> str:
    """One row of the metrics as a person reads it."""
    left, speed = float(row.get("eta_s") or 0), float(row.get("tokens_per_s") or 0)
    parts = [
        say(f"{row.get('step')}단계", f"step {row.get('step')}"),
        say(f"손실 {row.get('loss', 0):.4f}", f"loss {row.get('loss', 0):.4f}"),
        say(f"{speed:,.0f}토큰/초", f"{speed:,.0f} tokens/s"),
        say(f"남은 시간 {time_text(left)}", f"{time_text(left)} left"),
    ]
    if isinstance(row.get("eval_loss"), int | float):
        parts.insert(2, say(f"평가 손실 {row['eval_loss']:.4f}", f"evaluation loss {row['eval_loss']:.4f}"))
    return "   ".join(parts)


@dataclass
class _Tail:
    """New whole rows of a file that another process appends to."""

    path: Path
    place: int | None = None  # None: from the end of what an earlier attempt wrote

    def __post_init__(self) -> None:
        self.place = self.path.stat().st_size if self.path.is_file() else 0

    def rows(self) -> Iterator[dict[str, Any]]:
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            file.seek(self.place or 0)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self.place = (self.place or 0) + len(whole)
        for line in whole.splitlines():
            if (row := row_of(line)) is not None:
                yield row


def _tell_how_to_go_on(job: JobDirectory, narration: Narration) -> None:
    steps = job.complete_steps()
    kept = say(f"{steps[0]}단계까지 저장했어요. ", f"Saved up to step {steps[0]}. ") if steps else ""
    narration.note(
        say(
            f"멈췄어요. {kept}이어서 하려면: kullm train --resume {job.id}",
            f"Stopped. {kept}To go on: kullm train --resume {job.id}",
        )
    )


def _failed(job: JobDirectory, state: Mapping[str, Any]) -> KullmError:
    log = job.log(int(state.get("attempt") or 0))
    reason = terminal_safe(reason_text(state))
    hint = ""
    if job.complete_steps():
        hint = say(
            f"\n이어서 하려면: kullm train --resume {job.id}",
            f"\nTo go on from the last checkpoint: kullm train --resume {job.id}",
        )
    return KullmError(
        say(f"학습이 끝나지 못했어요: {reason}\n기록: {log}{hint}", f"the training failed: {reason}\nlog: {log}{hint}")
    )
