"""A study carried out: stage after stage, each the command that a person could give. What is done is passed by, what was begun goes on."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.studies.child import Child, Ended
from kullm_tui.studies.marks import Mark, alone, is_made, log_of, mark_of, put_mark
from kullm_tui.studies.shelf import note_begun
from kullm_tui.studies.stages import Plan, Stage
from trainer.jobs.agent import states
from trainer.jobs.keep import keep_finished
from trainer.jobs.registry import KnownJob, known_jobs
from trainer.jobs.tail import Tail

Standing = Literal["kept", "begun", "at work", "done", "failed", "stopped", "waits"]

_STOPPED = 130
_PAUSE_SECONDS = 600.0  # between two rows of the metrics; a longer one was no part of the work


@dataclass(frozen=True)
class Moment:
    """What happens to a stage, for whoever looks on."""

    stage: Stage
    standing: Standing
    words: str = ""  # of the command, while it is at work
    seconds: float = 0.0


Told = Callable[[Moment], None]


class StageFailed(KullmError):
    pass


class StudyStopped(KullmError):
    exit_code = _STOPPED


def run_study(plan: Plan, *, told: Told, waiting: Callable[[str], None], child: Child | None = None) -> None:
    """To its end. StageFailed with the stage's own last words; StudyStopped where `child` was stopped. Both keep all that was done."""
    child = child or Child()

    def wait(words: str) -> None:
        if child.is_stopped:
            raise _stopped()
        waiting(words)

    note_begun(plan.study)
    with alone(plan.study.name, wait) as lock:
        for stage in plan.stages:
            if child.is_stopped:
                raise _stopped()
            if (seconds := _kept(plan, stage)) is not None:
                told(Moment(stage, "kept", seconds=seconds))
            else:
                _carry_out(plan, stage, told, child, lock)


def marks_of(plan: Plan) -> dict[str, Mark]:
    """Of the stages that are done, by their ids, as it stands on disk."""
    keep_finished(known_jobs())
    return {one.id: mark for one in plan.stages if (mark := mark_of(plan.study.name, one))}


def _kept(plan: Plan, stage: Stage) -> float | None:
    """How long it took, where it is done: a training also where it came to its end while nobody looked."""
    if stage.kind == "training":
        keep_finished(known_jobs())
    mark = mark_of(plan.study.name, stage)
    if mark is None and stage.kind == "training" and is_made(stage):
        mark = put_mark(plan.study.name, stage, seconds=_job_seconds(stage), result=_training_result(stage))
    return mark.seconds if mark else None


def _carry_out(plan: Plan, stage: Stage, told: Told, child: Child, lock: int) -> None:
    begun = time.monotonic()
    told(Moment(stage, "begun"))

    def heard(words: str) -> None:
        told(Moment(stage, "at work", words, time.monotonic() - begun))

    ended = child.run(command_now(stage), heard=heard, log=log_of(plan.study.name, stage), holding=lock)
    seconds = time.monotonic() - begun
    if ended.code == 0 and is_made(stage):
        if stage.kind == "training":
            seconds = max(seconds, _job_seconds(stage))
        result = _training_result(stage) if stage.kind == "training" else ended.result
        put_mark(plan.study.name, stage, seconds=seconds, result=result)
        told(Moment(stage, "done", seconds=seconds))
        return
    is_stopped = child.is_stopped or ended.code == _STOPPED
    told(Moment(stage, "stopped" if is_stopped else "failed", ended.last_words, seconds))
    raise _stopped() if is_stopped else _failed(plan, stage, ended)


def command_now(stage: Stage) -> tuple[str, ...]:
    """The stage's command, or the one that goes on with what it began."""
    job = _job_of(stage)
    if job is None:
        return stage.command
    if job.state.get("state") == states.SUCCEEDED:
        return ("jobs", "fetch", job.id, "--json")
    return ("train", "--resume", job.id, "--json")


def _job_of(stage: Stage) -> KnownJob | None:
    if stage.kind != "training":
        return None
    return next((job for job in reversed(known_jobs()) if job.name == stage.makes), None)


def _job_seconds(stage: Stage) -> float:
    """Of its training, over all the times that it was begun, without the pauses between them."""
    job = _job_of(stage)
    times: list[float] = [row["time"] for row in Tail(job.directory.metrics, 0).rows() if "time" in row] if job else []
    gaps = (float(later - earlier) for earlier, later in pairwise(times))
    return sum(gap for gap in gaps if 0 < gap < _PAUSE_SECONDS)


def _training_result(stage: Stage) -> dict[str, Any]:
    job = _job_of(stage)
    return {"name": stage.makes, "run": job.id if job else ""}


def _failed(plan: Plan, stage: Stage, ended: Ended) -> StageFailed:
    log = log_of(plan.study.name, stage)
    words = ended.last_words or say("아무 말 없이 끝났어요.", "it ended without a word.")
    return StageFailed(
        say(
            f"{stage.id} 단계가 끝나지 못했어요(끝난 값 {ended.code}):\n{words}\n기록: {log}\n고친 뒤 같은 명령을 다시 하면 여기서부터 이어 가요.",
            f"the stage {stage.id} failed (exit code {ended.code}):\n{words}\nlog: {log}\nOnce that is mended, the same command goes on from here.",
        )
    )


def _stopped() -> StudyStopped:
    return StudyStopped(
        say(
            "멈췄어요. 한 일은 모두 남아 있고, 같은 명령을 다시 하면 이어 가요.",
            "stopped. All that was done is kept, and the same command goes on from here.",
        )
    )
