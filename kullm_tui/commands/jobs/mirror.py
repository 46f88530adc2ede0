"""`kullm jobs mirror`: a job's metrics to TensorBoard, trackio or W&B, whether it runs, ended long ago, or is on another machine."""

import argparse
import time
from dataclasses import replace
from subprocess import Popen

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.cli.reach import client_of
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from trainer.jobs.actions import client_for
from trainer.jobs.agent import states
from trainer.jobs.bring import brought_up_to_date
from trainer.jobs.overview import standing
from trainer.jobs.registry import KnownJob, known_job
from trainer.jobs.trackers.begin import begin_anew
from trainer.jobs.trackers.standing import Standing, standing_of, where_text
from trainer.jobs.trackers.wish import OPENING, names_in, wish

_POLL_SECONDS = 0.3


def mirror(args: argparse.Namespace) -> int:
    """0 where each has all that there is by now. What still goes on is fed on by itself; ctrl-c ends the watching alone."""
    names = names_in(args.to)
    job = known_job(args.job)
    narration = Narration()
    job = brought_up_to_date(job, client_for(job, client_of), narration.note)
    wish(job.directory, names)
    begun = [(name, time.time(), begin_anew(job.directory, name)) for name in names]
    found = [_come(job, *each, narration) for each in begun]
    narration.clear()
    if args.json:
        print(terminal_safe_json({one.name: one.row() for one in found}))
        return int(any(map(_is_bad, found)))
    for one in found:
        narration.note(f"{one.name}: {one.text}")
        if not _is_bad(one):
            print(terminal_safe(where_text(one, job.directory)))
    return int(any(map(_is_bad, found)))


def _is_bad(one: Standing) -> bool:
    return one.failed or one.hangs


def _come(job: KnownJob, name: str, asked: float, process: "Popen[bytes] | None", narration: Narration) -> Standing:
    """Once it is done with the job, has rows of one that goes on, failed, or says nothing any more."""
    while True:
        over = process is not None and process.poll() is not None
        one = standing_of(job.directory, name)
        if one.beat < asked and process is not None:  # what stands there is of the one before
            if over:
                return replace(one, gone=True)
            one = replace(one, state=OPENING, beat=asked, gone=False)
        elif over or one.failed or (one.rows and _goes_on(job)):
            return one
        if one.hangs:
            return one
        narration.progress(f"{name} … {one.rows:,}")
        time.sleep(_POLL_SECONDS)


def _goes_on(job: KnownJob) -> bool:
    return not states.is_terminal(dict(standing(job.again()).state))
