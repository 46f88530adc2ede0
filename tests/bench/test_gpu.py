"""bench/gpu.py as it is run: what it measures, passes over, survives and leaves behind."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.architecture.project import ROOT

_COMMAND = (sys.executable, "-P", str(ROOT / "bench" / "gpu.py"), "--dry-run")
_PLENTY = 3600.0  # seconds: how fast this machine is decides nothing
# Which this project installs, and a machine that only has torch and transformers lacks.
_LACKING = (
    "datasets",
    "datasketch",
    "deepl",
    "langid",
    "lingua",
    "markdown_it",
    "openai",
    "pygments",
    "rich",
    "textual",
    "tomlkit",
)


@dataclass(frozen=True)
class Ran:
    code: int
    table: list[str]
    said: str
    facts: Any

    @property
    def states(self) -> dict[str, str]:
        return {section["name"]: section["state"] for section in self.facts["sections"]}


def run(folder: Path, *arguments: str) -> Ran:
    """As on a machine on which nothing of this project is installed."""
    out, bare = folder / "out", folder / "bare"
    bare.mkdir()
    (bare / "sitecustomize.py").write_text(f"import sys\nsys.modules.update(dict.fromkeys({_LACKING!r}))\n")
    done = subprocess.run(
        [*_COMMAND, *arguments],
        env={**os.environ, "OUT": str(out), "TMPDIR": str(folder), "PYTHONPATH": str(bare)},
        capture_output=True,
        text=True,
        timeout=_PLENTY,
        check=False,
    )
    (file,) = [*out.glob("gpu-*.json"), None][:1]
    return Ran(done.returncode, done.stdout.splitlines(), done.stderr, json.loads(file.read_text()) if file else None)


def logic(script: str) -> Any:
    """What a few lines beside the bench's modules print as JSON: they are no package, and one is called trainer as ours is."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "bench")])
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=_PLENTY,
        check=True,
    )
    return json.loads(done.stdout)


def a_wheel(folder: Path, package: str, files: dict[str, str]) -> None:
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{package}-9.0-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


def test_the_short_sections_run_whole_and_end_with_a_table_and_json_in_out(tmp_path: Path) -> None:
    ran = run(tmp_path, "--budget", str(_PLENTY), "--only", "machine,decode,step,sft-1.3b")
    assert (ran.code, ran.states) == (0, dict.fromkeys(("machine", "decode", "step", "sft-1.3b"), "done")), ran.said
    assert {"commit", "cpu", "python"} <= ran.facts["machine"].keys()
    assert ran.facts["settings"]["only"] == "machine,decode,step,sft-1.3b"
    rows = {row["promise"]: row for row in ran.facts["rows"]}
    assert all(rows[f"gpt_neox {kind}: our tokens in transformers' logits"]["met"] for kind in ("bf16", "8bit", "4bit"))
    assert rows["fp32, packed: Trainer's losses and adapter"]["met"]
    assert [line for line in ran.table if "step ·" in line]
    assert ran.table[-1].startswith(str(tmp_path / "out" / "gpu-"))
    assert not [*tmp_path.glob("kullm-*")], "the weights that it made are gone"


def test_a_section_that_would_not_fit_is_passed_over_and_said_so(tmp_path: Path) -> None:
    ran = run(tmp_path, "--budget", "1", "--only", "step,machine")
    assert (ran.code, ran.states) == (0, {"machine": "skipped", "step": "skipped"})
    assert all("s are left" in section["why"] for section in ran.facts["sections"])
    assert [line for line in ran.table if "skipped: needs about" in line]


def test_a_section_that_fails_leaves_its_traceback_and_stops_nobody(tmp_path: Path) -> None:
    """A peft that cannot be imported comes as a wheel, before the one that is installed."""
    a_wheel(tmp_path / "wheels", "peft", {"peft/__init__.py": 'raise RuntimeError("no such luck")'})
    wheels = ("--wheels", str(tmp_path / "wheels"))
    ran = run(tmp_path, "--budget", str(_PLENTY), "--only", "machine,decode,step", *wheels)
    assert (ran.code, ran.states) == (1, {"machine": "done", "decode": "failed", "step": "failed"})
    assert "no such luck" in ran.facts["sections"][1]["traceback"]
    (line,) = [line for line in ran.table if line.startswith("decode ·")]
    assert "failed: RuntimeError: no such luck" in line


def test_a_section_without_time_is_ended_and_counts_as_not_done(tmp_path: Path) -> None:
    script = f"""
import json
from pathlib import Path
from gpu import Bench, Report, _environment
from gpu_sections import chosen
folder = Path({str(tmp_path)!r})
bench = Bench(Report("gpu", {{}}, folder), _environment(folder, None, dry=True), folder, True)
bench.measure(chosen(["machine"])[0], 0.0)
print(json.dumps([bench.sections[0]["state"], bench.code]))
"""
    assert logic(script) == ["out of time", 1]


def going_through(seconds: float, only: Sequence[str], ticks: Sequence[float]) -> Any:
    """What happens to each section where the clock reads `ticks`, one after the other."""
    return logic(f"""
import json
from gpu_sections import Budget, Skipped, chosen
ticks = iter({list(ticks)!r})
budget = Budget({seconds}, lambda: next(ticks))
turns = budget.going_through(chosen({list(only)!r}), dry=False)
print(json.dumps([(turn.section.name, turn.why) if isinstance(turn, Skipped) else turn.name for turn in turns]))
""")


def test_a_shorter_section_behind_one_that_does_not_fit_still_runs() -> None:
    turns = going_through(130, ["chat-4bit", "sft-5.8b", "sft-1.3b", "decode"], ticks=[0, 0, 50, 60, 110])
    assert turns == [
        "decode",
        "sft-1.3b",
        ["chat-4bit", "needs about 75 s, 70 s are left"],
        ["sft-5.8b", "needs about 60 s, 20 s are left"],
    ]
    turns = going_through(130, ["chat-4bit", "sft-5.8b"], ticks=[0, 60, 60])
    assert turns == [["chat-4bit", "needs about 75 s, 70 s are left"], "sft-5.8b"]


def test_sections_are_named_or_refused() -> None:
    done = subprocess.run(
        [*_COMMAND, "--only", "decode,chatter"], capture_output=True, text=True, timeout=_PLENTY, check=False
    )
    assert done.returncode == 1
    assert "chatter: no such section. There are: machine, decode, step, sft-1.3b, chat-bf16" in done.stderr


def test_wheels_are_unpacked_with_what_their_data_folders_hold(tmp_path: Path) -> None:
    files = {"one/__init__.py": "a = 1", "one-9.0.data/purelib/two.py": "b = 2", "one-9.0.data/scripts/three": "#!"}
    a_wheel(tmp_path / "wheels", "one", files)
    found = logic(f"""
import json
from pathlib import Path
from wheels import unpacked
folder = unpacked(Path({str(tmp_path / "wheels")!r}), Path({str(tmp_path / "site")!r}))
print(json.dumps(sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())))
""")
    assert found == ["one/__init__.py", "two.py"]
