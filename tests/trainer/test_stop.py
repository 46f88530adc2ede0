"""A stop within a step: at the next micro-batch, the begun step is thrown away, and who goes on ends with the very same weights."""

from pathlib import Path
from typing import Any

import pytest

from tests.trainer.examples import (
    Row,
    Rows,
    a_recipe,
    a_run,
    largest_difference,
    made_up_rows,
    tiny_base,
    trained_weights,
)
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method

METHOD = Method(kind="lora", rank=4, alpha=8.0, dropout=0.2)
TRAINING: dict[str, Any] = {"max_steps": 4, "micro_tokens": 40, "batch": 12, "method": METHOD}


class Asked:
    """True from the n-th time on that it is looked at."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base(tmp_path_factory.mktemp("stop") / "base")


class Watched:
    """Rows that know what was taken of them, and whether the run had been asked to stop by then."""

    def __init__(self, rows: Rows, asked: Asked) -> None:
        self._rows, self._asked = rows, asked
        self.lengths, self.digest = rows.lengths, rows.digest
        self.taken, self.taken_too_late = 0, 0

    def example(self, place: int, /) -> Row:
        self.taken += 1
        self.taken_too_late += self._asked.left < 0
        return self._rows.example(place)


@pytest.mark.parametrize("at", [1, 3, 4, 11, 19])
def test_a_stop_waits_for_one_micro_batch_and_resuming_changes_nothing(base: Path, tmp_path: Path, at: int) -> None:
    whole = a_run(a_recipe(base, **TRAINING), tmp_path / "whole")
    assert train(whole) == "done"
    each = len(whole.plan(whole.examples, 40)[0].ranks[0])
    assert each > 4, "a step of several micro-batches"
    asked = Asked(at)
    rows: Any = Watched(made_up_rows(), asked)
    stopped = a_run(a_recipe(base, **TRAINING), tmp_path / "run", rows=rows, stopping=asked)
    assert train(stopped) == "stopped"
    assert rows.taken_too_late == 0
    whole_steps = [row["step"] for row in read_rows(stopped.folder.metrics)]
    assert rows.taken > 12 * len(whole_steps) or at == 1, "stopped within a step"
    assert stopped.folder.checkpoint_steps() == whole_steps[-1:]
    resumed = a_run(a_recipe(base, **TRAINING), tmp_path / "run")
    assert train(resumed) == "done"
    weights = trained_weights(whole.forward.trainable), trained_weights(resumed.forward.trainable)
    assert largest_difference(*weights) == 0


def test_a_stop_before_the_first_step_leaves_no_checkpoint(base: Path, tmp_path: Path) -> None:
    run = a_run(a_recipe(base, **TRAINING), tmp_path / "run", stopping=Asked(2))
    assert train(run) == "stopped"
    assert run.folder.checkpoint_steps() == []
