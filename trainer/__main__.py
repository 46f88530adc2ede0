"""`python -P -m trainer RUN_FOLDER`, alone or under torchrun: trains what the folder's spec.json says, from its newest checkpoint.

Exit codes: 0 done, 1 failed (attempts/N/error.json says why), 130 stopped by ctrl-c or SIGTERM with a checkpoint saved. Tokens are made
before ranks meet, by whichever comes first; the others wait at a file's lock, where no collective can time out.
"""

import argparse
import json
import os
import sys
import time
import traceback
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from kullm_tui.core.processor import hold

hold()  # before torch, which looks at the processor when it is imported

import kullm_tui.weights  # noqa: F401, I001 - before anything of transformers and peft

import torch
from transformers.utils import logging as transformers_logging

from kullm_tui.core.errors import KullmError
from trainer.checkpoint import newest
from trainer.dataset.labels import labelling_of, template_of
from trainer.dataset.tokens import TokenSet, evaluation_set, tokenised
from trainer.estimate.tokens import lengths_of
from trainer.export import export
from trainer.interrupt import STOPPED, Interrupt
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import publish, turn
from trainer.jobs.directory import held, note, read_spec
from trainer.loop import train
from trainer.model.base import trainable_model
from trainer.model.forward import forward_of
from trainer.model.place import base_of
from trainer.model.recompute import layers_of, recompute
from trainer.objective import Likelihood
from trainer.preference import Preference
from trainer.ranks import Ranks, joined
from trainer.recipe import Recipe, recipe_from
from trainer.reference import with_reference
from trainer.run import TrainingRun, restore_weights
from trainer.samples import sample_replies
from trainer.side_by_side import workers_of
from trainer.utilisation import rate_of_cards, rate_of_processor, share_of_a_token

FAILED = 1


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m trainer", description="Train what a run folder's spec.json says.")
    parser.add_argument("run_folder", type=Path)
    folder = JobDirectory(parser.parse_args(arguments).run_folder.absolute())
    transformers_logging.disable_progress_bar()
    interrupt = Interrupt()
    attempt = _attempt(folder)
    sys.excepthook = partial(_record_crash, folder, attempt)
    try:
        return _run(folder, attempt, interrupt)
    except KullmError as error:
        _record(folder, attempt, type(error).__name__, str(error))
        print(error, file=sys.stderr, flush=True)
        return FAILED


def _run(folder: JobDirectory, attempt: int, interrupt: Interrupt) -> int:
    recipe = recipe_from(read_spec(folder)["recipe"])
    base = base_of(recipe)[1]
    with turn(folder.tokens_lock):
        sets = tokenised(recipe, base), evaluation_set(recipe, base)
    with ExitStack() as stack:
        ranks = stack.enter_context(joined())
        if ranks.first:
            stack.enter_context(held(folder))
            note(folder, "started", attempt=attempt, ranks=ranks.world, device=str(ranks.device))
        begun = _job(recipe, folder, ranks, sets, interrupt)
        run = with_reference(begun) if recipe.train.kind == "dpo" else begun
        if run is None or train(run) == "stopped":
            if ranks.first:
                note(folder, "stopped", attempt=attempt)
            return STOPPED
        if ranks.first:
            _leave_artifacts(run)
            note(folder, "done", attempt=attempt)
    return 0


def _job(
    recipe: Recipe, folder: JobDirectory, ranks: Ranks, sets: tuple[TokenSet, TokenSet | None], interrupt: Interrupt
) -> TrainingRun:
    examples, held_out = sets
    workers = workers_of(recipe, ranks.device, torch.get_num_threads())
    trainable = trainable_model(recipe, ranks.device)
    forward = forward_of(trainable, recipe.train.packing)
    recompute(trainable.model, recipe.train.recompute)
    if recipe.train.compile:
        for layer in layers_of(trainable.model):
            layer.compile(dynamic=True)
    base = base_of(recipe)[1]
    how = labelling_of(recipe, base)
    lengths = lengths_of(examples.lengths.tolist(), examples.facts.trained_tokens, examples.facts.pairs)
    return TrainingRun(
        recipe=recipe,
        folder=folder,
        ranks=ranks,
        forward=forward,
        examples=examples,
        held_out=held_out,
        objective=Preference(recipe.preference) if recipe.train.kind == "dpo" else Likelihood(),
        ask=lambda: sample_replies(trainable, how, recipe.train.samples),
        stopping=interrupt,
        workers=workers,
        mfu_of_a_token=share_of_a_token(recipe, base, lengths, _rate(recipe, ranks)),
    )


def _rate(recipe: Recipe, ranks: Ranks) -> float | None:
    """Operations a second of all ranks' devices."""
    if ranks.device.type == "cuda":
        return rate_of_cards(torch.cuda.get_device_name(ranks.device), ranks.world, recipe)
    return rate_of_processor(recipe)


def _leave_artifacts(run: TrainingRun) -> None:
    """Of the best evaluation, where there was one; else of the last step."""
    step = newest(run.folder, run.digests)
    if run.folder.best.is_file():
        step = json.loads(run.folder.best.read_text())["step"]
        restore_weights(run, step)
    template = template_of(run.recipe, base_of(run.recipe)[0].profile)
    base, data = str(read_spec(run.folder).get("base") or ""), run.examples.digest
    export(run.folder, run.recipe, run.forward.trainable, step=step, template=template, data=data, base=base)


def _attempt(folder: JobDirectory) -> int:
    """The launcher's number, or a new one; ranks beside the first go by what is there."""
    if "KULLM_ATTEMPT" in os.environ:
        return int(os.environ["KULLM_ATTEMPT"])
    return folder.begin_attempt() if os.environ.get("RANK", "0") == "0" else folder.last_attempt()


def _record(folder: JobDirectory, attempt: int, kind: str, message: str, **more: Any) -> None:
    """The first rank that fails is the cause; what the others say comes of it."""
    path = folder.error(attempt)
    if not path.exists():
        reason = {"kind": kind, "message": message, "rank": int(os.environ.get("RANK", "0")), "time": time.time()}
        publish(path, reason | more)


def _record_crash(folder: JobDirectory, attempt: int, kind: Any, error: Any, trace: Any) -> None:
    """What nobody expected, a lost GPU among it: the reason for the record, the traceback for the log."""
    lines = traceback.format_exception(kind, error, trace)
    _record(folder, attempt, kind.__name__, str(error), traceback="".join(lines))
    sys.__excepthook__(kind, error, trace)


if __name__ == "__main__":
    sys.exit(main())
