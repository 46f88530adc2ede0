"""One step: the gradients of a global batch over all micro-batches and ranks, the guard's verdict on them, and what follows from it.

Between two micro-batches a run can be stopped. What was done of the step until then is thrown away on every rank: whoever goes on begins
the step anew, and ends as if it had never been stopped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from kullm_tui.core.errors import TooLarge
from kullm_tui.core.language import say
from trainer.dataset.packing import MicroBatch, Step
from trainer.guard import diverged
from trainer.objective import Objective
from trainer.run import RunState, TrainingRun, newest_step, restore
from trainer.schedule import learning_rate
from trainer.side_by_side import Part, gradients_of


@dataclass(frozen=True)
class Tally:
    """Of one global batch, over all ranks."""

    loss: float
    labels: float
    tokens: float
    out_of_memory: float
    unsplittable: float
    cut_short: float
    stopping: float
    sums: tuple[float, ...]  # the objective's own

    @classmethod
    def of(cls, values: Sequence[float]) -> "Tally":
        """Its fields, one after the other, and what is left over for the last."""
        loss, labels, tokens, out_of_memory, unsplittable, cut_short, stopping, *sums = values
        return cls(loss, labels, tokens, out_of_memory, unsplittable, cut_short, stopping, tuple(sums))


def take_step(run: TrainingRun, state: RunState) -> tuple[Tally, dict[str, Any]] | None:
    """One global batch, and its facts for the report; the state is one step further. None where it was stopped on the way."""
    training, parameters = run.recipe.train, run.parameters
    tally = summed_gradients(run, state)
    if tally.cut_short:
        state.optimizer.zero_grad()
        return None
    loss = tally.loss / max(1.0, tally.labels)
    norm = mean_and_clip(parameters, tally.labels, training.clip)
    rate = learning_rate(training, state.step, state.total)
    verdict = state.guard.judge(loss, norm)
    state.step += 1
    if verdict == "good":
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        state.optimizer.step()
    else:
        run.note("step skipped", step=state.step, loss=repr(loss), grad_norm=repr(norm))
    state.optimizer.zero_grad()
    if verdict in ("back", "stop"):
        go_back(run, state, loss, last_word=verdict == "stop")
    facts = {"step": state.step, "epoch": round(state.step / run.epoch, 4), "loss": loss, "lr": rate}
    facts |= {"grad_norm": norm, "tokens": int(tally.tokens), "skipped": verdict != "good"}
    return tally, {**facts, **run.objective.report(tally.sums)}


def summed_gradients(run: TrainingRun, state: RunState) -> Tally:
    """Gradients of the summed loss, over all ranks. Memory that runs out on one halves every rank's budget, and the batch begins again."""
    while True:
        run.ranks.throw_dice(run.recipe.train.seed, state.step)
        tally = Tally.of(run.ranks.sums(*_backward(run, state)))
        if tally.cut_short:
            return tally
        if not tally.out_of_memory:
            run.ranks.sum_gradients(run.parameters)
            return tally
        state.optimizer.zero_grad()
        if tally.unsplittable:
            raise _too_long(state)
        state.micro_tokens //= 2
        run.note("token budget halved", step=state.step, micro_tokens=state.micro_tokens)


def _backward(run: TrainingRun, state: RunState) -> tuple[float, ...]:
    """This rank's part of the batch, in the order of a `Tally`'s fields."""
    loss, labels, tokens = torch.zeros((), device=run.ranks.device, dtype=torch.float64), 0, 0
    sums = torch.zeros(len(run.objective.names), device=run.ranks.device, dtype=torch.float64)
    step = _planned(run, state)
    planned = step.ranks[run.ranks.rank]
    objective = run.objective.over(map(run.examples.example, step.examples))
    done, nothing = 0, sums.tolist()
    try:
        with run.forward.attending():
            for part in run.workers.map(partial(_part, run, objective), planned):
                if part is None:
                    return 0.0, 0, 0, 0, 0, 1, 1, *nothing
                done += 1
                _add(run.parameters, part.gradients)
                loss += part.loss
                sums = sums + part.sums.to(sums.device)
                labels, tokens = labels + part.labels, tokens + part.tokens
    except torch.OutOfMemoryError:
        # What hangs on the traceback goes with it; the split is tried from outside.
        return 0.0, 0, 0, 1, len(planned[done]) == 1, 0, run.stopping(), *nothing
    return float(loss), labels, tokens, 0, 0, 0, run.stopping(), *sums.tolist()


def _part(run: TrainingRun, objective: Objective, places: MicroBatch) -> Part | None:
    """None where the run is to stop."""
    if run.stopping():
        return None
    examples = [run.examples.example(place) for place in places]
    return gradients_of(objective, run.forward, run.workers.count > 1, examples)


@torch.no_grad()
def _add(parameters: Sequence[torch.nn.Parameter], gradients: Sequence[torch.Tensor | None]) -> None:
    for parameter, gradient in zip(parameters, gradients, strict=False):  # nothing at all where they are there already
        if gradient is not None:
            parameter.grad = gradient if parameter.grad is None else parameter.grad.add_(gradient)


def _planned(run: TrainingRun, state: RunState) -> Step:
    epoch, place = divmod(state.step, run.epoch)
    if state.planned is None or state.planned[0] != (epoch, state.micro_tokens):
        plan = run.plan(run.examples, state.micro_tokens, epoch=epoch)
        state.planned = (epoch, state.micro_tokens), plan
    return state.planned[1][place]


def mean_and_clip(parameters: Sequence[torch.nn.Parameter], labels: float, clip: float) -> float:
    """Gradients of the sum become those of the mean, no longer than `clip`; the mean's own length."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients)) / max(1.0, labels)
    shrink = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
    torch._foreach_mul_(gradients, shrink / max(1.0, labels))
    return norm


def go_back(run: TrainingRun, state: RunState, loss: float, *, last_word: bool) -> None:
    """Weights and moments of the last good checkpoint; the data moves on."""
    step = 0 if last_word else newest_step(run)
    if not step:
        raise diverged(state.step, loss)
    restore(run, state, step)
    run.note("gone back", step=state.step, to=step)


def _too_long(state: RunState) -> TooLarge:
    return TooLarge(
        say(
            f"{state.step + 1}단계에서 예제 하나도 메모리에 들어가지 않아요. data.cutoff를 줄이거나 train.recompute를 1로 하거나 "
            "model.precision을 4bit로 바꾸세요.",
            f"At step {state.step + 1} a single example does not fit the memory. Lower data.cutoff, set train.recompute to 1, "
            "or set model.precision to 4bit.",
        )
    )
