"""A job as a run of W&B: offline into the job's own folder, or online.

W&B's own step is the number of the row, which only rises, and the training's step is a value that every chart is drawn over. So a repeated
stretch is not refused, a row that is given twice is taken once, and online a run that was left is gone on with behind its last row.
"""

import os
import shutil
from pathlib import Path
from typing import Any

from kullm_tui.core.config.keys import get_key
from trainer.jobs.trackers.updates import Update

KEY = "WANDB_API_KEY"
_COLUMNS = ("prompt", "reply", "tokens", "ended")


class WandbWriter:
    def __init__(
        self, project: str, folder: Path, job: str, spec: dict[str, Any], parameters: dict[str, Any], *, online: bool
    ) -> None:
        if online:
            key = get_key(KEY)
            if key:
                os.environ[KEY] = key
        else:
            os.environ.pop(KEY, None)
            shutil.rmtree(folder, ignore_errors=True)  # it is made again from the first row: one folder holds all
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        import wandb

        entity, _, name = project.rpartition("/")
        self._table = wandb.Table
        self._run = wandb.init(
            project=name,
            entity=entity or None,
            id=job.lower(),
            name=str(spec.get("name") or job),
            config=parameters,
            resume="allow" if online else None,
            dir=str(folder),
            settings=_settings(wandb, online=online),
        )
        self.rows = int(self._run.step) if self._run.resumed else 0
        self._run.define_metric("step", hidden=True)
        self._run.define_metric("*", step_metric="step")

    def write(self, update: Update) -> None:
        row: dict[str, Any] = {"step": update.step, "time": update.time, **update.values}
        if update.samples:
            rows = [[sample.get(name) for name in _COLUMNS] for sample in update.samples]
            row["samples"] = self._table(columns=list(_COLUMNS), data=rows)
        self._run.log(row, step=update.number)

    def flush(self) -> None:
        """It sends by itself."""

    def close(self) -> None:
        self._run.finish()


def _settings(wandb: Any, *, online: bool) -> Any:
    """The numbers go there and nothing else: no code, no console, nothing of this computer, no reports of W&B's own errors."""
    return wandb.Settings(
        mode="online" if online else "offline",
        console="off",
        silent=True,
        disable_code=True,
        disable_git=True,
        save_code=False,
        x_disable_meta=True,
        x_disable_stats=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
