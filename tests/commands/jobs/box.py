"""`kullm jobs` run as a person runs it, where `box` is a machine elsewhere."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.kullm_command import environment

_SECONDS = 240.0
_COMMAND = (sys.executable, "-P", "-m", "tests.commands.jobs.kullm_with_box")


def begin(home: Path, *arguments: str, lang: str = "ko") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*_COMMAND, "jobs", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, KULLM_BOX=str(home / "box"), KULLM_LANG=lang),
        cwd=home,
        text=True,
    )


def jobs(home: Path, *arguments: str, lang: str = "ko") -> subprocess.CompletedProcess[str]:
    one = begin(home, *arguments, lang=lang)
    out, err = one.communicate(timeout=_SECONDS)
    return subprocess.CompletedProcess(arguments, one.returncode, out, err)


def listed(home: Path, *arguments: str) -> list[dict[str, Any]]:
    done = jobs(home, "list", "--json", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
