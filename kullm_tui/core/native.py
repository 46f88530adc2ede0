"""C source built once on the user's machine, for its own processor, by its own compiler.

Nothing compiled is shipped: a wheel serves every machine, and one without a compiler works as well, more slowly.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from kullm_tui.core import paths
from kullm_tui.core.trust import check_file, check_folder

COMPILERS = ("cc", "gcc", "clang")
_BUILD_SECONDS = 60


def find_compiler() -> str | None:
    return next((path for path in map(shutil.which, COMPILERS) if path), None)


@cache
def cpu_flags() -> frozenset[str]:
    """What the processor can do, in Linux' words; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), frozenset())


def built(source: Path, compiler: str, options: Sequence[str]) -> Path:
    """The library for this source, compiler and processor: a home folder may be shared by different machines.

    CalledProcessError or TimeoutExpired where the compiler cannot.
    """
    parts = (source.read_text(encoding="utf-8"), compiler, *options, *sorted(cpu_flags()))
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
    folder = paths.private_dir(paths.cache_dir() / "kernels")
    check_folder(folder)
    library = folder / f"{key}.so"
    check_file(library)
    if not library.exists():
        unfinished = folder / f"{key}.{os.getpid()}.tmp"
        command = [compiler, *options, str(source), "-o", str(unfinished), "-lm"]
        subprocess.run(command, check=True, capture_output=True, timeout=_BUILD_SECONDS)
        unfinished.replace(library)
    return library
