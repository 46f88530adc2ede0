"""The real app with one job's page on a screen of its own, over job directories that the real writers of such files wrote."""

import math
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.app import ComposeResult
from textual.screen import Screen

from kullm_tui.core.config.settings import Config
from kullm_tui.ui.app import KullmApp
from kullm_tui.ui.train.page.job_page import JobPage
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.status_line import StatusLine
from tests.trainer.jobs.elsewhere import make_job, set_state
from tests.ui.driving import Driven
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import append, private_dir, publish
from trainer.jobs.registry import put_down

STEPS = 400
BEGAN = 1_760_000_000.0  # on the machine's clock
RECIPE: dict[str, Any] = {"name": "tiny", "train": {"learning_rate": 3e-4, "batch": 128}, "adapter": {"rank": 8}}


class PageScreen(Screen[None]):
    def compose(self) -> ComposeResult:
        assert isinstance(self.app, KullmApp)
        yield StatusLine(self.app.status, "학습")
        yield JobPage(id="page")
        yield KeyBar()


class Paging(Driven):
    @property
    def page(self) -> JobPage:
        return self.app.screen.query_one(JobPage)

    async def opens(self, job: JobDirectory | None) -> None:
        self.page.show(job.id if job else None)
        await self.until(lambda: job is None or ((look := self.page.watching.look) and not look.more))
        self.page.focus_view()
        await self.pilot.pause()


@asynccontextmanager
async def paging(job: JobDirectory | None, *, size: tuple[int, int] = (95, 40)) -> AsyncIterator[Paging]:
    app = KullmApp(config=Config())
    async with app.run_test(size=size, notifications=True) as pilot:
        await app.push_screen(PageScreen())
        one = Paging(app, pilot)
        await one.until(lambda: app.screen.query(JobPage))
        await one.opens(job)
        yield one


# -- jobs ----------------------------------------------------------------------------------------------------------------


def row_of(step: int, dice: random.Random, steps: int = STEPS) -> dict[str, Any]:
    """As the trainer reports a step."""
    loss = 2 + 3 / (1 + step / 60) + dice.gauss(0, 0.08)
    return {
        "step": step,
        "epoch": round(step / steps, 4),
        "loss": loss,
        "lr": 3e-4 * min(1.0, step / 40),
        "grad_norm": 0.8 + dice.random() / 3,
        "tokens": 4096,
        "skipped": False,
        "tokens_per_s": 8100 + dice.gauss(0, 90),
        "steps": steps,
        "eta_s": 9.5 * (steps - step),
        "mfu": 0.41 + dice.gauss(0, 0.01),
        "memory_bytes": 61_203_283_968 if step > 30 else 52_000_000_000,
        "time": BEGAN + 9.5 * step,
    }


def written_job(
    root: Path, name: str = "kullm-v2-again", *, done: int = 260, machine: str = "", **recipe: Any
) -> JobDirectory:
    """Of a run that had its troubles: a step skipped, a leap, a card that another shares."""
    spec = {
        "name": name,
        "recipe": {**RECIPE, **recipe},
        "predicted": {
            "memory_bytes": 58e9,
            "seconds": 3500.0,
            "seconds_are": "assumed",
            "steps": STEPS,
            "machine": "1xA100-80GB",
        },
        "machine": {"name": machine, "hardware": "1xA100-80GB", "price_per_hour": 2.5},
    }
    job, dice = make_job(root, spec), random.Random(name)
    if machine:
        put_down(job, machine=machine, heard=time.time())
    append(job.events, {"event": "starting", "time": BEGAN})
    for step in range(1, done + 1):
        row = row_of(step, dice)
        if step % 50 == 0:
            row["eval_loss"] = row["loss"] + 0.2
            _answer(job, step)
        if step == 120:
            row |= {"loss": math.nan, "skipped": True}
            append(
                job.events,
                {"event": "step skipped", "step": 120, "loss": "nan", "grad_norm": "nan", "time": row["time"]},
            )
        if step == 200:
            row["loss"] = 14.5
        append(job.metrics, row)
    append(job.events, {"event": "disk low", "free": 9.1e9, "time": BEGAN + 9.5 * 230})
    for moment in range(90):
        cards = [card(0, moment), card(1, moment + 20)]
        host = {"use": 20 + moment % 60, "mib": 94_000, "of": 515_000, "swap": 1200, "in": 41_000, "out": 8_200_000}
        append(job.gpu, {"time": BEGAN + 2 * moment, "cards": cards, "host": host})
    _write_log(job, done)
    return job


def _answer(job: JobDirectory, step: int) -> None:
    capital = "대한민국의 수도는 서울입니다." if step > 100 else "대한민국의 수도는 부산이다"
    for prompt, reply in (
        ("대한민국의 수도는 어디인가요?", capital),
        ("3 더하기 4는?", "7입니다." if step > 150 else "3 4"),
    ):
        append(job.samples, {"step": step, "prompt": prompt, "reply": reply, "tokens": 7, "ended": step > 100})


def card(index: int, moment: int) -> dict[str, Any]:
    who = [["kim", 4711, 2100]] if index else [["ju", 1234, 61_000]]
    use = int(60 + 38 * math.sin(moment / 9))
    return {
        "card": index,
        "use": use,
        "mib": who[0][2],
        "of": 81_920,
        "watts": 287.4,
        "celsius": 88 - 20 * index,
        "who": who,
    }


def _write_log(job: JobDirectory, done: int) -> None:
    log = job.log(1)
    private_dir(log.parent)
    lines = [f"step {step} loss {2 + 3 / step:.4f}" for step in range(1, done + 1)]
    lines[120:120] = [
        "Traceback (most recent call last):",
        '  File "x.py", line 1',
        "ValueError: a loss that is no number",
    ]
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")


def ended(job: JobDirectory, state: str = "SUCCEEDED", **facts: Any) -> JobDirectory:
    set_state(job, state, **facts)
    return job


def best(job: JobDirectory, step: int, loss: float) -> None:
    private_dir(job.checkpoints)
    publish(job.best, {"step": step, "eval_loss": loss})
