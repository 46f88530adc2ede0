"""What an installation takes: the wheel in an empty environment of each Python, by pip, uv and pipx; megabytes, and seconds to `kullm --version` and,
where the extra `local` is installed, to the demo model's first answer.

    python -P bench/install.py [--python python3.11 --python python3.12 …] [--local python3.11] [--tools uv,pipx]

The extra `local` brings torch, which is gigabytes where pip's index has it for CUDA alone; it goes into the Pythons that `--local` names. uv and
pipx are installed from the index into an environment of their own. Nothing of this machine's configuration of kullm is read.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import Report, Row  # noqa: E402

_ROOT = Path(__file__).resolve().parents[1]
_PYTHONS = ("python3.11", "python3.12", "python3.13")
_QUESTION = "대한민국의 수도는 어디인가요?"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="which to try; else those of 3.11 to 3.13 that are there")
    parser.add_argument("--local", action="append", default=[], help="a Python that gets the extra `local` too")
    parser.add_argument("--tools", default="uv,pipx")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    args = parser.parse_args()
    pythons = args.python or [name for name in _PYTHONS if _runs(name)]
    report = Report("install", {"pythons": pythons, "local": args.local}, args.out)
    with tempfile.TemporaryDirectory(prefix="kullm-install-") as folder:
        wheel = _wheel(Path(folder))
        report.add(Row("the wheel, MB", wheel.stat().st_size / 1e6))
        for python in pythons:
            _by_pip(report, python, wheel, Path(folder) / python, local=python in args.local)
        for tool in filter(None, args.tools.split(",")):
            _by_tool(report, tool, wheel, Path(folder) / tool)
    report.close()
