"""The emitted pipeline, run by datatrove's local executor: the rows of a build, in the order of a build."""

import json
import subprocess
import sys
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from data.near_duplicates import NearDuplicates
from tests.commands.data.test_translated import MIXTURE as ENGLISH
from tests.commands.data.test_translated import english, of_server
from tests.commands.data.test_translated import written as written_english
from tests.data.pipeline.mixtures import written
from tests.deepl_server import DeepLServer
from tests.kullm_command import environment, kullm

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(find_spec("datatrove") is None, reason="datatrove is not installed (the extra `peers` has it)"),
]
Told = dict[str, Any]


def lines(*files: Path) -> list[Told]:
    return [json.loads(line) for file in files for line in file.read_text().split("\n") if line]


def run(home: Path, name: str, *more: str, env: dict[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Emitted into `out`, where it is not there yet, and run."""
    script = home / "out" / "pipeline.py"
    if not script.exists():
        done = kullm(home, "data", "emit", name, "--out", str(script.parent), "--shards", "3", *more, env=env)
        assert done.returncode == 0, done.stderr
    return subprocess.run(
        [sys.executable, str(script)], env=environment(home, **(env or {})), capture_output=True, text=True, cwd=home
    )


def output(home: Path, name: str) -> list[Told]:
    """Shard after shard."""
    return lines(*sorted((home / "out" / "output" / name).iterdir()))


def by_step(rejected: list[Told]) -> dict[str, list[Told]]:
    steps = defaultdict(list)
    for one in rejected:
        step = "once" if one["reason"] == "same-row" else one["step"]
        steps[step].append({**one, "step": step, "detail": ""})
    return {step: sorted(found, key=lambda one: str(one["row"]["id"])) for step, found in steps.items()}


def test_it_keeps_and_rejects_at_every_step_what_a_build_does(tmp_path: Path) -> None:
    home = written(tmp_path)
    assert kullm(home, "data", "build", "mixed").returncode == 0
    built = home / "data" / "mixed"
    done = run(home, "mixed")
    assert done.returncode == 0, done.stderr
    for name in ("both", "both.validation", "first-only", "first-only.validation"):
        assert output(home, name) == lines(built / f"{name}.jsonl")
        assert output(home, f"{name}.origins") == lines(built / f"{name}.origins.jsonl")
    told = [json.loads(one) for one in kullm(home, "data", "rejected", "mixed", "--json").stdout.splitlines()]
    ours, theirs = by_step(told), by_step(lines(*(home / "out" / "rejected").glob("*/*.jsonl")))
    twins = [{one["row"]["id"] for one in steps.pop("near-duplicates")} for steps in (ours, theirs)]
    assert set(theirs) == {"read", "once", "decontaminate", "strict"}
    assert theirs == ours
    assert len(twins[0]) == 20
    assert len(twins[0] & twins[1]) >= 0.95 * 20, "another hash may miss one that ours finds"


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    home = written(tmp_path)
    assert run(home, "mixed").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (home / "out" / "output").rglob("*.jsonl")}
    assert run(home, "mixed").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (home / "out" / "output").rglob("*.jsonl")} == before


def test_a_step_that_is_another_now_is_refused(tmp_path: Path) -> None:
    home = written(tmp_path)
    assert kullm(home, "data", "emit", "mixed", "--out", str(home / "out")).returncode == 0
    script = home / "out" / "pipeline.py"
    shown = json.dumps(NearDuplicates(0.8).settings)
    assert shown in script.read_text()
    script.write_text(script.read_text().replace(shown, shown.replace('"shingle": 5', '"shingle": 4')))
    done = run(home, "mixed")
    assert done.returncode != 0
    assert "near-duplicates" in done.stderr
    assert not (home / "out" / "output").exists()


def test_it_translates_within_its_budget_and_buys_nothing_twice(tmp_path: Path) -> None:
    home = written_english(tmp_path, "moved", ENGLISH, english(40))
    with DeepLServer() as server:
        stopped = run(home, "moved", env=of_server(server))
        assert stopped.returncode != 0
        assert not server.texts, "nothing was agreed to"
        script = home / "out" / "pipeline.py"
        script.write_text(script.read_text().replace("MOST_DOLLARS = 0.0", "MOST_DOLLARS = 5.0"))
        done = run(home, "moved", env=of_server(server))
        assert done.returncode == 0, done.stderr
        bought = len(server.texts)
        assert bought
        assert kullm(home, "data", "build", "moved", "--yes", env=of_server(server)).returncode == 0
        assert len(server.texts) == bought
    assert output(home, "moved") == lines(home / "data" / "moved" / "moved.jsonl")
