"""Wheels of a folder, unpacked where Python finds them: what a machine without a network and without pip lacks.

A wheel is a zip whose top is what goes on `sys.path`; what lies under NAME.data/purelib and NAME.data/platlib goes there too. Scripts
are left out.
"""

import shutil
import zipfile
from pathlib import Path


def unpacked(wheels: Path, into: Path) -> Path:
    """`into`, with everything in it. SystemExit where there is nothing to unpack, or a package twice."""
    files = sorted(wheels.glob("*.whl"))
    if not files:
        raise SystemExit(f"{wheels} holds no wheels (*.whl)")
    names = [file.name.partition("-")[0].lower() for file in files]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SystemExit(f"{wheels} holds more than one wheel of {', '.join(twice)}")
    for file in files:
        with zipfile.ZipFile(file) as wheel:
            wheel.extractall(into)
    for data in into.glob("*.data"):
        for kind in ("purelib", "platlib"):
            if (data / kind).is_dir():
                shutil.copytree(data / kind, into, dirs_exist_ok=True)
        shutil.rmtree(data)
    return into
