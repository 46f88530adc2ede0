"""Files to and from a machine without rsync: through the agent, behind what has come already."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import IO, Any

from kullm_tui.core import foreign_json
from kullm_tui.core.errors import KullmError
from trainer.jobs.transports import Told
from trainer.jobs.transports.answers import answer_in
from trainer.jobs.transports.connection import Connection
from trainer.jobs.transports.ssh_faults import no_space, ssh_fault, strange_answer

_AT_ONCE = 1 << 18
_LONGEST_HEADER = 64 << 10
_FULL = (28, 122)  # ENOSPC, EDQUOT


def upload(to: Connection, files: Mapping[str, Path], offsets: Mapping[str, int], told: Told) -> None:
    child = to.stream("receive", to.folder)
    assert child.stdin
    assert child.stdout
    with _ended(child):
        gone = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it says why, below
            for digest, path in files.items():
                for piece in _framed(digest, path, int(offsets.get(digest, 0))):
                    child.stdin.write(piece)
                    gone += len(piece)
                    told(gone)
        with contextlib.suppress(OSError):
            child.stdin.close()
        _require_success(to, child, child.stdout.read(_AT_ONCE))


def download(to: Connection, folder: str, names: Sequence[str], target: Path, told: Told) -> None:
    child = to.stream("send", folder)
    assert child.stdin
    assert child.stdout
    wanted = [{"path": name, "offset": _size(target / name)} for name in names]
    question = json.dumps({"files": wanted}).encode() + b"\n"
    asking = threading.Thread(target=_ask, args=(child.stdin, question), daemon=True)
    asking.start()
    with _ended(child):
        come = 0
        for name in names:
            line = child.stdout.readline(_LONGEST_HEADER)
            try:
                header = foreign_json.parsed(line)
                offset, count = int(header["offset"]), int(header["bytes"])
            except (ValueError, KeyError, TypeError):
                _require_success(to, child, line + child.stdout.read(_AT_ONCE))
                raise strange_answer(to.machine, 0, line.decode(errors="replace")) from None
            come = _take(child.stdout, target / name, offset, count, come, told)
        _require_success(to, child, child.stdout.read(_AT_ONCE))
    asking.join()


def _framed(digest: str, path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        size = _size(path)
        offset = offset if offset <= size else 0
        yield json.dumps({"sha256": digest, "offset": offset, "bytes": size - offset}).encode() + b"\n"
        file.seek(offset)
        while piece := file.read(_AT_ONCE):
            yield piece


def _take(source: IO[bytes], path: Path, offset: int, count: int, come: int, told: Told) -> int:
    """What has come is kept, also where the rest does not come."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("r+b" if path.exists() else "w+b") as file:
        file.truncate(offset)
        file.seek(offset)
        while count > 0 and (piece := source.read(min(count, _AT_ONCE))):
            file.write(piece)
            count -= len(piece)
            come += len(piece)
            told(come)
    return come


def _ask(pipe: IO[bytes], question: bytes) -> None:
    with contextlib.suppress(OSError):
        pipe.write(question)
        pipe.close()


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


@contextlib.contextmanager
def _ended(child: "Popen[bytes]") -> Iterator[None]:
    try:
        yield
    finally:
        if child.poll() is None:
            child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def _require_success(to: Connection, child: "Popen[bytes]", output: bytes) -> None:
    """The agent's last line says how it went; without it the connection went first."""
    answer: dict[str, Any] | None = answer_in(output)
    if answer is None:
        raise ssh_fault(to.machine, to.ssh, "")
    fault = answer.get("error")
    if isinstance(fault, dict):
        child.wait()
        if fault.get("errno") in _FULL:
            raise no_space(to.machine, str(fault.get("path") or to.folder))
        raise _refused(to, fault)


def _refused(to: Connection, fault: Mapping[str, Any]) -> KullmError:
    return strange_answer(to.machine, 0, str(fault.get("message") or fault.get("kind")))
