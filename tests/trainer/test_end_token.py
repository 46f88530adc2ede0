"""The token that ends a reply also pads, and the model learns it all the same: it stops by itself."""

import json
import random
from dataclasses import replace
from pathlib import Path

from tests.trainer.examples import END, Row, Rows, a_recipe, a_run, tiny_base
from trainer.dataset.labels import labelling_of
from trainer.jobs.agent.files import rows as read_rows
from trainer.loop import train
from trainer.recipe import Method
from trainer.samples import greedy, sample_replies


def rows_with_replies(count: int = 6) -> Rows:
    dice = random.Random(3)
    rows = []
    for _ in range(count):
        prompt = [dice.randrange(3, 384) for _ in range(6)]
        reply = [dice.randrange(3, 384) for _ in range(dice.randint(2, 6))] + [END]
        rows.append(Row((*prompt, *reply), (False,) * 6 + (True,) * len(reply)))
    return Rows(tuple(rows))


def test_after_a_short_run_replies_end_by_themselves(tmp_path: Path) -> None:
    base, rows = tiny_base(tmp_path / "base"), rows_with_replies()
    assert json.loads((base / "config.json").read_text())["pad_token_id"] == END
    recipe = a_recipe(base, method=Method(kind="full"), epochs=60, learning_rate=3e-3, batch=6)
    run = a_run(recipe, tmp_path / "run", rows=rows)
    trainable = run.forward.trainable
    prompts = [row.ids[:6] for row in rows.rows]
    before = [greedy(trainable, prompt, [END], most=40) for prompt in prompts]
    assert any(reply[-1] != END for reply in before)
    train(run)
    after = [greedy(trainable, prompt, [END], most=40) for prompt in prompts]
    assert [list(row.ids[6:]) for row in rows.rows] == after


def test_samples_are_asked_in_the_template_and_written_down(tmp_path: Path) -> None:
    base = tiny_base(tmp_path / "base")
    recipe = a_recipe(base, max_steps=2, eval_every=1, samples=("수도는 어디인가요?",))
    run = a_run(recipe, tmp_path / "run")
    how = labelling_of(recipe, base)
    run = replace(
        run,
        held_out=rows_with_replies(2),
        ask=lambda: sample_replies(run.forward.trainable, how, recipe.train.samples),
    )
    train(run)
    rows = list(read_rows(run.folder.samples))
    assert [row["step"] for row in rows] == [1, 2]
    assert all(row["prompt"] == "수도는 어디인가요?" and row["tokens"] > 0 for row in rows)
    evaluated = [row["eval_loss"] for row in read_rows(run.folder.metrics)]
    assert len(evaluated) == 2
