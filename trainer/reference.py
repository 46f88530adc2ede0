"""What the weights that a preference tuning starts from say of each reply: computed once, before the first step, and kept by content.

    cache/reference/KEY.npy     float64, [examples, 2]: the chosen reply's log-probability and the rejected one's

KEY is the hash of all that decides the numbers: tokenised set, base, starting adapter, precision and device. So there is one model in memory,
no second adapter and one forward less a step; and the reference is the adapter that training starts from, not the base below it. Each rank
computes a part. Whoever goes on with a run finds them, or computes the same from the same start.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kullm_tui.core.files import publish_bytes
from kullm_tui.core.paths import cache_dir, private_dir
from kullm_tui.weights.cache import fingerprint
from kullm_tui.weights.files import open_checkpoint
from trainer.dataset.packing import MicroBatch
from trainer.model.place import base_of
from trainer.preference import ComparedExample
from trainer.run import ExampleSet, TrainingRun

_FORM = 1
_MOST_KEPT = 64


@dataclass(frozen=True)
class ComparedSet:
    """A set of pairs whose examples know their reference. Its digest says which adapter that is, too."""

    examples: ExampleSet
    values: Any
    start: str = ""

    @property
    def lengths(self) -> Any:
        return self.examples.lengths

    @property
    def digest(self) -> str:
        return f"{self.examples.digest}-{self.start[:16]}" if self.start else self.examples.digest

    def example(self, place: int, /) -> ComparedExample:
        example: Any = self.examples.example(place)
        reference = tuple(self.values[place].tolist())
        return ComparedExample(example.ids, example.trained, example.rejected_at, reference)


def with_reference(run: TrainingRun) -> TrainingRun | None:
    """The same run over sets that know their reference; its weights must be those that it starts from. None where it is to stop."""
    found = []
    for examples in (run.examples, run.held_out):
        compared = None if examples is None else _compared(run, examples)
        if examples is not None and compared is None:
            return None
        found.append(compared)
    training, held_out = found
    assert training is not None
    return replace(run, examples=training, held_out=held_out)


def _compared(run: TrainingRun, examples: ExampleSet) -> ComparedSet | None:
    start = _digest_of_weights(run) if run.recipe.model.adapter else ""
    place = private_dir(cache_dir() / "reference") / f"{_key(run, examples, start)}.npy"
    shape = (len(examples.lengths), 2)
    known = _read(place, shape) if run.ranks.first else None
    if run.ranks.from_first(known is not None):
        mine = np.zeros(shape) if known is None else known
    else:
        run.note("reference", examples=len(examples.lengths))
        computed = _computed(run, examples)
        if run.ranks.sums(computed is None)[0]:
            return None
        assert computed is not None
        mine = computed
    values = np.array(run.ranks.sums(*mine.reshape(-1).tolist())).reshape(shape)
    if run.ranks.first and known is None:
        _keep(place, values)
    return ComparedSet(examples, values, start)


def _computed(run: TrainingRun, examples: ExampleSet) -> Any | None:
    """This rank's part, zeros elsewhere; None where the run is to stop."""
    found = np.zeros((len(examples.lengths), 2))
    (whole,) = run.plan(examples, run.recipe.train.micro_tokens, batch=len(examples.lengths))
    planned = whole.ranks[run.ranks.rank]
    with run.forward.trainable.evaluating(), run.forward.attending():
        for places, values in zip(
            planned, run.workers.map(lambda each: _said(run, examples, each), planned), strict=True
        ):
            if values is None:
                return None
            for place, told in zip(places, values, strict=True):
                found[place, : len(told)] = told
    return found


@torch.no_grad()  # of this thread: workers are others
def _said(run: TrainingRun, examples: ExampleSet, places: MicroBatch) -> list[Sequence[float]] | None:
    if run.stopping():
        return None
    unjudged = ComparedSet(examples, np.zeros((len(examples.lengths), 2)))
    documents = [unjudged.example(place).documents for place in places]
    batch = run.forward.batch([one for both in documents for one in both])
    said = iter(run.forward.log_probabilities(batch).tolist())
    return [[next(said) for _ in both] for both in documents]


def _key(run: TrainingRun, examples: ExampleSet, start: str) -> str:
    trainable = run.forward.trainable
    parts = {
        "form": _FORM,
        "examples": examples.digest,
        "base": fingerprint(open_checkpoint(base_of(run.recipe)[1])),
        "start": start,
        "precision": run.recipe.model.precision,
        "device": trainable.device.type,
        "autocast": trainable.autocast,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _digest_of_weights(run: TrainingRun) -> str:
    digest = hashlib.sha256()
    for name, parameter in sorted(run.forward.trainable.parameters.items()):
        digest.update(f"{name} {tuple(parameter.shape)}\n".encode())
        digest.update(parameter.detach().float().cpu().numpy().tobytes())
    return digest.hexdigest()


def _read(place: Path, shape: tuple[int, int]) -> Any | None:
    try:
        values = np.load(place, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return values if values.shape == shape and values.dtype == np.float64 else None


def _keep(place: Path, values: Any) -> None:
    """Those used longest ago go; whoever needs one again computes it."""
    file = io.BytesIO()
    np.save(file, values)
    publish_bytes(place, file.getvalue(), mode=0o600)
    others = sorted(place.parent.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in others[_MOST_KEPT:]:
        with suppress(OSError):
            old.unlink()
