"""Ten finished jobs with 100,000 metric lines each: how long the list and a plot take, from the command to its end.

    python -P bench/jobs.py [--jobs 10] [--lines 100000] [--repeat 5]

The jobs are made in a temporary home; each repetition runs `kullm --version`, the list and the plot one after another. Beside the
time that passed stands the processor's own, which others on the machine do not change.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainer.jobs.agent.directory import SCHEMA, JobDirectory
from trainer.jobs.agent.files import private_dir, publish
from trainer.jobs.registry import new_id

sys.path.insert(0, str(Path(__file__).parent))  # after those: beside this file stands a trainer.py
from report import Report, Row, median  # noqa: E402

_COMMAND = (sys.executable, "-P", "-m", "kullm_tui")
_WORK: Mapping[str, tuple[Sequence[str], float | None]] = {
    "kullm --version": (("--version",), None),
    "kullm jobs list": (("jobs", "list", "--json"), 0.5),
    "kullm jobs plot, one job": (("jobs", "plot", "job-3"), 1.0),
    "kullm jobs plot, three over each other": (("jobs", "plot", "job-3", "job-4", "job-5"), None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    args = parser.parse_args()
    report = Report("jobs", {"jobs": args.jobs, "lines": args.lines, "repeat": args.repeat}, args.out)
    with tempfile.TemporaryDirectory(prefix="kullm-bench-") as folder:
        home = Path(folder)
        for number in range(args.jobs):
            make(home, f"job-{number}", args.lines)
        taken = [{name: _timed(home, words) for name, (words, _) in _WORK.items()} for _ in range(args.repeat)]
    for name, (_, most) in _WORK.items():
        report.add([_row(name, [one[name] for one in taken], most)])
    report.finish()


def _row(name: str, taken: Sequence[tuple[float, float]], most: float | None) -> Row:
    passed, worked = ([one[place] for one in taken] for place in (0, 1))
    told = f"{median(passed):.2f} s, {median(worked):.2f} of work"
    ratio = median(passed) / most if most else None
    met = None if most is None else median(passed) <= most
    raw = {"seconds": passed, "processor_seconds": worked, "load": os.getloadavg()}
    return Row(name, told, ratio, f"≤ {most} s" if most else "", met, raw)


def _timed(home: Path, words: Sequence[str]) -> tuple[float, float]:
    environment = {**os.environ, "KULLM_HOME": str(home), "COLUMNS": "120", "LINES": "40"}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*_COMMAND, *words], env=environment, stdout=subprocess.DEVNULL, check=True)
    passed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def make(home: Path, name: str, lines: int) -> None:
    """As the trainer writes them; the loss falls and is noisy."""
    job, dice = JobDirectory(private_dir(home / "jobs" / new_id())), random.Random(name)
    publish(job.spec, {"schema": SCHEMA, "name": name, "recipe": {"name": "bench"}})
    with job.metrics.open("w") as file:
        for step in range(1, lines + 1):
            loss = 2 + 6 / (1 + step / 2000) + dice.gauss(0, 0.2)
            row = {"step": step, "epoch": step / lines, "loss": loss, "lr": 3e-4, "grad_norm": dice.random()}
            row |= {
                "tokens": 4096,
                "skipped": False,
                "tokens_per_s": 812.5,
                "steps": lines,
                "eta_s": 0.5 * (lines - step),
            }
            file.write(json.dumps({**row, "memory_bytes": 61_203_283_968, "time": 1.7e9 + step}) + "\n")
    publish(job.state, {"state": "SUCCEEDED", "start": 1, "attempt": 1})


if __name__ == "__main__":
    main()
