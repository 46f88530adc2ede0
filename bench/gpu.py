"""What needs a CUDA device, proved and measured by one command in at most eight minutes: a table last, and JSON beside it.

    python bench/gpu.py [--only decode,chat-4bit] [--budget SECONDS] [--wheels FOLDER] [--out FOLDER] [--scratch FOLDER]
    python bench/gpu.py --dry-run              every section on tiny shapes, on the processor

    machine                                    the device, how fast it multiplies and copies, the versions
    decode, step                               tiny models: replies beside `generate`, training beside `transformers.Trainer`
    chat-bf16, chat-4bit                       the 5.8b shape: load, prefill, decode, three adapters together, beside `generate`
    sft-1.3b, -5.8b, -12.8b, -12.8b-4bit       LoRA: tokens a second, MFU, peak memory and what the plan said, beside Trainer and TRL

Weights are random, of the exact shapes, and made on the spot. A section that would not fit into what is left of the time is passed over;
one that fails leaves its traceback in the JSON and does not stop the others. Exit code 1 where one failed, ran out of time or found
something unequal. JSON goes to $OUT where that is set.

Nothing is installed and nothing fetched: torch 2.11 or later and transformers 5.17 or later must be there, and what else is missing comes as
wheels in a folder (docs/gpu.md).
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE.parent), str(_HERE)]  # not the other way: this folder has a trainer too
from gpu_sections import Budget, Section, Skipped, chosen  # noqa: E402
from report import Report, Row  # noqa: E402
from side import Child, SideEnded  # noqa: E402
from wheels import unpacked  # noqa: E402

_BUDGET = 480.0
_MEMORY_DISK, _ROOM = Path("/dev/shm"), 50e9  # the largest checkpoint, its 4-bit form and the one before


@dataclass
class Bench:
    """Sections measured one after the other in one process, which is begun anew where one broke it."""

    report: Report
    environment: Mapping[str, str]
    scratch: Path
    dry: bool
    sections: list[dict[str, Any]] = field(default_factory=list)
    unequal: bool = False
    _child: Child | None = None

    @property
    def child(self) -> Child:
        if self._child is None:
            self._child = Child("side_gpu", environment=dict(self.environment))
        return self._child

    @property
    def code(self) -> int:
        return int(self.unequal or any(section["state"] in ("failed", "out of time") for section in self.sections))

    def pass_over(self, skipped: Skipped) -> None:
        self._close(skipped.section, "skipped", 0.0, skipped.why)

    def measure(self, section: Section, seconds: float) -> None:
        """Within so many seconds."""
        began = time.monotonic()
        try:
            with self.child.ended_after(seconds):
                fault = self._rows_of(section)
        except SideEnded as ended:
            fault = {"why": str(ended), "traceback": ""}
        took = time.monotonic() - began
        if fault is None:
            self._close(section, "done", took)
            return
        self.end()
        late = took >= seconds and not fault["traceback"]
        why = "the time was over" if late else fault["why"]
        self._close(section, "out of time" if late else "failed", took, why, fault["traceback"])

    def _rows_of(self, section: Section) -> Mapping[str, str] | None:
        """All that it finds goes into the report as it is found; what went wrong, if anything did."""
        asked = {"measure": section.measure, "arguments": dict(section.arguments)}
        self.child.do("begin", **asked, dry=self.dry, scratch=str(self.scratch))
        while True:
            answer = self.child.do("next")
            if "rows" not in answer:
                return answer or None
            rows = [Row(**row) for row in answer["rows"]]
            self.unequal |= any(row.met is False for row in rows)
            self.report.add(rows)

    def _close(self, section: Section, state: str, seconds: float, why: str = "", traceback: str = "") -> None:
        facts = {"name": section.name, "about": section.about, "state": state, "seconds": round(seconds, 1)}
        self.sections.append(facts | ({"why": why} if why else {}) | ({"traceback": traceback} if traceback else {}))
        self.report.tell(sections=self.sections)
        told = f"{state}: {why}" if why else f"{state} in {seconds:.0f} s"
        self.report.add([Row(f"{section.name} · {section.about}", told[:100], None, "", None)])

    def end(self) -> None:
        if self._child is not None:
            self._child.end()
        self._child = None


def main() -> int:
    arguments = _parser().parse_args()
    out = arguments.out or Path(os.environ.get("OUT") or Path(tempfile.gettempdir()) / "kullm-bench")
    sections = chosen([name for name in arguments.only.split(",") if name])
    budget = Budget(arguments.budget, time.monotonic)
    report = Report("gpu", {name: str(value) for name, value in vars(arguments).items()}, out)
    with ExitStack() as stack:
        room = arguments.scratch or _roomy(arguments.dry_run)
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kullm-gpu-", dir=room)))
        site = _site(arguments.wheels, stack) if arguments.wheels else None
        bench = Bench(report, _environment(scratch, site, dry=arguments.dry_run), scratch, arguments.dry_run)
        stack.callback(bench.end)
        if not arguments.dry_run and bench.child.do("device") != "cuda":
            raise SystemExit("torch finds no CUDA device here; --dry-run tries every section out on the processor")
        _go_through(bench, budget, sections)
    report.finish()
    return bench.code


def _go_through(bench: Bench, budget: Budget, sections: Sequence[Section]) -> None:
    for turn in budget.going_through(sections, dry=bench.dry):
        if isinstance(turn, Skipped):
            bench.pass_over(turn)
        else:
            bench.measure(turn, budget.left)


def _site(wheels: Path, stack: ExitStack) -> Path:
    """Not beside the weights: a disk in memory may forbid that libraries are mapped from it."""
    return unpacked(wheels, Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kullm-wheels-"))))


def _environment(scratch: Path, site: Path | None, *, dry: bool) -> dict[str, str]:
    """One card, the first of those that may be used: with several in sight transformers.Trainer would take all."""
    path = [str(_HERE.parent), str(_HERE), *([str(site)] if site else []), os.environ.get("PYTHONPATH", "")]
    card = os.environ.get("CUDA_VISIBLE_DEVICES", "0").partition(",")[0]
    threads = {"OMP_NUM_THREADS": "1"} if dry else {}  # tiny products wait for a second core longer than they take
    return threads | {
        "PYTHONPATH": os.pathsep.join(filter(None, path)),
        "CUDA_VISIBLE_DEVICES": "" if dry else card,
        "KULLM_HOME": str(scratch / "home"),
        "KULLM_LANG": "en",
        "HF_HUB_OFFLINE": "1",
        "PYTHONWARNINGS": "ignore",
        "TOKENIZERS_PARALLELISM": "false",
    }


def _roomy(dry: bool) -> Path | None:
    """A disk in memory where it has room for the largest checkpoint; else wherever temporary files go."""
    roomy = not dry and _MEMORY_DISK.is_dir() and shutil.disk_usage(_MEMORY_DISK).free >= _ROOM
    return _MEMORY_DISK if roomy else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAMES", help="sections, with commas between them")
    parser.add_argument("--budget", type=float, default=_BUDGET, metavar="SECONDS", help="for everything (480)")
    parser.add_argument("--dry-run", action="store_true", help="tiny shapes on the processor")
    parser.add_argument("--wheels", type=Path, metavar="FOLDER", help="wheels of what is not installed")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="for the JSON; else $OUT")
    parser.add_argument("--scratch", type=Path, metavar="FOLDER", help="for the weights, 50 GB")
    return parser


if __name__ == "__main__":
    sys.exit(main())
