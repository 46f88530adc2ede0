"""What the app costs before anybody trains: nothing of the trainer is imported by its opening."""

import subprocess
import sys
from pathlib import Path

from tests.kullm_command import environment
from tests.trainer.jobs.elsewhere import make_job, set_state

_OPENS = """
import asyncio, sys
from kullm_tui.ui.app import KullmApp

async def opened():
    app = KullmApp()
    async with app.run_test() as pilot:
        await pilot.pause()
        print("at first", any(name.partition(".")[0] == "trainer" for name in sys.modules))
        while sys.argv[1:] and not ("trainings" in vars(app) and app.trainings.is_known):
            await asyncio.sleep(0.02)
        print("then", len(app.trainings.jobs) if sys.argv[1:] else "trainings" in vars(app))

asyncio.run(opened())
"""


def opens(home: Path, *until_known: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-P", "-c", _OPENS, *until_known],
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_an_app_without_a_training_imports_nothing_of_the_trainer(home: Path) -> None:
    assert opens(home) == ["at first False", "then False"]


def test_with_a_training_it_is_looked_at_after_the_app_has_opened(home: Path) -> None:
    set_state(make_job(home), "SUCCEEDED")
    assert opens(home, "until known") == ["at first False", "then 1"]
