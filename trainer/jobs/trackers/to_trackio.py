"""A job as a run of trackio, in the database that trackio keeps on this computer."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from trainer.jobs.trackers.texts import run_name, sample_text
from trainer.jobs.trackers.updates import Update

_ELSEWHERE = (
    "TRACKIO_SPACE_ID",
    "TRACKIO_SERVER_URL",
)  # metrics leave this computer when that is asked for, and here nobody was


class TrackioWriter:
    """trackio only warns of what it could not write, so its rows are counted at the end."""

    def __init__(self, project: str, job: str, spec: dict[str, Any], parameters: dict[str, Any]) -> None:
        for elsewhere in _ELSEWHERE:
            os.environ.pop(elsewhere, None)
        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        name = run_name(job, spec)
        self._count: Callable[[], int] = partial(SQLiteStorage.get_log_count, project, name)
        self.rows = self._count()
        self._given = self.rows
        self._markdown = trackio.Markdown
        self._run = trackio.init(
            project=project,
            name=name,
            config=parameters,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def write(self, update: Update) -> None:
        values: dict[str, Any] = {**update.values, "wall_time": update.time}
        if update.samples:
            values["samples"] = self._markdown("\n\n---\n\n".join(map(sample_text, update.samples)))
        self._run.log(values, step=update.step)
        self._given += 1

    def flush(self) -> None:
        """It writes by itself, twice a second."""

    def close(self) -> None:
        self._run.finish()
        found = self._count()
        if found < self._given:
            raise KullmError(
                say(
                    f"trackio에 {self._given}줄 가운데 {found}줄만 남았어요",
                    f"only {found} of {self._given} rows are in trackio",
                )
            )
