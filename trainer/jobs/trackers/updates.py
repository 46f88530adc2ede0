"""A job's metrics as a tracker takes them: row by row, in the order of the file, with the sample replies of the same step.

Rows are counted, and the count is the same whoever reads the file whenever: a tracker that was begun again goes on behind the row that it had.
After a resume steps come again; each row is given, and the first of such a stretch says that it goes back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.history import as_number, as_step
from trainer.jobs.tail import Tail


@dataclass(frozen=True)
class Update:
    number: int  # of the row, from 1
    step: int
    time: float  # on the clock of the machine that trained; 0 where the row does not say
    values: Mapping[str, float]  # NaN is one
    samples: tuple[Mapping[str, Any], ...] = ()
    goes_back: bool = False  # earlier rows of this step and of later ones belong to a stretch that was given up


@dataclass
class Updates:
    job: JobDirectory
    number: int = 0
    _most: int = 0  # after the file was begun anew: what was given of it before
    _step: int = -1
    _waiting: list[Mapping[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._rows, self._samples = Tail(self.job.metrics, 0), Tail(self.job.samples, 0)
        self._begun = 0

    def new(self) -> Iterator[Update]:
        """Those that have come since; samples stand in their file before the row of their step does."""
        for row in self._rows.rows():
            if self._rows.begun_anew > self._begun:  # the job went to another machine and took its history along
                self._begun, self._most, self.number = self._rows.begun_anew, max(self._most, self.number), 0
            step = as_step(row.get("step"))
            if step is None:
                continue
            self.number += 1
            goes_back, self._step = step <= self._step, step
            if self.number > self._most:
                yield Update(
                    self.number,
                    step,
                    as_number(row.get("time")) or 0.0,
                    dict(_values(row)),
                    tuple(self._samples_of(step)),
                    goes_back,
                )

    def _samples_of(self, step: int) -> Iterator[Mapping[str, Any]]:
        """Once for each prompt; what a killed attempt asked and never reported is passed over."""
        self._waiting += self._samples.rows()
        prompts = set()
        while self._waiting and (self._waiting[0].get("step") or 0) <= step:
            prompt = self._waiting[0].get("prompt")
            if self._waiting[0].get("step") == step and prompt in prompts:
                return
            sample = self._waiting.pop(0)
            if sample.get("step") == step:
                prompts.add(prompt)
                yield sample


def _values(row: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    for name, value in row.items():
        number = float(value) if isinstance(value, bool) else as_number(value)
        if number is not None and name not in ("step", "time"):
            yield name, number
