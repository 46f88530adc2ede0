"""What a run is made of, a `TrainingRun`, and where it is, a `RunState`, with its way to a checkpoint and back."""

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
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import publish
from trainer.jobs.directory import note
from trainer.model.forward import Forward
from trainer.objective import Likelihood, Objective
from trainer.optimizer import AdamW
from trainer.ranks import Ranks
from trainer.recipe import Recipe
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
class TrainingRun:
    recipe: Recipe
    folder: JobDirectory
    ranks: Ranks
    forward: Forward
    examples: ExampleSet
    held_out: ExampleSet | None = None
    objective: Objective = Likelihood()
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
class RunState:
    optimizer: torch.optim.Optimizer
    guard: Guard
    total: int
    micro_tokens: int
    step: int = 0
    standing: Standing = field(default_factory=Standing)
    seconds: float = 0.0  # a step, on the average
    planned: tuple[tuple[int, int], Sequence[Step]] | None = None


def begin(run: TrainingRun) -> RunState:
    """At the newest checkpoint that is whole, or at the start."""
    recipe = run.recipe
    guard = Guard(recipe.train.spike)
    total = total_steps(recipe.train, len(run.examples.lengths))
    state = RunState(_optimizer(run), guard, total, recipe.train.micro_tokens)
    step = newest_step(run)
    if step:
        progress = restore(run, state, step)
        state.step, state.micro_tokens = step, progress["micro_tokens"]
        state.guard, state.standing = Guard(**progress["guard"]), Standing(**progress["standing"])
        _publish_best(run, state.standing)  # a kill may have come before it
        run.note("resumed", step=step)
    return state


def save(run: TrainingRun, state: RunState) -> None:
    state.guard.saved()
    if not run.ranks.first or not state.step:
        return
    standing = state.standing
    progress = {"micro_tokens": state.micro_tokens, "guard": state.guard.state(), "standing": standing.state()}
    weights = {name: p.detach() for name, p in run.forward.trainable.parameters.items()}
    saved = State(weights, checkpoint.moments_of(state.optimizer), progress)
    checkpoint.save(run.folder, state.step, saved, run.digests)
    run.note("saved", step=state.step)
    _publish_best(run, standing)
    checkpoint.prune(run.folder, run.recipe.train.keep, standing.best_step)


def newest_step(run: TrainingRun) -> int:
    """The first rank looks, all go by what it found."""
    return run.ranks.from_first(checkpoint.newest(run.folder, run.digests) if run.ranks.first else 0)


@torch.no_grad()
def restore_weights(run: TrainingRun, step: int) -> State:
    saved = checkpoint.load(run.folder, step, run.ranks.device)
    for name, parameter in run.forward.trainable.parameters.items():
        parameter.copy_(saved.weights[name])
    return saved


def restore(run: TrainingRun, state: RunState, step: int) -> Mapping[str, Any]:
    saved = restore_weights(run, step)
    checkpoint.restore_moments(state.optimizer, saved.moments)
    return saved.progress


def _publish_best(run: TrainingRun, standing: Standing) -> None:
    if run.ranks.first and standing.best_step is not None:
        publish(run.folder.best, {"step": standing.best_step, "eval_loss": standing.best_loss})


def _optimizer(run: TrainingRun) -> torch.optim.Optimizer:
    """Vectors (biases, norms) are not decayed."""
    training, parameters = run.recipe.train, run.parameters
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": training.weight_decay},
        {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
    ]
    kept = [group for group in groups if group["params"]]
    return AdamW(kept, lr=training.learning_rate, betas=training.betas, eps=training.eps, fused=True)
