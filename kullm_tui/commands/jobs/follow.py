"""A job followed in the terminal, here or elsewhere: its directory is read as it grows, which for one elsewhere a mirror fills meanwhile."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.actions import SAVING_SECONDS
from trainer.jobs.agent import states
from trainer.jobs.agent.files import document
from trainer.jobs.bring import followed
from trainer.jobs.client import Client
from trainer.jobs.history import as_number
from trainer.jobs.mirror import Mirror
from trainer.jobs.reach import lost_with_its_machine
from trainer.jobs.registry import KnownJob
from trainer.jobs.tail import Tail
from trainer.jobs.text import queue_text, time_text

_POLL_SECONDS = 0.2
_LINE_SECONDS = 10.0  # between lines where no terminal rewrites one
_ASK_SECONDS = 5.0  # a supervisor that died cannot say so


@dataclass
class Asked:
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
def asking_to_stop() -> Iterator[Asked]:
    asked = Asked()
    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Follower:
    """Made before the job is started, so that no row of it is missed; `whole`: rows that are there already are shown too."""

    def __init__(self, job: KnownJob, client: Client, narration: Narration, *, whole: bool = False) -> None:
        self._job, self._client, self._narration = job, client, narration
        self._start = 0
        self._metrics = Tail(job.directory.metrics, 0 if whole else None)
        self._row: dict[str, Any] | None = None
        self._said = time.monotonic()
        self._told = ""
        self._was_live = True

    def until_it_ends(self, start: int, asked: Asked | None = None) -> Mapping[str, Any]:
        """The last state of that start. `asked`: what is passed on to the job; without it ctrl-c ends this alone."""
        self._start = start
        passed_on, looked = 0, time.monotonic()
        with followed(self._job, self._client) as mirror:
            while True:
                come = mirror is None or mirror.ended.is_set()
                state = document(self._job.directory.state)
                self._show(state)
                if come and int(state.get("start") or 0) >= self._start and states.is_terminal(state):
                    self._show_row(last=True)
                    return state
                times = asked.times if asked else 0  # it may be asked once more while this is passed on
                if times > passed_on and self._passes_on(times):
                    passed_on = times
                if time.monotonic() - looked > _ASK_SECONDS:
                    looked = time.monotonic()
                    self._ask_for_proof(mirror)
                time.sleep(_POLL_SECONDS)

    def _ask_for_proof(self, mirror: Mirror | None) -> None:
        """That it is lost, which it cannot say itself; then it is put down."""
        if mirror is None:
            self._client.show(self._job.id)
        elif not self._was_live and lost_with_its_machine(self._job.again()):
            mirror.stopping.set()

    def _passes_on(self, times: int) -> bool:
        """Whether the machine heard it; if not, it is told again."""
        try:
            self._client.cancel(self._job.id, grace=SAVING_SECONDS if times == 1 else 0.0)
        except KullmError as error:
            if not self._job.machine:
                raise
            self._tell(str(error))
            return False
        return True

    def _show(self, state: Mapping[str, Any]) -> None:
        attempt = int(state.get("attempt") or 0)
        if state.get("state") == states.QUEUED and state.get("queue"):
            self._tell(queue_text(state["queue"]))
        elif attempt and int(state.get("start") or 0) >= self._start:
            log = self._job.directory.log(attempt)
            self._tell(say(f"학습 {self._job.id}   기록: {log}", f"run {self._job.id}   log: {log}"))
        self._show_link()
        for row in self._metrics.rows():
            self._row = row
            self._narration.progress(progress_line(row))
        self._show_row(last=False)

    def _show_link(self) -> None:
        """A machine that is not heard says nothing about its job, which goes on."""
        link = self._job.again().link if self._job.machine else None
        if link is None or (link.state == "LIVE") == self._was_live:
            return
        self._was_live = link.state == "LIVE"
        where, age = self._job.machine, time_text(link.age)
        if self._was_live:
            self._narration.note(say(f"{where}: 다시 연결됐어요.", f"{where} is connected again."))
        else:
            self._narration.note(
                say(
                    f"{where}: {age} 동안 응답이 없어요. 학습은 그곳에서 계속돼요. 다시 연결하는 중 …",
                    f"nothing was heard of {where} for {age}. The job goes on there. Connecting again …",
                )
            )

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
    names = ("loss", "eval_loss", "tokens_per_s", "eta_s")
    loss, evaluated, speed, left = (as_number(row.get(name)) for name in names)
    step, steps = row.get("step"), row.get("steps")
    of = f"/{steps}" if steps else ""
    parts = [say(f"{step}{of}단계", f"step {step}{of}")]
    if loss is not None:
        parts.append(say(f"손실 {loss:.4f}", f"loss {loss:.4f}"))
    if evaluated is not None:
        parts.append(say(f"평가 손실 {evaluated:.4f}", f"evaluation loss {evaluated:.4f}"))
    if speed is not None:
        parts.append(say(f"{speed:,.0f}토큰/초", f"{speed:,.0f} tokens/s"))
    if left is not None:
        parts.append(say(f"남은 시간 {time_text(left)}", f"{time_text(left)} left"))
    return "   ".join(parts)
