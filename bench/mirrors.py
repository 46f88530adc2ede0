"""What it costs a training that its metrics go along to TensorBoard, trackio and W&B: seconds a step of the demo's training, alone and mirrored to all
three, one of which (W&B) is stopped as soon as it has begun.

    python -P bench/mirrors.py [--steps 120] [--repeat 3]

The two are trained by turns, since others may use the machine. The seconds are those between rows of the metrics, which the trainer itself
wrote: of all steps, beside the first of which the trackers are opened, and of the second half alone.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from kullm_tui.core.extras import require_tracker
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, rows
from trainer.jobs.trackers.standing import standings_of

sys.path.insert(0, str(Path(__file__).parent))  # after those: beside this file stands a trainer.py
from report import Report, Row, median  # noqa: E402

_COMMAND = (sys.executable, "-P", "-m", "kullm_tui", "train", "demo-kullm")
_ALL = "tensorboard,trackio,wandb"
_SECONDS = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    args = parser.parse_args()
    for package in ("trackio", "wandb"):
        require_tracker(package)
    report = Report("mirrors", {"steps": args.steps, "repeat": args.repeat}, args.out)
    pairs, told = list[tuple[JobDirectory, JobDirectory]](), ""
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
        for _ in range(args.repeat):
            alone = _trained(Path(folder), args.steps, "none")
            mirrored = _trained(Path(folder), args.steps, _ALL)
            told = _finished(mirrored)
            pairs.append((alone, mirrored))
        report.tell(trackers=told)
        report.add(
            [_row("a step, from the first on", pairs, 0), _row("a step of the second half", pairs, args.steps // 2)]
        )
    report.finish()
    sys.stdout.write(f"{told}\n")


def _row(name: str, pairs: Sequence[tuple[JobDirectory, JobDirectory]], skipped: int) -> Row:
    taken = [(_step_seconds(alone, skipped), _step_seconds(mirrored, skipped)) for alone, mirrored in pairs]
    ratios = [mirrored / alone for alone, mirrored in taken]
    text = f"{median([one for _, one in taken]):.3f} mirrored : {median([one for one, _ in taken]):.3f} alone"
    return Row(name, text, median(ratios), "", None, {"seconds": taken, "ratios": ratios, "load": os.getloadavg()})


def _trained(home: Path, steps: int, mirror: str) -> JobDirectory:
    """Ended. W&B's process is stopped once it is there."""
    settings = [
        f"train.max_steps={steps}",
        "train.minutes=0",
        "train.batch=16",
        "model.precision=fp32",
        "data.evaluate_limit=20",
    ]
    words = [word for setting in settings for word in ("--set", setting)]
    environment = {**os.environ, "KULLM_HOME": str(home), "TRACKIO_DIR": str(home / "trackio")}
    done = subprocess.run(
        [*_COMMAND, *words, "--yes", "--detach", "--mirror", mirror],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    job = JobDirectory(home / "jobs" / done.stdout.strip())
    deadline, stopped = time.monotonic() + _SECONDS, mirror == "none"
    while document(job.state).get("state") != "SUCCEEDED" and time.monotonic() < deadline:
        pid = document(job.tracker("wandb")).get("pid")
        if not stopped and pid:
            os.kill(pid, signal.SIGSTOP)
            stopped = True
        time.sleep(0.5)
    return job


def _step_seconds(job: JobDirectory, skipped: int) -> float:
    times = [float(row["time"]) for row in rows(job.metrics)][skipped:]
    return (times[-1] - times[0]) / (len(times) - 1)


def _finished(job: JobDirectory) -> str:
    """What became of the three; the stopped one is ended, so that nothing is left."""
    deadline = time.monotonic() + _SECONDS
    while sum(one.state == "DONE" for one in standings_of(job)) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
    found = ", ".join(f"{one.name} {one.state} {one.rows}" for one in standings_of(job))
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(document(job.tracker("wandb"))["pid"]), signal.SIGKILL)
    return found


if __name__ == "__main__":
    main()
