"""What a job elsewhere made, brought here: resumed where it broke off, proved by its sha256, and done once.

artifacts.partial/     as much as has come; only this folder is ever unfinished
artifacts/             whole and verified, published by a rename
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from kullm_tui.core.errors import KullmError, NoSpace
from kullm_tui.core.language import say
from trainer.jobs.agent.files import private_dir, sync, turn
from trainer.jobs.agent.store import sha256
from trainer.jobs.client import Client, JobRefused
from trainer.jobs.registry import KnownJob, put_down

_TRIES = 5
_PAUSE_SECONDS = 1.0

Told = Callable[[int, int], None]  # bytes here, bytes of all


def fetch(
    job: KnownJob, client: Client, told: Told = lambda _here, _all: None, *, pause: float = _PAUSE_SECONDS
) -> None:
    """KullmError where there is nothing to bring yet, or the way there stays broken; what has come by then is kept."""
    if not job.machine:
        return _require_some(job, job.directory.manifest.is_file())
    with turn(job.directory.path / "fetch.lock"):
        job = job.again()
        if job.artifacts == "VERIFIED":
            return None
        told_of = client.artifacts(job.id)
        files = [checked_file(file) for file in told_of["files"]]
        _require_some(job, bool(files))
        put_down(job.directory, artifacts="FETCHING")
        draft = private_dir(job.directory.path / "artifacts.partial")
        bring_files(str(told_of["path"]), files, draft, client, told, pause=pause)
        _publish(draft, job.directory.artifacts, files)
        put_down(job.directory, artifacts="VERIFIED", fetched=job.state.get("start"))
    return None


def _require_some(job: KnownJob, there_are: bool) -> None:
    if not there_are:
        raise KullmError(
            say(
                f"{job.name or job.id} 학습은 아직 결과가 없어요. `kullm jobs show {job.id}`로 상태를 확인하세요.",
                f"{job.name or job.id} has made nothing yet. See its state with `kullm jobs show {job.id}`.",
            )
        )


def bring_files(
    folder: str,
    files: Sequence[Mapping[str, Any]],
    draft: Path,
    client: Client,
    told: Told = lambda _here, _all: None,
    *,
    pause: float = _PAUSE_SECONDS,
) -> None:
    """Until every file is what it is there. A broken way is tried again as long as that gets further."""
    total, fails = sum(int(file["size"]) for file in files), 0
    missing = _missing(draft, files)
    while missing:
        if fails:
            time.sleep(pause)
        before = _here(draft, files)
        try:
            names = [str(file["path"]) for file in missing]
            client.transport.download(folder, names, draft, lambda gone, before=before: told(before + gone, total))  # type: ignore[misc]
        except (NoSpace, JobRefused):
            raise
        except KullmError:
            fails = 1 if _here(draft, files) > before else fails + 1
            if fails >= _TRIES:
                raise
            continue
        missing = _missing(draft, missing)
        fails += 1
        if missing and fails >= _TRIES:
            raise _damaged(str(missing[0]["path"]))
    told(total, total)


def _missing(draft: Path, files: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that are not whole. One that is long enough and another is thrown away, to come again."""
    missing = []
    for file in files:
        path = draft / str(file["path"])
        here = path.stat().st_size if path.is_file() else -1
        if here == file["size"] and sha256(path) == file["sha256"]:
            continue
        if here >= int(file["size"]):
            path.unlink()
        missing.append(file)
    return missing


def _here(draft: Path, files: Sequence[Mapping[str, Any]]) -> int:
    paths = [draft / str(file["path"]) for file in files]
    return sum(path.stat().st_size for path in paths if path.is_file())


def _publish(draft: Path, artifacts: Path, files: Sequence[Mapping[str, Any]]) -> None:
    """What an earlier start made, and what the way there left in the draft, goes."""
    names = {str(file["path"]) for file in files}
    for path in sorted(draft.rglob("*"), reverse=True):
        if path.is_file() and str(path.relative_to(draft)) not in names:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    shutil.rmtree(artifacts, ignore_errors=True)
    draft.rename(artifacts)
    sync(artifacts.parent)


def checked_file(file: Mapping[str, Any]) -> Mapping[str, Any]:
    """A machine may say what it likes; nothing is written outside of the folder."""
    path = PurePosixPath(str(file.get("path") or ""))
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in str(path):
        raise _damaged(str(path))
    return file


def _damaged(path: str) -> KullmError:
    return KullmError(
        say(
            f"받은 결과가 그곳의 것과 달라요: {path}. 장비의 디스크를 확인하고 다시 받아 보세요.",
            f"what came is not what is there: {path}. Check the machine's disk and fetch it again.",
        )
    )
