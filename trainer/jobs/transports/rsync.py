"""Files to and from a machine by rsync over the same ssh: what has come stays, and the next try goes on behind it."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO

from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from trainer.jobs.transports import Told
from trainer.jobs.transports.connection import Connection
from trainer.jobs.transports.ssh_command import for_any_shell, joined_for_rsync, quoted
from trainer.jobs.transports.ssh_faults import last_words, no_space, ssh_fault

_SO_FAR = re.compile(rb"^\s*([\d,.]+)\s+\d+%", re.MULTILINE)
_LOST = (10, 12, 30, 35, 255)  # of the connection
_MOST_WORDS = 1 << 20


@cache
def is_here() -> bool:
    """One that tells how far it is, and goes on where it was."""
    if shutil.which("rsync") is None:
        return False
    told = subprocess.run(["rsync", "--version"], capture_output=True, check=False).stdout
    version = re.match(rb"rsync\s+version\s+v?(\d+)\.(\d+)", told)
    return bool(version) and (int(version[1]), int(version[2])) >= (3, 1)  # type: ignore[index]


def upload(to: Connection, files: Mapping[str, Path], folder: str, told: Told) -> None:
    """By digest, so that what is there of a file is always its beginning."""
    with tempfile.TemporaryDirectory() as links:
        for digest, path in files.items():
            (Path(links) / digest).symlink_to(path.absolute())
        _run(to, ["--append", "--copy-links"], f"{links}/", f"{to.ssh}:.", folder, sorted(files), told)


def download(to: Connection, folder: str, names: Sequence[str], target: Path, told: Told) -> None:
    """What is here may be of an older version: it is compared, not only continued."""
    options = ["--times", "--partial", "--inplace"]
    _run(to, options, f"{to.ssh}:.", f"{target}/", folder, names, told)


def _run(
    to: Connection,
    options: Sequence[str],
    source: str,
    target: str,
    folder: str,
    names: Sequence[str],
    told: Told,
) -> None:
    """`folder` is entered by a shell over there: in rsync's own command its name would be read by one shell too many."""
    rsync = for_any_shell(f'cd {quoted(folder)} && exec rsync "$@"') + " sh"
    shell = joined_for_rsync(to.shell())
    with (
        to.surroundings() as environment,
        tempfile.NamedTemporaryFile("wb") as listed,
        tempfile.TemporaryFile() as said,
    ):
        listed.write(b"\0".join(name.encode() for name in names))
        listed.flush()
        command = ["rsync", "--recursive", "--timeout=60", "--info=progress2", "--from0", f"--files-from={listed.name}"]
        command += [*options, f"--rsync-path={rsync}", "-e", shell, source, target]
        code = _watched(command, environment, said, told)
        said.seek(0)
        words = said.read(_MOST_WORDS).decode(errors="replace")
    if code:
        raise _fault(to, code, words, folder)


def _watched(command: Sequence[str], environment: Mapping[str, str], said: IO[bytes], told: Told) -> int:
    child = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, env=environment, start_new_session=True
    )
    assert child.stdout
    try:
        with child.stdout as output:
            while piece := output.read1(1 << 16):  # type: ignore[attr-defined]
                found = _SO_FAR.findall(piece.replace(b"\r", b"\n"))
                if found:
                    told(int(re.sub(rb"[.,]", b"", found[-1])))
        return child.wait()
    finally:
        if child.poll() is None:
            child.terminate()
            child.wait()


def _fault(to: Connection, code: int, words: str, folder: str) -> KullmError:
    machine = to.machine
    if "No space left on device" in words or "Disk quota exceeded" in words:
        return no_space(machine, folder)
    if code in _LOST or code < 0:
        return ssh_fault(machine, to.ssh, words)
    reason = terminal_safe(last_words(words)) or f"rsync {code}"
    return KullmError(
        say(f"{machine}와 파일을 주고받지 못했어요({reason}).", f"files did not get to or from {machine} ({reason}).")
    )
