"""A job as a run of TensorBoard: a folder with one event file, which is written from the job's first row on whenever this begins again."""

import time
from pathlib import Path
from typing import Any

from trainer.jobs.trackers import event_file
from trainer.jobs.trackers.texts import recipe_text, run_name, sample_text
from trainer.jobs.trackers.updates import Update


class TensorBoardWriter:
    rows = 0  # what lies in a file of ours is made again, which is quick and leaves nothing doubled

    def __init__(self, folder: str, job: str, spec: dict[str, Any], parameters: dict[str, Any]) -> None:
        run = Path(folder) / run_name(job, spec)
        run.mkdir(parents=True, exist_ok=True)
        for earlier in run.glob("*.tfevents.*.kullm"):
            earlier.unlink()
        now = time.time()
        self._file = (run / f"events.out.tfevents.{time.time_ns()}.kullm").open("wb")
        self._put(event_file.version(now))
        self._put(event_file.hyper_parameters(now, parameters))
        self._put(event_file.texts(now, 0, {"recipe": recipe_text(parameters)}))

    def write(self, update: Update) -> None:
        if update.goes_back:
            self._put(event_file.restart(update.time, update.step))
        self._put(event_file.scalars(update.time, update.step, update.values))
        if update.samples:
            found = {f"samples/{at}": sample_text(sample) for at, sample in enumerate(update.samples, start=1)}
            self._put(event_file.texts(update.time, update.step, found))

    def _put(self, event: bytes) -> None:
        self._file.write(event_file.record(event))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()
