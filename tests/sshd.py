"""A real sshd on loopback, with keys of its own and another HOME behind it, and a real ssh whose configuration knows it as `box`."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.processes import MARK

_SECONDS = 60.0
_SSHD = "/usr/sbin/sshd"
ALIAS = "box"


@dataclass
class Sshd:
    """`home`: where a login arrives; `bin`: its whole PATH; `variables` for the ssh that is to reach it, PATH among them."""

    folder: Path
    port: int
    home: Path
    bin: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=lambda: [ALIAS])  # that the user's ssh knows it by

    @property
    def configuration(self) -> Path:
        return self.folder / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def key(self) -> Path:
        return self.folder / "user_key"

    @property
    def host_key(self) -> str:
        return (self.folder / "host_key.pub").read_text().strip()

    def configure(self, port: int | None = None, *, key: Path | None = None, more: Sequence[str] = ()) -> None:
        """What the user's ~/.ssh/config says of it."""
        lines = [
            f"Host {' '.join(self.names)}",
            "  HostName 127.0.0.1",
            f"  Port {port or self.port}",
            f"  User {getpass.getuser()}",
            f"  IdentityFile {key or self.key}",
            "  IdentitiesOnly yes",
            "  IdentityAgent none",
            f"  UserKnownHostsFile {self.known_hosts}",
            "  GlobalKnownHostsFile /dev/null",
            "  PreferredAuthentications publickey",
            *(f"  {line}" for line in more),
        ]
        self.configuration.write_text("\n".join(lines) + "\n")

    def know(self, *, port: int | None = None, key: str = "") -> None:
        """The user has agreed to this host key, or to another."""
        kind, _, rest = (key or self.host_key).partition(" ")
        self.known_hosts.write_text(f"[127.0.0.1]:{port or self.port} {kind} {rest}\n")

    def without(self, *programs: str) -> None:
        for program in programs:
            (self.bin / program).unlink(missing_ok=True)


def make_key(path: Path, *, passphrase: str = "") -> Path:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@contextlib.contextmanager
def sshd(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Sshd]:
    folder.mkdir(exist_ok=True)
    one = Sshd(folder, _free_port(), folder / "home", folder / "bin")
    one.home.mkdir()
    _link_programs(one.bin)
    for key in (folder / "host_key", one.key):
        make_key(key)
    shutil.copyfile(f"{one.key}.pub", folder / "authorized_keys")
    runtime = Path(tempfile.mkdtemp(dir="/tmp", prefix="r"))
    wrapper = folder / "client" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "{one.configuration}" "$@"\n')
    wrapper.chmod(0o755)
    path = f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"
    one.variables = {"PATH": path, "XDG_RUNTIME_DIR": str(runtime)}
    one.configure()
    one.know()
    server = _started(one, environment or {})
    try:
        yield one
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(runtime, ignore_errors=True)


def _started(one: Sshd, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """What runs behind it carries the test's mark, and ends with the test."""
    variables = {"HOME": one.home, "PATH": one.bin, MARK: os.environ.get(MARK, ""), **environment}
    settings = " ".join(f'"{name}={value}"' for name, value in variables.items())
    file = one.folder / "sshd_config"
    file.write_text(
        f"""Port {one.port}
ListenAddress 127.0.0.1
HostKey {one.folder}/host_key
PidFile none
AuthorizedKeysFile {one.folder}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
MaxStartups 100
MaxSessions 100
PrintMotd no
SetEnv {settings}
"""
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    log = (one.folder / "sshd.log").open("ab")
    with log:
        server = subprocess.Popen([_SSHD, "-D", "-e", "-f", str(file)], stderr=log, stdin=subprocess.DEVNULL)
    deadline = time.monotonic() + _SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", one.port), timeout=1):
            return server
        time.sleep(0.02)
    raise AssertionError((one.folder / "sshd.log").read_text())


def _link_programs(target: Path) -> None:
    """A PATH from which a test takes programs away."""
    target.mkdir()
    for folder in ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in Path(folder).iterdir() if Path(folder).is_dir() else ():
            with contextlib.suppress(FileExistsError):
                (target / program.name).symlink_to(program)
    (target / "nvidia-smi").unlink(missing_ok=True)  # a test that wants cards puts its own there


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
