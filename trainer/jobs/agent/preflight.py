"""What a machine is like, before anything is put on it: disks, Pythons, limits, the way to the hub. Facts alone; what they mean is the client's.

Each is looked at by itself: what cannot be found out is None, and hides nothing else.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Mapping, Sequence

_SECONDS = 10
_HUB = "https://huggingface.co"
_LOGIND = (
    "/etc/systemd/logind.conf",
    "/etc/systemd/logind.conf.d",
    "/run/systemd/logind.conf.d",
    "/usr/lib/systemd/logind.conf.d",
)
_KILLS = re.compile(r"^\s*KillUserProcesses\s*=\s*(\w+)", re.MULTILINE)
_WHOLE = ("model.safetensors", "pytorch_model.bin", "model.safetensors.index.json", "pytorch_model.bin.index.json")
_TRUE = ("1", "yes", "true", "on")


def facts(root: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """`asked`: the Python that is meant for training, and repositories of the hub that a job would need."""
    disk = os.statvfs(str(root))
    return {
        "user": getpass.getuser(),
        "inodes": disk.f_favail if disk.f_files else None,
        "shm": _shared_memory(),
        "login": _login(),
        "container": _is_container(),
        "hub": reaches(os.environ.get("HF_ENDPOINT") or _HUB) if asked.get("hub", True) else None,
        "cached": [name for name in asked.get("repositories") or () if is_cached(str(name))],
        "pythons": pythons([str(name) for name in asked.get("pythons") or ()]),
        "sbatch": shutil.which("sbatch") or "",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "memory": _memory(),
    }


def _shared_memory() -> int | None:
    try:
        disk = os.statvfs("/dev/shm")
    except OSError:
        return None
    return disk.f_bavail * disk.f_frsize


def _login() -> dict[str, bool]:
    """Whether systemd ends what a user began when the user's last connection ends."""
    kills = _asked_of_logind()
    if kills is None:
        kills = _configured_for_logind()
    return {"kills": kills and os.getuid() != 0, "lingers": Path("/var/lib/systemd/linger", getpass.getuser()).exists()}


def _asked_of_logind() -> bool | None:
    name = "org.freedesktop.login1"
    told = _output(["busctl", "get-property", name, "/org/freedesktop/login1", name + ".Manager", "KillUserProcesses"])
    return told.split()[-1] == "true" if told.startswith("b ") else None


def _configured_for_logind() -> bool:
    found = ""
    for place in map(Path, _LOGIND):
        for file in sorted(place.glob("*.conf")) if place.is_dir() else [place]:
            try:
                found = (_KILLS.findall(file.read_text(errors="replace")) or [found])[-1]
            except OSError:
                continue
    return found.lower() in _TRUE


def _is_container() -> bool:
    return any(Path(mark).exists() for mark in ("/.dockerenv", "/run/.containerenv", "/run/systemd/container"))


def reaches(address: str) -> bool:
    """Any answer is one, also a refusal."""
    request = urllib.request.Request(address, method="HEAD", headers={"User-Agent": "kullm"})
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False


def is_cached(repository: str) -> bool:
    """A model of the hub's, whole in its own cache on this machine."""
    home = os.environ.get("HF_HOME") or os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")  # noqa: PTH118
    hub = Path(os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")).expanduser()  # noqa: PTH118
    folder = hub / "--".join(["models", *repository.split("/")])
    if any(folder.glob("blobs/*.incomplete")) or any(folder.glob("blobs/*.kullm-part")):
        return False
    return any((snapshot / name).is_file() for snapshot in folder.glob("snapshots/*") for name in _WHOLE)


def pythons(named: Sequence[str]) -> list[dict[str, Any]]:
    """Each once, the named ones first: its whole path, its version, and whether it makes environments."""
    found: list[dict[str, Any]] = []
    for name in [*named, "python3.13", "python3.12", "python3.11", "python3", sys.executable]:
        path = shutil.which(os.path.expanduser(name))  # noqa: PTH111
        if path and path not in [one["path"] for one in found]:
            code = "import sys, importlib.util as u; print(*sys.version_info[:3], int(bool(u.find_spec('ensurepip'))))"
            words = _output([path, "-I", "-c", code]).split()
            if len(words) == 4:
                found.append({"path": path, "version": [int(word) for word in words[:3]], "venv": words[3] == "1"})
    return found


def _memory() -> int:
    """The computer's, or the container's where that is less."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for place in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(Path(place).read_text()))
        except (OSError, ValueError):
            continue
    return memory


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
