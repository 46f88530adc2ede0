"""Strangers' files, mutated: read or refused in words, soon, and with nothing left behind."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from kullm_tui.core import paths
from tests.architecture.project import ROOT
from tests.hostile.mutations import KINDS, Kind, attempt, mutated

FILES = int(os.environ.get("KULLM_MUTATED_FILES", "400"))
SECONDS = 5


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_what_the_mutations_begin_with_is_read(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or they would only ever try the first of all refusals."""
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    for number, seed in enumerate(kind.seeds):
        (tmp_path / str(number)).mkdir()
        kind.read(seed, tmp_path / str(number))


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_mutated_file_is_read_or_refused(kind: Kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "ko")
    paths.adapters_dir()
    before = sorted((tmp_path / "home").rglob("*"))
    chance, ended, longest = random.Random(kind.name), Counter[str](), 0.0
    for number in range(-(-FILES // len(KINDS))):
        place = tmp_path / "place"
        place.mkdir()
        data = mutated(chance.choice(kind.seeds), chance)
        began = time.monotonic()
        try:
            ended[attempt(kind, data, place)] += 1
        except Exception as error:
            (tmp_path / "culprit").write_bytes(data)
            raise AssertionError(f"{kind.name} {number}: {error!r}, see {tmp_path / 'culprit'}") from error
        longest = max(longest, time.monotonic() - began)
        assert longest < SECONDS, (kind.name, number)
        assert sorted((tmp_path / "home").rglob("*")) == before, (kind.name, number)
        shutil.rmtree(place)
    print(f"{kind.name}: {dict(ended)}, longest {longest:.2f} s")


@pytest.mark.peers
@pytest.mark.timeout(3600)
def test_files_that_coverage_leads_to_are_read_or_refused(tmp_path: Path) -> None:
    guided = [
        sys.executable,
        "-P",
        str(ROOT / "bench" / "fuzz_files.py"),
        "--runs",
        os.environ.get("KULLM_MUTATED_FILES", "20000"),
    ]
    done = subprocess.run(
        guided, cwd=tmp_path, env={**os.environ, "KULLM_HOME": str(tmp_path / "home")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    print(done.stderr.strip().splitlines()[-1])
