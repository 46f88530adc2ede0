"""What a run is made of, a `Job`, and where it is, a `Course`, with its way to a checkpoint and back."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from trainer import checkpoint
from trainer.checkpoint import Digests, State
from trainer.dataset.batch import Example
from trainer.dataset.packing import Deal, Step, epoch_steps
from trainer.evaluation import Standing
from trainer.guard import Guard
from trainer.model.forward import Forward
from trainer.ranks import Ranks
from trainer.recipe import Recipe
from trainer.run_folder import RunFolder, note, publish_json
from trainer.schedule import steps_per_epoch, total_steps
from trainer.side_by_side import Workers


class ExampleSet(Protocol):
    """The tokenised rows; `digest` says which they are."""

    @property
    def lengths(self) -> Any: ...

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
    workers: Workers = Workers()
    mfu_of_a_token: float | None = None  # a second; None: nobody knows how fast the devices are

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

    def note(self, event: str, **facts: Any) -> None:
        if self.ranks.first:
            note(self.folder, event, **facts)

    def plan(self, examples: ExampleSet, micro_tokens: int, *, epoch: int = 0, batch: int = 0) -> Sequence[Step]:
        """The steps of an epoch over the examples; `batch` in place of the recipe's."""
        training = self.recipe.train
        return epoch_steps(
            examples.lengths,
            seed=training.seed,
            epoch=epoch,
            batch=batch or training.batch,
            deal=Deal(
                world=self.ranks.world,
                micro_tokens=micro_tokens // self.workers.count,  # what all of them hold together is the budget
                packing=self.forward.packs,
                side_by_side=self.workers.count,
            ),
        )


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


def begin(job: Job) -> Course:
    """At the newest checkpoint that is whole, or at the start."""
    recipe = job.recipe
    guard = Guard(recipe.train.spike)
    total = total_steps(recipe.train, len(job.examples.lengths))
    course = Course(_optimizer(job), guard, total, recipe.train.micro_tokens)
    step = newest_step(job)
    if step:
        progress = restore(job, course, step)
        course.step, course.micro_tokens = step, progress["micro_tokens"]
        course.guard, course.standing = Guard(**progress["guard"]), Standing(**progress["standing"])
        _publish_best(job, course.standing)  # a kill may have come before it
        job.note("resumed", step=step)
    return course


def save(job: Job, course: Course) -> None:
    course.guard.saved()
    if not job.ranks.first or not course.step:
        return
    standing = course.standing
    progress = {"micro_tokens": course.micro_tokens, "guard": course.guard.state(), "standing": standing.state()}
    weights = {name: p.detach() for name, p in job.forward.trainable.parameters.items()}
    state = State(weights, checkpoint.moments_of(course.optimizer), progress)
    checkpoint.save(job.folder, course.step, state, job.digests)
    job.note("saved", step=course.step)
    _publish_best(job, standing)
    checkpoint.prune(job.folder, job.recipe.train.keep, standing.best_step)


def newest_step(job: Job) -> int:
    """The first rank looks, all go by what it found."""
    return job.ranks.from_first(checkpoint.newest(job.folder, job.digests) if job.ranks.first else 0)


@torch.no_grad()
def restore_weights(job: Job, step: int) -> State:
    state = checkpoint.load(job.folder, step, job.ranks.device)
    for name, parameter in job.forward.trainable.parameters.items():
        parameter.copy_(state.weights[name])
    return state


def restore(job: Job, course: Course, step: int) -> Mapping[str, Any]:
    state = restore_weights(job, step)
    checkpoint.restore_moments(course.optimizer, state.moments)
    return state.progress


def _publish_best(job: Job, standing: Standing) -> None:
    if job.ranks.first and standing.best_step is not None:
        publish_json(job.folder.best, {"step": standing.best_step, "eval_loss": standing.best_loss})


def _optimizer(job: Job) -> torch.optim.Optimizer:
    """Vectors (biases, norms) are not decayed."""
    training, parameters = job.recipe.train, job.parameters
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    kept = [group for group in groups if group["params"]]
    return torch.optim.AdamW(kept, lr=training.learning_rate, betas=training.betas, eps=training.eps, fused=True)
