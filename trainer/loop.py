"""The training loop, from the top down.

    while there are steps:
        gradients of one global batch, summed over micro-batches and ranks      halving the token budget when memory runs out,
                                                                                saving and ending when the run is to stop
        the guard's verdict: take the step, skip it, go back, stop
        evaluate, save, report

A step is a global batch, taken or skipped, so that the place in the data and the learning rate follow from the step alone; a run that goes
back to an older checkpoint goes on with the next batch.
"""

import time
from collections.abc import Mapping
from typing import Any, Literal

from trainer.evaluation import evaluation_loss
from trainer.memory import peak_bytes
from trainer.run import Course, Job, begin, save
from trainer.run_folder import append
from trainer.step import Tally, take_step

_PACE = 0.9  # of the running mean of seconds a step


def train(job: Job) -> Literal["done", "stopped"]:
    course = begin(job)
    if job.ranks.sums(job.stopping())[0]:
        return "stopped"
    while not finished(job, course):
        began = time.monotonic()
        taken = take_step(job, course)
        if taken is None:
            save(job, course)
            return "stopped"
        tally, facts = taken
        facts |= pace(job, course, tally, time.monotonic() - began)
        improved = evaluation_due(job, course) and evaluate(job, course, facts)
        report(job, facts)  # before the checkpoint: a kill between them repeats a row and loses none
        if improved or save_due(job, course) or tally.stopping or finished(job, course):
            save(job, course)
        if tally.stopping:
            return "stopped"
    return "done"


def finished(job: Job, course: Course) -> bool:
    return course.step >= course.total or course.standing.out_of_patience(job.recipe.train.patience)


def evaluation_due(job: Job, course: Course) -> bool:
    return job.held_out is not None and _due(job, course, job.recipe.train.eval_every)


def save_due(job: Job, course: Course) -> bool:
    """Never within a bad stretch: what it goes back to must lie before it."""
    return not course.guard.bad and _due(job, course, job.recipe.train.save_every)


def _due(job: Job, course: Course, every: int) -> bool:
    return course.step % (every or job.epoch) == 0 or course.step == course.total


def evaluate(job: Job, course: Course, facts: dict[str, Any]) -> bool:
    """True if no evaluation before was as good."""
    assert job.held_out is not None
    held_out = job.held_out
    (whole,) = job.plan(held_out, course.micro_tokens, batch=len(held_out.lengths))
    parts = [[held_out.example(place) for place in places] for places in whole.ranks[job.ranks.rank]]
    loss = evaluation_loss(job.forward, parts, job.ranks)
    course.standing = course.standing.after(loss, course.step)
    facts["eval_loss"] = loss
    if job.ranks.first:
        for row in job.ask():
            append(job.folder.samples, {"step": course.step, **row})
    if course.standing.out_of_patience(job.recipe.train.patience):
        job.note("stopped early", step=course.step, best_step=course.standing.best_step)
    return course.standing.best_step == course.step


def report(job: Job, facts: Mapping[str, Any]) -> None:
    if job.ranks.first:
        memory = peak_bytes(job.ranks.device)
        append(job.folder.metrics, {**facts, "memory_bytes": memory, "time": round(time.time(), 3)})


def pace(job: Job, course: Course, tally: Tally, seconds: float) -> dict[str, Any]:
    course.seconds = _PACE * course.seconds + (1 - _PACE) * seconds if course.seconds else seconds
    left = (course.total - course.step) * course.seconds
    speed = tally.tokens / seconds
    facts = {"tokens_per_s": round(speed, 1), "eta_s": round(left, 1)}
    return facts if job.mfu_of_a_token is None else facts | {"mfu": round(speed * job.mfu_of_a_token, 4)}
