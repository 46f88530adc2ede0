"""How the system's ssh is called: its options beside the user's own configuration, and a command that any login shell passes on unharmed."""

import os
import re
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say

_PLAIN = re.compile(r"[A-Za-z0-9_./=:@%+,-]*", re.ASCII)
_OPTIONS = {
    "ConnectTimeout": "10",
    "ServerAliveInterval": "5",  # a connection that is dead is known to be after three of them
    "ServerAliveCountMax": "3",
    "ControlMaster": "auto",
    "ControlPersist": "600",
}
_SOCKET_ROOM = 60  # of the 104 bytes that macOS gives a socket's path, %C and ssh's own ending take the rest


def ssh_options(*, asks: bool) -> list[str]:
    """`asks`: somebody can answer; else ssh fails where it would ask."""
    options = {**_OPTIONS, "ControlPath": str(runtime_dir() / "%C"), "BatchMode": "no" if asks else "yes"}
    return [word for name, value in options.items() for word in ("-o", f"{name}={value}")]


def runtime_dir() -> Path:
    """For sockets: short, and nobody else's."""
    given = os.environ.get("XDG_RUNTIME_DIR")
    if given and len(given) < _SOCKET_ROOM - len("/kullm") and os.access(given, os.W_OK):
        folder = Path(given) / "kullm"
    else:
        folder = Path(tempfile.gettempdir()) / f"kullm-{os.getuid()}"
        folder = folder if len(str(folder)) < _SOCKET_ROOM else Path("/tmp") / folder.name
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise ConfigError(
            say(
                f"{folder} 폴더를 다른 사람이 쓸 수 있어요. 지우거나 권한을 0700으로 바꿔 주세요.",
                f"others may use the folder {folder}. Remove it, or make its mode 0700.",
            )
        )
    return folder


def for_any_shell(script: str, *arguments: str) -> str:
    """A script for /bin/sh, with its arguments, as a command that sh, csh and fish read alike.

    Whatever a shell might read as its own stands as octal bytes between single quotes, and /bin/sh alone takes them back.
    """
    if arguments:
        script = " ".join(["set --", *map(quoted, arguments)]) + "\n" + script
    return f'exec /bin/sh -c \'eval "$(printf %b "{_octal(script)}")"\''


def quoted(word: str) -> str:
    """For /bin/sh. A leading `~/` is the home folder, wherever it is over there."""
    if word.startswith("~/"):
        return '"$HOME"/' + quoted(word[2:])
    if word and _PLAIN.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\\''") + "'"


def _octal(text: str) -> str:
    return "".join(
        chr(byte) if chr(byte) == " " or _PLAIN.fullmatch(chr(byte)) and byte != 0x25 else f"\\0{byte:03o}"
        for byte in text.encode("utf-8")
    )


def joined_for_rsync(words: Sequence[str]) -> str:
    """As rsync's -e splits it: at spaces, outside of quotes."""
    return " ".join("'" + word.replace("'", "''") + "'" if " " in word or "'" in word else word for word in words)
