"""`python3 -I -S agent.pyz VERB PLACE`: the way in to everything that runs on a machine, for 3.8 and later without any package."""

from __future__ import annotations

import sys
from pathlib import Path

from trainer.jobs.agent import rpc
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.follow import follow
from trainer.jobs.agent.sampler import sample
from trainer.jobs.agent.supervisor import supervise


def main() -> int:
    verb, place = sys.argv[1], Path(sys.argv[2]).expanduser()
    if verb == "supervise":
        return supervise(JobDirectory(place))
    if verb == "sample":
        sample(JobDirectory(place))
    elif verb == "follow":
        follow(JobDirectory(place))
    elif verb in rpc.STREAMS:
        return rpc.answer_stream(verb, place)
    elif verb in rpc.VERBS:
        return rpc.answer(verb, place)
    else:
        return 64
    return 0
