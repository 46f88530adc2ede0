"""What of a job that was lost goes to its next machine."""

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.store import sha256
from trainer.jobs.payload import Tree, TreeFile


def past_of(job: JobDirectory) -> Tree:
    """Its newest checkpoint that is here, and its history."""
    steps = job.complete_steps()
    kept = sorted(job.checkpoint(steps[0]).iterdir()) if steps else []
    history = [path for path in (job.metrics, job.samples, job.events) if path.is_file()]
    files = (
        TreeFile(str(path.relative_to(job.path)), path, path.stat().st_size, sha256(path)) for path in (*kept, *history)
    )
    return Tree("past", tuple(files))
