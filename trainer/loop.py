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
from trainer.jobs.agent.files import append
from trainer.memory import peak_bytes
from trainer.run import RunState, TrainingRun, begin, save
from trainer.step import Tally, take_step

_PACE = 0.9  # of the running mean of seconds a step


def train(run: TrainingRun) -> Literal["done", "stopped"]:
    state = begin(run)
    if run.ranks.sums(run.stopping())[0]:
        return "stopped"
    while not finished(run, state):
        began = time.monotonic()
        taken = take_step(run, state)
        if taken is None:
            save(run, state)
            return "stopped"
        tally, facts = taken
        facts |= pace(run, state, tally, time.monotonic() - began)
        improved = evaluation_due(run, state) and evaluate(run, state, facts)
        report(run, facts)  # before the checkpoint: a kill between them repeats a row and loses none
        if improved or save_due(run, state) or tally.stopping or finished(run, state):
            save(run, state)
        if tally.stopping:
            return "stopped"
    return "done"


def finished(run: TrainingRun, state: RunState) -> bool:
    return state.step >= state.total or state.standing.out_of_patience(run.recipe.train.patience)


def evaluation_due(run: TrainingRun, state: RunState) -> bool:
    return run.held_out is not None and _due(run, state, run.recipe.train.eval_every)


def save_due(run: TrainingRun, state: RunState) -> bool:
    """Never within a bad stretch: what it goes back to must lie before it."""
    return not state.guard.bad and _due(run, state, run.recipe.train.save_every)


def _due(run: TrainingRun, state: RunState, every: int) -> bool:
    return state.step % (every or run.epoch) == 0 or state.step == state.total


def evaluate(run: TrainingRun, state: RunState, facts: dict[str, Any]) -> bool:
    """True if no evaluation before was as good."""
    assert run.held_out is not None
    held_out = run.held_out
    (whole,) = run.plan(held_out, state.micro_tokens, batch=len(held_out.lengths))
    parts = [[held_out.example(place) for place in places] for places in whole.ranks[run.ranks.rank]]
    objective = run.objective.over(map(held_out.example, whole.examples))
    loss, more = evaluation_loss(objective, run.forward, parts, run.ranks)
    state.standing = state.standing.after(loss, state.step)
    facts |= {"eval_loss": loss, **{f"eval_{name}": value for name, value in more.items()}}
    if run.ranks.first:
        for row in run.ask():
            append(run.folder.samples, {"step": state.step, **row})
    if state.standing.out_of_patience(run.recipe.train.patience):
        run.note("stopped early", step=state.step, best_step=state.standing.best_step)
    return state.standing.best_step == state.step


def report(run: TrainingRun, facts: Mapping[str, Any]) -> None:
    if run.ranks.first:
        memory = peak_bytes(run.ranks.device)
        append(run.folder.metrics, {**facts, "memory_bytes": memory, "time": round(time.time(), 3)})


def pace(run: TrainingRun, state: RunState, tally: Tally, seconds: float) -> dict[str, Any]:
    state.seconds = _PACE * state.seconds + (1 - _PACE) * seconds if state.seconds else seconds
    left = (state.total - state.step) * state.seconds
    speed = tally.tokens / seconds
    facts = {"tokens_per_s": round(speed, 1), "steps": state.total, "eta_s": round(left, 1)}
    return facts if run.mfu_of_a_token is None else facts | {"mfu": round(speed * run.mfu_of_a_token, 4)}
