"""A job elsewhere, followed: whatever breaks on the way, its files here are those there, byte by byte."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.trainer.jobs.elsewhere import FaultyTransport, add_rows, make_job, running, same, set_state, wait_for
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import document, private_dir
from trainer.jobs.mirror import Mirror, Patience
from trainer.jobs.registry import known_in, put_down

_HASTY = Patience(silent=4.0, ping=0.5, pause=0.05, longest_pause=0.2, lost=0.5)
_CLIENT = """
import sys
from pathlib import Path
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.mirror import Mirror
from trainer.jobs.transports.local import LocalTransport
Mirror(JobDirectory(Path(sys.argv[1])), LocalTransport(Path(sys.argv[2])), sys.argv[3]).follow()
"""


@pytest.fixture
def there(tmp_path: Path) -> JobDirectory:
    return make_job(tmp_path / "there")


@pytest.fixture
def way(tmp_path: Path) -> FaultyTransport:
    return FaultyTransport(tmp_path / "there")


def _here(tmp_path: Path, there: JobDirectory, name: str = "here") -> JobDirectory:
    job = JobDirectory(private_dir(tmp_path / name / there.id))
    put_down(job, machine="box")
    return job


@contextmanager
def _followed(mirror: Mirror) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=mirror.follow)
    thread.start()
    try:
        yield thread
    finally:
        mirror.stopping.set()
        thread.join()


def _client(here: JobDirectory, there: JobDirectory) -> "subprocess.Popen[bytes]":
    root = there.path.parent.parent
    return subprocess.Popen([sys.executable, "-P", "-c", _CLIENT, str(here.path), str(root), str(there.path)])


@pytest.mark.fault("quit, SIGKILL of the app, a second client")
def test_two_clients_of_which_one_is_killed_again_and_again_have_byte_equal_files(
    tmp_path: Path, there: JobDirectory
) -> None:
    one, other = _here(tmp_path, there, "one"), _here(tmp_path, there, "other")
    private_dir(there.log(1).parent)
    with running(there):
        clients = [_client(one, there), _client(other, there)]
        for part in range(6):
            add_rows(there, range(500 * part + 1, 500 * part + 501))
            with there.log(1).open("ab") as log:
                log.write(("한 줄\n" * 2000 + "반 줄").encode())
            before = other.metrics.stat().st_size if other.metrics.exists() else 0
            wait_for(lambda before=before: other.metrics.exists() and other.metrics.stat().st_size > before)  # type: ignore[misc]
            clients[1].kill()
            clients[1].wait()
            clients[1] = _client(other, there)
        set_state(there, "SUCCEEDED")
        for client in clients:
            assert client.wait(240) == 0
    for mirror in (one, other):
        assert same(mirror.metrics, there.metrics)
        assert same(mirror.log(1), there.log(1))
        assert document(mirror.state) == document(there.state)


@pytest.mark.fault("reset or black hole while following")
def test_a_black_hole_makes_the_link_stale_and_leaves_the_job_running(
    tmp_path: Path, there: JobDirectory, way: FaultyTransport
) -> None:
    here = _here(tmp_path, there)
    add_rows(there, range(1, 1000))
    mirror = Mirror(here, way, str(there.path), _HASTY)
    with running(there), _followed(mirror) as thread:
        wait_for(lambda: same(here.metrics, there.metrics))
        way.hole()
        add_rows(there, range(1000, 2000))
        wait_for(lambda: len(way.streams) > 1)
        assert mirror.reason == "silent"
        wait_for(lambda: same(here.metrics, there.metrics))
        assert document(here.state)["state"] == "RUNNING"
        set_state(there, "SUCCEEDED")
        thread.join(120)
        assert not thread.is_alive()
    assert same(here.metrics, there.metrics)


@pytest.mark.fault("reset or black hole while following")
def test_resets_while_rows_come_lose_none_and_double_none(
    tmp_path: Path, there: JobDirectory, way: FaultyTransport
) -> None:
    here = _here(tmp_path, there)
    with running(there), _followed(Mirror(here, way, str(there.path), _HASTY)) as thread:
        for part in range(8):
            add_rows(there, range(2000 * part + 1, 2000 * part + 2001))
            wait_for(lambda part=part: len(way.streams) > part)  # type: ignore[misc]
            way.cut()
        set_state(there, "FAILED", reason="exit")
        thread.join(120)
        assert not thread.is_alive()
    assert same(here.metrics, there.metrics)
    assert known_in(here).link.state == "LIVE"


@pytest.mark.fault("reset or black hole while following")
def test_a_machine_that_is_gone_becomes_unreachable_and_is_live_when_it_is_back(
    tmp_path: Path, there: JobDirectory, way: FaultyTransport
) -> None:
    here, gone = _here(tmp_path, there), tmp_path / "gone"
    add_rows(there, range(1, 10))
    with running(there), _followed(Mirror(here, way, str(there.path), _HASTY)):
        wait_for(lambda: same(here.metrics, there.metrics))
        way.root.joinpath("agent").rename(gone)
        way.root.joinpath("agent").write_text("a file in its place: no agent can be started")
        way.cut()
        wait_for(lambda: known_in(here).place["unreachable"])
        assert document(here.state)["state"] == "RUNNING"
        way.root.joinpath("agent").unlink()
        wait_for(lambda: not known_in(here).place["unreachable"])
        assert known_in(here).link.state == "LIVE"


def test_a_file_that_was_begun_anew_comes_again_from_nought(
    tmp_path: Path, there: JobDirectory, way: FaultyTransport
) -> None:
    here = _here(tmp_path, there)
    add_rows(there, range(1, 100))
    with running(there), _followed(Mirror(here, way, str(there.path), _HASTY)):
        wait_for(lambda: same(here.metrics, there.metrics))
        there.metrics.unlink()
        add_rows(there, range(1, 300), other=1)
        wait_for(lambda: same(here.metrics, there.metrics))


@pytest.mark.fault("quit, SIGKILL of the app, a second client")
def test_of_two_processes_with_one_mirror_one_writes_and_the_other_takes_over(
    tmp_path: Path, there: JobDirectory, way: FaultyTransport
) -> None:
    here = _here(tmp_path, there)
    add_rows(there, range(1, 100))
    with running(there):
        first = _client(here, there)
        wait_for(lambda: same(here.metrics, there.metrics))
        with _followed(Mirror(here, way, str(there.path), _HASTY)):
            add_rows(there, range(100, 200))
            wait_for(lambda: same(here.metrics, there.metrics))
            assert way.streams == []
            first.kill()
            first.wait()
            add_rows(there, range(200, 300))
            wait_for(lambda: same(here.metrics, there.metrics))
            assert way.streams


def test_the_last_state_is_put_down_when_all_else_has_come(
    tmp_path: Path, there: JobDirectory, way: FaultyTransport
) -> None:
    here = _here(tmp_path, there)
    add_rows(there, range(1, 60_000))
    set_state(there, "SUCCEEDED")
    seen_at_the_end: list[int] = []
    with _followed(Mirror(here, way, str(there.path), _HASTY)) as thread:
        while thread.is_alive():
            if document(here.state).get("state") == "SUCCEEDED":
                seen_at_the_end.append(here.metrics.stat().st_size)
            time.sleep(0.001)
    assert same(here.metrics, there.metrics)
    assert set(seen_at_the_end) <= {there.metrics.stat().st_size}


_LIES = r"""
import sys
sys.stdin.readline()
sys.stdout.write('{"file": "%s", "gen": "1", "off": 0, "bytes": 5}\nabcd\n')
sys.stdout.flush()
sys.stdin.read()
"""


@pytest.mark.parametrize("name", ["spec.json", "../job.json", "logs/../../outside", "lock"])
def test_a_file_that_was_not_asked_for_is_written_nowhere(tmp_path: Path, there: JobDirectory, name: str) -> None:
    @dataclass(frozen=True)
    class Lying(FaultyTransport):
        def stream(self, _verb: str, *_arguments: str) -> "subprocess.Popen[bytes]":
            pipe = subprocess.PIPE
            return subprocess.Popen([sys.executable, "-c", _LIES % name], stdin=pipe, stdout=pipe)

    here = _here(tmp_path, there)
    before = sorted(path for path in tmp_path.rglob("*") if "mirror.lock" not in path.name)
    mirror = Mirror(here, Lying(), str(there.path), _HASTY)
    with _followed(mirror):
        wait_for(lambda: mirror.reason)
    assert "not asked for" in mirror.reason
    assert sorted(path for path in tmp_path.rglob("*") if "mirror.lock" not in path.name) == before
