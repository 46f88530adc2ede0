"""What a job elsewhere made, brought here: whole or not at all, whatever the way there does."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kullm_tui.core.errors import KullmError
from tests.trainer.jobs.elsewhere import make_job, set_state
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import private_dir, publish
from trainer.jobs.client import Client
from trainer.jobs.fetch import fetch
from trainer.jobs.registry import KnownJob, known_in, put_down
from trainer.jobs.transports import Told, nobody
from trainer.jobs.transports.local import LocalTransport

_BYTES = 300_000


@dataclass(frozen=True)
class Broken(LocalTransport):
    """A way there that breaks after so many bytes, again and again; what has come stays."""

    after: int = 100_000
    breaks: list[int] = field(default_factory=list)

    def download(self, folder: str, names: Sequence[str], target: Path, told: Told = nobody) -> None:
        left = self.after
        for name in names:
            whole, copy = (Path(folder) / name).read_bytes(), target / name
            private_dir(copy.parent)
            here = copy.read_bytes() if copy.exists() else b""
            copy.write_bytes(here + whole[len(here) : len(here) + left])
            left -= min(left, len(whole) - len(here))
            if copy.stat().st_size < len(whole):
                self.breaks.append(copy.stat().st_size)
                raise KullmError("reset")
            told(len(whole))


@pytest.fixture
def there(tmp_path: Path) -> JobDirectory:
    job = make_job(tmp_path / "there")
    private_dir(job.artifacts / "deeper")
    (job.artifacts / "adapter_model.safetensors").write_bytes(os.urandom(_BYTES))
    (job.artifacts / "deeper" / "tokenizer.json").write_bytes(os.urandom(1000))
    publish(job.manifest, {"schema": 1, "step": 9})
    set_state(job, "SUCCEEDED")
    return job


@pytest.fixture
def here(tmp_path: Path, there: JobDirectory) -> KnownJob:
    job = JobDirectory(private_dir(tmp_path / "here" / there.id))
    publish(job.spec, {"schema": 1, "name": "far"})
    set_state(job, "SUCCEEDED")
    put_down(job, machine="box")
    return known_in(job)


def _digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _whole(here: KnownJob, there: JobDirectory) -> bool:
    return _digests(here.directory.artifacts) == _digests(there.artifacts)


def test_what_was_made_is_brought_verified_and_said_so(tmp_path: Path, here: KnownJob, there: JobDirectory) -> None:
    assert here.artifacts == "READY"
    told: list[tuple[int, int]] = []
    fetch(here, Client("box", LocalTransport(tmp_path / "there")), lambda come, of: told.append((come, of)))
    assert _whole(here, there)
    assert here.again().artifacts == "VERIFIED"
    assert told[-1][0] == told[-1][1] > _BYTES


@pytest.mark.fault("reset or black hole in mid-upload, mid-fetch")
def test_a_way_that_breaks_again_and_again_is_gone_again_from_where_it_broke(
    tmp_path: Path, here: KnownJob, there: JobDirectory
) -> None:
    way = Broken(tmp_path / "there")
    fetch(here, Client("box", way), pause=0.0)
    assert _whole(here, there)
    assert way.breaks[:2] == [100_000, 200_000]


def test_a_way_that_stays_broken_is_told_and_what_has_come_is_kept(
    tmp_path: Path, here: KnownJob, there: JobDirectory
) -> None:
    with pytest.raises(KullmError, match="reset"):
        fetch(here, Client("box", Broken(tmp_path / "there", after=0)), pause=0.0)
    assert here.again().artifacts == "FETCHING"
    assert not here.directory.artifacts.exists()
    fetch(here.again(), Client("box", LocalTransport(tmp_path / "there")))
    assert _whole(here, there)


@pytest.mark.fault("reset or black hole in mid-upload, mid-fetch")
def test_bytes_that_are_others_come_again_until_they_are_right(
    tmp_path: Path, here: KnownJob, there: JobDirectory
) -> None:
    draft = private_dir(here.directory.path / "artifacts.partial")
    (draft / "adapter_model.safetensors").write_bytes(os.urandom(_BYTES))
    (draft / "of an earlier start").write_bytes(b"old")
    fetch(here, Client("box", LocalTransport(tmp_path / "there")), pause=0.0)
    assert _whole(here, there)


def test_a_second_fetch_asks_nobody_until_the_job_has_gone_on(
    tmp_path: Path, here: KnownJob, there: JobDirectory
) -> None:
    fetch(here, Client("box", LocalTransport(tmp_path / "there")))
    nobody_there = Client("box", LocalTransport(tmp_path / "no such machine"))
    fetch(here.again(), nobody_there)
    set_state(here.directory, "SUCCEEDED", start=2)
    assert here.again().artifacts == "READY"
    (there.artifacts / "adapter_model.safetensors").write_bytes(b"another")
    fetch(here.again(), Client("box", LocalTransport(tmp_path / "there")))
    assert _whole(here, there)


def test_nothing_made_yet_is_told(tmp_path: Path, here: KnownJob, there: JobDirectory) -> None:
    there.manifest.unlink()
    with pytest.raises(KullmError, match="kullm jobs show"):
        fetch(here, Client("box", LocalTransport(tmp_path / "there")))


@pytest.mark.parametrize("path", ["../outside", "/etc/passwd", "a/../../b", ""])
def test_a_machine_that_names_a_file_elsewhere_is_not_believed(here: KnownJob, path: str) -> None:
    class Liar(LocalTransport):
        def call(self, _verb: str, _question: object) -> dict[str, object]:
            return {"path": "/", "files": [{"path": path, "size": 1, "sha256": "0" * 64}]}

    with pytest.raises(KullmError):
        fetch(here, Client("box", Liar()))
