"""The training loop, from the top down.

    while there are steps:
        gradients of one global batch, summed over micro-batches and ranks      halving the token budget when memory runs out
        the guard's verdict: take the step, skip it, go back, stop
        evaluate, save, report

A step is a global batch, taken or skipped, so that the place in the data and the learning rate follow from the step alone; a run that goes
back to an older checkpoint goes on with the next batch. What a run is made of is a `Job`; where it is, a `Course`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch

from kullm_tui.core.errors import TooLarge
from kullm_tui.core.language import say
from trainer import checkpoint
from trainer.batch import Example
from trainer.checkpoint import Digests, State
from trainer.evaluation import Standing, evaluation_loss
from trainer.forward import Forward
from trainer.guard import Guard, diverged
from trainer.memory import peak_bytes
from trainer.packing import Step, epoch_steps
from trainer.ranks import Ranks
from trainer.recipe import Recipe
from trainer.run_folder import RunFolder, append, note, publish_json
from trainer.schedule import learning_rate, steps_per_epoch, total_steps

_PACE = 0.9  # of the running mean of seconds a step


class ExampleSet(Protocol):
    """The tokenised rows; `digest` says which they are."""

    @property
    def lengths(self) -> Sequence[int]: ...

    @property
    def digest(self) -> str: ...

    def example(self, place: int, /) -> Example: ...


@dataclass(frozen=True)
class Job:
    recipe: Recipe
    folder: RunFolder
    ranks: Ranks
    forward: Forward
    examples: ExampleSet
    held_out: ExampleSet | None = None
    ask: Callable[[], Sequence[Mapping[str, Any]]] = tuple  # rows of sample replies
    stopping: Callable[[], bool] = lambda: False

    @property
    def parameters(self) -> list[torch.nn.Parameter]:
        return list(self.forward.trainable.parameters.values())

    @property
    def digests(self) -> Digests:
        return Digests(self.recipe.digest, self.examples.digest)

    @property
    def epoch(self) -> int:
        """Its steps."""
        return steps_per_epoch(self.recipe.train, len(self.examples.lengths))


@dataclass
class Course:
    optimizer: torch.optim.Optimizer
    guard: Guard
    total: int
    micro_tokens: int
    step: int = 0
    standing: Standing = field(default_factory=Standing)
    seconds: float = 0.0  # a step, on the average
    planned: tuple[tuple[int, int], Sequence[Step]] | None = None


@dataclass(frozen=True)
class Tally:
    """Of one global batch, over all ranks."""

    loss: float
    labels: float
    tokens: float
    out_of_memory: float
    unsplittable: float
    stopping: float


def train(job: Job) -> Literal["done", "stopped"]:
    course = begin(job)
    if job.ranks.sums(job.stopping())[0]:
        return "stopped"
    while not finished(job, course):
        began = time.monotonic()
        tally, facts = take_step(job, course)
        facts |= pace(course, tally, time.monotonic() - began)
        improved = evaluation_due(job, course) and evaluate(job, course, facts)
        if improved or save_due(job, course) or tally.stopping or finished(job, course):
            save(job, course)
        report(job, facts)
        if tally.stopping:
            return "stopped"
    return "done"


def begin(job: Job) -> Course:
    """At the newest checkpoint that is whole, or at the start."""
    recipe = job.recipe
    guard = Guard(recipe.train.spike)
    total = total_steps(recipe.train, len(job.examples.lengths))
    course = Course(_optimizer(job), guard, total, recipe.train.micro_tokens)
    step = _newest(job)
    if step:
        progress = _restore(job, course, step)
        course.step, course.micro_tokens = step, progress["micro_tokens"]
        course.guard, course.standing = Guard(**progress["guard"]), Standing(**progress["standing"])
        _publish_best(job, course.standing)  # a kill may have come before it
        _note(job, "resumed", step=step)
    return course


def finished(job: Job, course: Course) -> bool:
    return course.step >= course.total or course.standing.out_of_patience(job.recipe.train.patience)


def take_step(job: Job, course: Course) -> tuple[Tally, dict[str, Any]]:
    """One global batch, and its facts for the report; the course is one step further."""
    training, parameters = job.recipe.train, job.parameters
    tally = summed_gradients(job, course)
    loss = tally.loss / max(1.0, tally.labels)
    norm = mean_and_clip(parameters, tally.labels, training.clip)
    rate = learning_rate(training, course.step, course.total)
    verdict = course.guard.judge(loss, norm)
    course.step += 1
    if verdict == "good":
        for group in course.optimizer.param_groups:
            group["lr"] = rate
        course.optimizer.step()
    else:
        _note(job, "step skipped", step=course.step, loss=repr(loss), grad_norm=repr(norm))
    course.optimizer.zero_grad()
    if verdict in ("back", "stop"):
        go_back(job, course, loss, last_word=verdict == "stop")
    facts = {"step": course.step, "epoch": round(course.step / job.epoch, 4), "loss": loss, "lr": rate}
    return tally, facts | {"grad_norm": norm, "tokens": int(tally.tokens), "skipped": verdict != "good"}


def summed_gradients(job: Job, course: Course) -> Tally:
    """Gradients of the summed loss, over all ranks. Memory that runs out on one halves every rank's budget, and the batch begins again."""
    while True:
        job.ranks.throw_dice(job.recipe.train.seed, course.step)
        tally = Tally(*job.ranks.sums(*_backward(job, course)))
        if not tally.out_of_memory:
            job.ranks.sum_gradients(job.parameters)
            return tally
        course.optimizer.zero_grad()
        if tally.unsplittable:
            raise _too_long(course)
        course.micro_tokens //= 2
        _note(job, "token budget halved", step=course.step, micro_tokens=course.micro_tokens)


def _backward(job: Job, course: Course) -> tuple[float, ...]:
    """This rank's part of the batch: loss, labels, tokens, out of memory, by a single example, asked to stop."""
    device = job.ranks.device
    loss, labels, tokens = torch.zeros((), device=device, dtype=torch.float64), 0, 0
    places: tuple[int, ...] = ()
    try:
        with job.forward.attending():
            for places in _planned(job, course).ranks[job.ranks.rank]:
                batch = job.forward.batch([job.examples.example(place) for place in places])
                part = job.forward(batch)
                part.backward()  # type: ignore[no-untyped-call]
                loss += part.detach()
                labels, tokens = labels + len(batch.targets), tokens + batch.tokens
    except torch.OutOfMemoryError:
        # What hangs on the traceback goes with it; the split is tried from outside.
        return 0.0, 0, 0, 1, len(places) == 1, job.stopping()
    return float(loss), labels, tokens, 0, 0, job.stopping()


def _planned(job: Job, course: Course) -> Step:
    epoch, place = divmod(course.step, job.epoch)
    if course.planned is None or course.planned[0] != (epoch, course.micro_tokens):
        course.planned = (epoch, course.micro_tokens), _packed(job, job.examples, course.micro_tokens, epoch)
    return course.planned[1][place]


def _packed(job: Job, examples: ExampleSet, micro_tokens: int, epoch: int, batch: int = 0) -> Sequence[Step]:
    training = job.recipe.train
    return epoch_steps(
        examples.lengths,
        seed=training.seed,
        epoch=epoch,
        batch=batch or training.batch,
        world=job.ranks.world,
        micro_tokens=micro_tokens,
        packing=job.forward.packs,
    )


def mean_and_clip(parameters: Sequence[torch.nn.Parameter], labels: float, clip: float) -> float:
    """Gradients of the sum become those of the mean, no longer than `clip`; the mean's own length."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = float(torch.nn.utils.get_total_norm(gradients)) / max(1.0, labels)
    shrink = min(1.0, clip / (norm + 1e-6)) if clip else 1.0
    torch._foreach_mul_(gradients, shrink / max(1.0, labels))
    return norm


def go_back(job: Job, course: Course, loss: float, *, last_word: bool) -> None:
    """Weights and moments of the last good checkpoint; the data moves on."""
    step = 0 if last_word else _newest(job)
    if not step:
        raise diverged(course.step, loss)
    _restore(job, course, step)
    _note(job, "gone back", step=course.step, to=step)


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
    (whole,) = _packed(job, held_out, course.micro_tokens, 0, batch=len(held_out.lengths))
    parts = [[held_out.example(place) for place in places] for places in whole.ranks[job.ranks.rank]]
    loss = evaluation_loss(job.forward, parts, job.ranks)
    course.standing = course.standing.after(loss, course.step)
    facts["eval_loss"] = loss
    if job.ranks.first:
        for row in job.ask():
            append(job.folder.samples, {"step": course.step, **row})
    if course.standing.out_of_patience(job.recipe.train.patience):
        _note(job, "stopped early", step=course.step, best_step=course.standing.best_step)
    return course.standing.best_step == course.step


def save(job: Job, course: Course) -> None:
    course.guard.saved()
    if not job.ranks.first:
        return
    standing = course.standing
    progress = {"micro_tokens": course.micro_tokens, "guard": course.guard.state(), "standing": standing.state()}
    weights = {name: p.detach() for name, p in job.forward.trainable.parameters.items()}
    state = State(weights, checkpoint.moments_of(course.optimizer), progress)
    checkpoint.save(job.folder, course.step, state, job.digests)
    note(job.folder, "saved", step=course.step)
    _publish_best(job, standing)
    checkpoint.prune(job.folder, job.recipe.train.keep, standing.best_step)


def report(job: Job, facts: Mapping[str, Any]) -> None:
    if job.ranks.first:
        memory = peak_bytes(job.ranks.device)
        append(job.folder.metrics, {**facts, "memory_bytes": memory, "time": round(time.time(), 3)})


def pace(course: Course, tally: Tally, seconds: float) -> dict[str, Any]:
    course.seconds = _PACE * course.seconds + (1 - _PACE) * seconds if course.seconds else seconds
    left = (course.total - course.step) * course.seconds
    return {"tokens_per_s": round(tally.tokens / seconds, 1), "eta_s": round(left, 1)}


def _optimizer(job: Job) -> torch.optim.Optimizer:
    """Vectors (biases, norms) are not decayed."""
    training, parameters = job.recipe.train, job.parameters
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    kept = [group for group in groups if group["params"]]
    return torch.optim.AdamW(kept, lr=training.learning_rate, betas=training.betas, eps=training.eps, fused=True)


def _newest(job: Job) -> int:
    """The first rank looks, all go by what it found."""
    return job.ranks.from_first(checkpoint.newest(job.folder, job.digests) if job.ranks.first else 0)


@torch.no_grad()
def restore_weights(job: Job, step: int) -> State:
    state = checkpoint.load(job.folder, step, job.ranks.device)
    for name, parameter in job.forward.trainable.parameters.items():
        parameter.copy_(state.weights[name])
    return state


def _restore(job: Job, course: Course, step: int) -> Mapping[str, Any]:
    state = restore_weights(job, step)
    checkpoint.restore_moments(course.optimizer, state.moments)
    return state.progress


def _publish_best(job: Job, standing: Standing) -> None:
    if job.ranks.first and standing.best_step is not None:
        publish_json(job.folder.best, {"step": standing.best_step, "eval_loss": standing.best_loss})


def _note(job: Job, event: str, **facts: Any) -> None:
    if job.ranks.first:
        note(job.folder, event, **facts)


def _too_long(course: Course) -> TooLarge:
    return TooLarge(
        say(
            f"{course.step + 1}단계에서 예제 하나도 메모리에 들어가지 않습니다. data.cutoff를 줄이거나 train.recompute를 1로 하거나 "
            "model.precision을 4bit로 바꾸세요.",
            f"At step {course.step + 1} a single example does not fit the memory. Lower data.cutoff, set train.recompute to 1, "
            "or set model.precision to 4bit.",
        )
    )
