"""A program `sky` on PATH that behaves as SkyPilot's own (0.14.1) was seen to, with clusters that are a real sshd.

Seen of the real one, without a cloud behind it: the table of `launch --dryrun` for a catalogue put there by hand, in its colours;
accelerators that nobody lets (rc 1, the reason on stderr); a launch that fails and leaves a cluster in INIT, to be seen in `status -o json`;
`status` of what is not there ([] on stdout, a sentence on stderr, rc 0); `down` of what is not there (rc 0) and one that the cloud does
not answer (rc 1); the alias that is written below ~/.sky/generated/ssh and included by ~/.ssh/config. Not seen: a cluster that came up;
what `launch` says then is from its source.
"""

import getpass
import json
import sys
from pathlib import Path
from typing import Any

from tests.sshd import Sshd

_PROGRAM = """#!{python}
import json, os, sys
from pathlib import Path

place = Path({folder!r})
world = json.loads((place / "world.json").read_text())
clusters, words = world["clusters"], sys.argv[1:]
world["asked"].append(words)
name = words[words.index("-c") + 1] if "-c" in words else words[-1]


def end(code):
    (place / "world.json").write_text(json.dumps(world))
    sys.exit(code)


def row(name):
    reason = "Provisioning on hyperbolic in default" if clusters[name] == "INIT" else None
    return dict(name=name, launched_at=1795892161, status=clusters[name], autostop=-1, to_down=False, init_status_reason=reason, nodes=1)


def launch():
    gpus = words[words.index("--gpus") + 1] if "--gpus" in words else "-"
    print("Running on cluster: " + name)
    if gpus == "A100-80GB:3":
        print("No resource satisfying <Cloud>({{'A100-80GB': 3}}) on Hyperbolic.")
        print("sky.exceptions.ResourcesUnavailableError: Catalog does not contain any instances satisfying the request.", file=sys.stderr)
        print("Hint: \\x1b[1msky gpus list\\x1b[0m to list available accelerators.", file=sys.stderr)
        end(1)
    print("Considered resources (1 node):")
    print("-" * 98)
    print(" INFRA                  INSTANCE              vCPUs   Mem(GB)   GPUS          COST ($)   CHOSEN   ")
    print("-" * 98)
    print(f" Hyperbolic (default)   4x-A100-80GB-32-256   32      256       {{gpus:<11}}   6.04       \\x1b[32m   ✔\\x1b[0m     ")
    print("-" * 98)
    if "--dryrun" in words:
        print("Dryrun finished.\\n")
        end(0)
    print("\\x1b[0m⚙︎ Launching on Hyperbolic default\\x1b[0m.", flush=True)
    if world["fails"]:
        if world["leaves"]:
            clusters[name] = "INIT"
        print("Exception: StopFailoverError: " + world["fails"], file=sys.stderr)
        end(1)
    clusters[name] = "UP"
    home = Path(os.environ["HOME"])
    (home / ".sky/generated/ssh").mkdir(parents=True, exist_ok=True)
    (home / ".sky/generated/ssh" / name).write_text("# Added by sky (use `sky stop/down " + name + "` to remove)\\nHost " + name + world["alias"])
    print("✓ Cluster launched: " + name + ".  View logs: sky logs --provision " + name)
    end(0)


if words[0] == "launch":
    launch()
if words[0] == "status":
    if name not in clusters:
        print("Cluster(s) not found: \\x1b[1m" + name + "\\x1b[0m.", file=sys.stderr)
    print(json.dumps([row(name)] if name in clusters else [], indent=2))
    end(0)
if words[0] == "down":
    if world["fails"] and name in clusters:
        print("Exception: HyperbolicError: " + world["fails"])
        end(1)
    if clusters.pop(name, None) is None:
        print("Cluster(s) not found (tip: see `sky status`).")
    end(0)
end(2)
"""


class Sky:
    """`fails`: what the cloud says to each launch and each down; `leaves`: a launch that fails leaves a cluster half up."""

    def __init__(self, folder: Path, behind: Sshd) -> None:
        self.bin = folder / "sky-bin"
        self.bin.mkdir()
        program = self.bin / "sky"
        program.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        program.chmod(0o755)
        self._world = folder / "world.json"
        alias = (
            f"\n  HostName 127.0.0.1\n  User {getpass.getuser()}\n  IdentityFile {behind.key}\n  IdentitiesOnly yes\n"
            "  StrictHostKeyChecking no\n  UserKnownHostsFile=/dev/null\n  GlobalKnownHostsFile=/dev/null\n"
            f"  Port {behind.port}\n  SetEnv SKY_CLUSTER_NAME=kullm-fcd1e5cf\n"
        )
        self.change(clusters={}, asked=[], fails="", leaves=False, alias=alias)

    def change(self, **more: Any) -> None:
        self._world.write_text(json.dumps({**self._read(), **more}))

    @property
    def clusters(self) -> dict[str, str]:
        return dict(self._read()["clusters"])

    @property
    def asked(self) -> list[list[str]]:
        return list(self._read()["asked"])

    def _read(self) -> dict[str, Any]:
        return dict(json.loads(self._world.read_text())) if self._world.exists() else {}
