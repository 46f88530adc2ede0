"""The app's promises, each beside its peer in one run, repetitions interleaved.

    python bench/app.py [--elia PYTHON] [--only opening] [--repeat 9]

PYTHON is one that has elia-chat installed; without it that row is left out. Nothing else may work on the machine meanwhile.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import Report, Row, median  # noqa: E402
from terminal_clock import Opened, open_once  # noqa: E402

_HERE = Path(__file__).parent
_GOAL_BARE, _GOAL_ELIA = 2.0, 0.5


def opening(home: Path, elia: str | None, repeat: int) -> list[Row]:
    """From the start of the process until a key that was pressed is on the screen."""
    sides: dict[str, Sequence[str]] = {
        "bare": (sys.executable, "-P", str(_HERE / "side_bare.py")),
        "kullm": (sys.executable, "-P", "-m", "kullm_tui"),
    }
    if elia:
        sides["elia"] = (elia, "-m", "elia_chat")
    found: dict[str, list[Opened]] = {name: [] for name in sides}
    for turn in range(repeat + 1):
        for name, command in sides.items():
            opened = open_once(command, _environment(home / name))
            if turn:  # the first opening makes files and fills the disk cache
                found[name].append(opened)
    echo = {name: median([one.first_echo for one in each]) for name, each in found.items()}
    frame = {name: median([one.first_frame for one in each]) for name, each in found.items()}
    spent = {name: median([one.processor for one in each]) for name, each in found.items()}
    raw = {name: [asdict(one) for one in each] for name, each in found.items()}
    return [
        Row(
            f"ready to type, against {_SPOKEN[peer]}",
            f"{echo['kullm']:.3f} s (first frame {frame['kullm']:.3f}) against {echo[peer]:.3f} ({frame[peer]:.3f});"
            f" processor {spent['kullm'] / spent[peer]:.2f} x",
            echo["kullm"] / echo[peer],
            f"<= {goal}",
            echo["kullm"] / echo[peer] <= goal,
            raw,
        )
        for peer, goal in (("bare", _GOAL_BARE), ("elia", _GOAL_ELIA))
        if peer in sides
    ]


_SPOKEN = {"bare": "a bare Textual app", "elia": "elia"}
_PARTS = {"opening": opening}


def _environment(home: Path) -> Mapping[str, str]:
    home.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "KULLM_HOME": str(home),
        "KULLM_LANG": "ko",
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHONPATH": str(_HERE.parent),
    }


def _version(elia: str) -> str:
    code = "from importlib.metadata import version as v; print('elia-chat', v('elia-chat'), 'textual', v('textual'))"
    return subprocess.run([elia, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elia", metavar="PYTHON")
    parser.add_argument("--only", default=",".join(_PARTS))
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--out", type=Path, default=Path("bench-results"))
    chosen = parser.parse_args()
    settings = {"repeat": chosen.repeat, "elia": _version(chosen.elia) if chosen.elia else None}
    report = Report("app", settings, chosen.out)
    with tempfile.TemporaryDirectory() as folder:
        for name in chosen.only.split(","):
            report.add(_PARTS[name](Path(folder), chosen.elia, chosen.repeat))
    report.finish()


if __name__ == "__main__":
    main()
