"""`kullm paper` killed with -9: alone, or with the command of its stage and all that this began here."""

import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import psutil

from tests.kullm_command import start

_SHORTEST_LIFE = 0.5


def kill_at_random(home: Path, command: Sequence[str], *, kills: int, longest: float) -> str:
    """Begun so many times, each killed after at most `longest` seconds. The seed, for whoever wants to see it again, and how many it hit:
    what was done before its time had come is not begun again."""
    seed = random.SystemRandom().randrange(10**6)
    chance = random.Random(seed)
    hit = 0
    for number in range(kills):
        running = start(home, *command)
        lives(running, chance.uniform(_SHORTEST_LIFE, longest))
        done = running.poll() is not None
        kill(running, with_what_it_began=number % 2 == 1)
        if done:
            break
        hit += 1
    assert hit, f"seed {seed}: nothing was killed"
    return f"seed {seed}, {hit} of {kills} kills hit"


def lives(running: "Popen[bytes]", seconds: float) -> None:
    end = time.monotonic() + seconds
    while running.poll() is None and time.monotonic() < end:
        time.sleep(0.05)


def kill(running: "Popen[bytes]", *, with_what_it_began: bool) -> None:
    below: list[psutil.Process] = []
    with suppress(psutil.NoSuchProcess):
        below = psutil.Process(running.pid).children(recursive=True) if with_what_it_began else []
    running.kill()
    for one in below:
        with suppress(psutil.NoSuchProcess):
            one.send_signal(signal.SIGKILL)
    running.communicate()
