"""What every test stands on."""

import os
import signal
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from pathlib import Path

import pytest

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.processor import hold
from tests import chromium, processes

# A shell that runs a whole check in the background has its children ignore ctrl-c, and theirs; the tests send it on purpose.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# The whole suite runs on the path that KULLM_PROCESSOR forces; this file is read before any that imports torch.
try:
    hold()
except ConfigError as error:
    raise pytest.UsageError(str(error)) from error


# Rooms with files that take long, a minute some of them: begun last, they would keep one process at work while the others are done.
_LONG_FIRST = ("trainer", "guides", "weights", "data", "engine", "journeys", "ui", "evaluator", "commands")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay whole, and within a room as they were."""
    here = Path(__file__).parent
    place = {room: at for at, room in enumerate(_LONG_FIRST)}
    items.sort(key=lambda item: place.get(item.path.relative_to(here).parts[0], len(place)))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a fixture of the module would begin one."""
    if item.get_closest_marker("browser") and chromium.installed() is None:
        pytest.skip(f"no Chromium is on this machine ({', '.join(chromium.NAMES)})")


@pytest.fixture(scope="session", autouse=True)
def mark_of_all_tests() -> Iterator[str]:
    """What carries it alone goes on when a test ends: an engine that answers the next ones too."""
    with processes.ended_with(also_when_killed=True) as mark:
        resource_tracker.ensure_running()  # multiprocessing's own, one for all: it would complain of having been ended by the first that used it
        yield mark


@pytest.fixture(autouse=True)
def _ends_what_it_began() -> Iterator[None]:
    """Set up before everything else of the test, so what it began is ended after all that would end it more gently."""
    with processes.ended_with():
        yield


@pytest.fixture
def shared_file() -> Callable[[str], Path]:
    """A public data set that lies beside the project on some machines and is no part of it."""

    def find(name: str) -> Path:
        beside = Path(__file__).resolve().parents[2] / "shared" / "data"
        path = Path(os.environ.get("KULLM_SHARED_DATA") or beside) / name
        if not path.exists():
            pytest.skip(f"the public data set {name} is not on this machine")
        return path

    return find


@pytest.fixture(autouse=True)
def _as_root(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("root") and os.geteuid() != 0:
        pytest.skip("only root gives files to another user")
