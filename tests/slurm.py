"""A real Slurm of a test's own: munge, a controller and one or two nodes on this machine, all on loopback, ended by their own ids.

The daemons stay in the foreground as children of the test. Two nodes are two slurmd with a name and a port each.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

_SECONDS = 120.0
_CARDS = 4
_CONFIGURATION = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={munge}
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=1,batch_sched_delay=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
ReturnToService=2
KillWait=20
MinJobAge=3600
GresTypes=gpu
"""


def missing() -> str:
    """Why there can be no Slurm here; empty where there can."""
    if os.geteuid() != 0:
        return "only root begins a Slurm"
    programs = [name for name in ("munged", "slurmctld", "slurmd", "sbatch", "srun") if not shutil.which(name)]
    return f"slurm-wlm and munge are not installed: {', '.join(programs)}" if programs else ""


@dataclass
class Slurm:
    folder: Path
    nodes: tuple[str, ...]
    more: str = ""
    daemons: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    @property
    def configuration(self) -> Path:
        return self.folder / "slurm.conf"

    def begin(self) -> None:
        self._write()
        self.run("munged", "munged", "--foreground", "--force", "--num-threads=2", f"--key-file={self._key()}",
                 f"--socket={self._socket}", f"--pid-file={self.folder}/munged.pid", f"--seed-file={self.folder}/munged.seed")  # fmt: skip
        wait_until(self._socket.exists, self.log)
        self.begin_controller()
        for node in self.nodes:
            self.begin_node(node)
        wait_until(
            lambda: (
                set(self.ask("sinfo", "-h", "-N", "-o", "%N %T").splitlines())
                == {f"{node} idle" for node in self.nodes}
            ),
            self.log,
        )

    def begin_controller(self) -> None:
        self.run("slurmctld", "slurmctld", "-D", "-f", str(self.configuration))

    def begin_node(self, node: str) -> None:
        self.run(node, "slurmd", "-D", "-f", str(self.configuration), "-N", node)

    def run(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def kill(self, name: str) -> None:
        daemon = self.daemons.pop(name)
        daemon.kill()
        daemon.wait()

    def end(self) -> None:
        for name in reversed(list(self.daemons)):
            self.kill(name)

    def ask(self, *command: str) -> str:
        """What it says; empty where it refuses."""
        return subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS).stdout

    def job(self, number: str) -> dict[str, str]:
        line = self.ask("scontrol", "show", "job", "-o", number)
        return dict(part.partition("=")[::2] for part in line.split() if "=" in part)

    def log(self) -> str:
        return "\n".join(f"{path.name}: {path.read_text()[-800:]}" for path in sorted(self.folder.glob("*.log")))

    @property
    def _socket(self) -> Path:
        return self.folder / "munge.socket"

    def _key(self) -> Path:
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        return key

    def _write(self) -> None:
        """Cards are device nodes, or Slurm gives none of them out."""
        ports = _free_ports(1 + len(self.nodes))
        host = socket.gethostname()
        text = _CONFIGURATION.format(host=host, controller=ports[0], munge=self._socket, folder=self.folder)
        for node, port in zip(self.nodes, ports[1:], strict=True):
            text += f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=1000 Gres=gpu:a100:{_CARDS}\n"
        text += f"PartitionName=gpu Nodes={','.join(self.nodes)} Default=YES MaxTime=INFINITE State=UP\n"
        self.configuration.write_text(text + self.more)
        for card in range(_CARDS):
            os.mknod(self.folder / f"card{card}", 0o666 | 0o020000, os.makedev(1, 3))
        cards = f"Name=gpu Type=a100 File={self.folder}/card[0-{_CARDS - 1}]"
        (self.folder / "gres.conf").write_text("".join(f"NodeName={node} {cards}\n" for node in self.nodes))


def begun(folder: Path, nodes: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, *, more: str = "") -> Iterator[Slurm]:
    """`more`: further lines of its configuration."""
    folder.mkdir(mode=0o755)
    (folder / "state").mkdir()
    slurm = Slurm(folder, nodes, more)
    monkeypatch.setenv("SLURM_CONF", str(slurm.configuration))
    try:
        slurm.begin()
        yield slurm
    finally:
        slurm.end()


def wait_until(condition: Callable[[], object], told: Callable[[], str]) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        assert time.monotonic() < deadline, told()
        time.sleep(0.05)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
