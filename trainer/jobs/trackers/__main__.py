"""`python -P -m trainer.jobs.trackers DIRECTORY NAME`: what `begin.py` starts beside a job."""

import sys
from pathlib import Path

from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.trackers.feed import feed

if __name__ == "__main__":
    sys.exit(feed(JobDirectory(Path(sys.argv[1])), sys.argv[2]))
