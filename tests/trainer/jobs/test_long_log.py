"""A trainer that talks without end, with nobody there to listen, or with somebody who stopped listening."""

import subprocess
import sys

import pytest

from tests.trainer.jobs.here import Here
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.package import agent_file

_GIGABYTE = 1 << 30
_TALKS = f"""
line = b"x" * 1023 + b"\\n"
for piece in range({_GIGABYTE >> 20}):
    os.write(1, line * 1024)
row(1)
while not (job / "go").exists(): time.sleep(0.02)
print("the last word")
sys.exit(1)
"""


@pytest.mark.fault("1 GB of log, nobody attached")
@pytest.mark.parametrize("listening", [False, True])
def test_a_gigabyte_of_log_blocks_nobody(here: Here, listening: bool) -> None:
    """Who listens has asked for all of it, and reads none: it waits by itself."""
    job = here.job()
    listener = _listener(here, job.directory.path) if listening else None
    job.start(path=here.program(_TALKS))
    job.reaches(1)
    assert job.directory.log(1).stat().st_size == _GIGABYTE
    if listener:
        assert listener.poll() is None
        listener.kill()
        listener.communicate()
    (job.directory.path / "go").touch()
    ended = job.ends()
    assert (ended["state"], ended["rc"], ended["message"]) == (states.FAILED, 1, "the last word")
    job.directory.log(1).unlink()


def _listener(here: Here, place: object) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-I", "-S", str(agent_file(here.root / "agent")), "follow", str(place)]
    listener = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert listener.stdin
    listener.stdin.write(b'{"want": {"logs/attempt-1.log": {"gen": "", "off": 0}}}\n')
    listener.stdin.flush()
    return listener
