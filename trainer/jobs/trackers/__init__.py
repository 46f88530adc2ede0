"""Where a job's metrics go along: TensorBoard, trackio, W&B. The job's directory is what counts; a process beside the training reads it and
feeds one of them, so that one that hangs, fails or is not installed costs the training nothing."""

from typing import Protocol

from trainer.jobs.trackers.updates import Update


class Writer(Protocol):
    """One job at one of them, open."""

    @property
    def rows(self) -> int:
        """How many of the job's rows it had when it was opened; those are not given again."""
        ...

    def write(self, update: Update) -> None: ...

    def flush(self) -> None:
        """What was given is seen by whoever looks."""
        ...

    def close(self) -> None:
        """All of it is there. An error where it is not."""
        ...
