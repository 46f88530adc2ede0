"""The agent by itself: one file, the standard library, every Python from 3.8 on."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.jobs.here import Here, wait_until
from tests.trainer.jobs.here import here as here
from trainer.jobs.agent import states
from trainer.jobs.client import Client
from trainer.jobs.package import agent_file
from trainer.jobs.transports.local import LocalTransport

_VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
_MODULES = """
import json, runpy, sys
agent, root = sys.argv[1:3]
sys.argv[1:] = ["hello", root]
try:
    runpy.run_path(agent, run_name="__main__")
except SystemExit:
    pass
places = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
print("\\n" + json.dumps(places))
"""


def python_of(version: str) -> str:
    """Of that version: the one that runs this, one on PATH, or one beside it. Empty where there is none."""
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        return sys.executable
    beside = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    found = sorted(beside.glob(f"{version}.*/bin/python"))
    return str(found[-1]) if found else shutil.which(f"python{version}") or ""


class OtherPython(LocalTransport):
    """This machine, its agent run by another Python."""

    def __init__(self, python: str) -> None:
        self.python = python

    def _command(self, verb: str, *arguments: str) -> list[str]:
        return [self.python, *super()._command(verb, *arguments)[1:]]


@pytest.mark.fault("an old python, and nothing but its standard library")
@pytest.mark.parametrize("version", [version for version in _VERSIONS if python_of(version)])
def test_a_job_runs_under_the_agent_of_every_python_that_is_here(here: Here, version: str) -> None:
    python = python_of(version)
    client = Client("", OtherPython(python))
    assert client.hello()["python"][:2] == [int(part) for part in version.split(".")]
    job = Here(here.root, client).job()
    text = "row(1)\nif attempt == 1: sys.exit('NCCL error')\nwhile not (job / 'go').exists(): time.sleep(0.02)"
    job.start(path=here.program(text), queue=True)
    wait_until(lambda: job.state.get("attempt") == 2 and job.state["state"] == states.RUNNING, job.told)
    assert Path(f"/proc/{job.supervisor()}/exe").resolve() == Path(python).resolve()
    client.cancel(job.id)
    assert job.ends()["state"] == states.CANCELLED, job.told()
    (job.directory.path / "go").touch()
    job.start(path=here.program(text))
    assert job.ends()["state"] == states.SUCCEEDED, job.told()
    client.remove(job.id)
    assert not job.directory.path.exists()
    log = subprocess.run([python, "-I", "-S", "-W", "error", agent_file(here.root / "agent"), "list", here.root], input=b"{}\n", capture_output=True, check=True)  # fmt: skip
    assert log.stderr == b""


@pytest.mark.fault("an old python, and nothing but its standard library")
def test_it_imports_nothing_but_itself_and_the_standard_library(tmp_path: Path) -> None:
    agent = agent_file(tmp_path)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _MODULES, agent, tmp_path], input=b"{}\n", capture_output=True, check=True
    )
    places: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    ours = {name for name, place in places.items() if place.startswith(str(agent))}
    assert {"trainer.jobs.agent.supervisor", "trainer.jobs.agent.slurm"} <= ours
    assert {name.partition(".")[0] for name in ours} <= {"trainer", "__main__", "<run_path>"}
    foreign = {name for name, place in places.items() if re.search(r"(site|dist)-packages", place)}
    assert foreign == set()
    assert {name.partition(".")[0] for name in places} - {"trainer", "__main__"} <= set(sys.stdlib_module_names)
