"""`kullm data emit`: a script that a person can read, with every step and its settings in it. Runs without datatrove."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from data.clean import Clean
from data.filters.paper import PaperFilter
from data.filters.strict import StrictFilter
from data.near_duplicates import BAND, BANDS, NearDuplicates
from data.patches import Patch
from data.pipeline.script import EXECUTORS
from tests.data.pipeline.mixtures import MIXTURE, written
from tests.kullm_command import kullm

TRANSLATED = MIXTURE.replace('language = "ko"\nrows', 'language = "en"\nrows').replace("paper = false\n", "")
BARE = """summary = "그대로"
[steps]
clean = false
decontaminate = []
paper = false
strict = false
duplicates = 0
[[sources]]
name = "first"
file = "first.jsonl"
language = "ko"
"""


def emitted(home: Path, *more: str) -> Path:
    done = kullm(home, "data", "emit", "mixed", "--out", str(home / "out"), *more)
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def steps_in(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What each block of a step is made with."""
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and ast.unparse(call.func) in ("Through", "Alike"):
            yield ast.unparse(call.args[0]), ast.literal_eval(call.args[1])


@pytest.mark.parametrize("mixture", [MIXTURE, TRANSLATED, BARE], ids=["korean", "translated", "bare"])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_the_script_is_one_that_a_person_would_have_written(tmp_path: Path, mixture: str, executor: str) -> None:
    """It compiles, uses all that it imports and defines all that it uses, and is laid out as our own sources are, however long a path in it is."""
    script = emitted(written(tmp_path, mixture), "--executor", executor)
    compile(script.read_text(), str(script), "exec")
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "E,F,I,B", "--ignore", "E501"], ["format", "--check"]):
        told = subprocess.run(
            [*ruff, *command, "--isolated", "--line-length", "120", str(script)], capture_output=True, text=True
        )
        assert told.returncode == 0, told.stdout


def test_every_step_stands_there_with_its_settings_and_in_its_place(tmp_path: Path) -> None:
    text = emitted(written(tmp_path, TRANSLATED)).read_text()
    steps = list(steps_in(text))
    settings = {
        "Clean()": Clean().settings,
        "read_patch(HERE / 'patch.jsonl')": Patch().settings,
        "PaperFilter()": PaperFilter().settings,
        "StrictFilter()": StrictFilter().settings,
        "NearDuplicates(0.8)": NearDuplicates(0.8).settings,
    }
    assert {name: told for name, told in steps if name in settings} == settings
    clean, decontaminate, *_ = [name for name, _ in steps if name != "NearDuplicates(0.8)"]
    assert (clean, decontaminate) == ("Clean()", "Decontaminate(texts_in(HERE / 'held_out.jsonl'))")
    assert text.index("Decontaminate(") < text.index("Translate(") < text.index("PaperFilter(),")
    assert f"MinhashConfig(num_buckets={BANDS}, hashes_per_bucket={BAND})" in text


def test_what_is_not_to_be_done_does_not_stand_there(tmp_path: Path) -> None:
    text = emitted(written(tmp_path, BARE)).read_text()
    assert [name for name, _ in steps_in(text)] == ["read_patch(HERE / 'patch.jsonl')"]
    assert "Minhash" not in text
    assert "Translat" not in text


def test_what_the_script_reads_lies_beside_it(tmp_path: Path) -> None:
    home = written(tmp_path)
    folder = emitted(home).parent
    assert {path.name for path in folder.iterdir()} == {"pipeline.py", "mixture.toml", "held_out.jsonl"}
    assert (folder / "mixture.toml").read_text() == (home / "mixtures" / "mixed.toml").read_text()
    assert "평가에만 쓰는" in (folder / "held_out.jsonl").read_text()
    assert str(home / "mixtures" / "first.jsonl") in (folder / "pipeline.py").read_text()


def test_nothing_is_spent_unless_it_is_said(tmp_path: Path) -> None:
    home = written(tmp_path, TRANSLATED)
    assert "MOST_DOLLARS = 0.0 " in emitted(home).read_text()
    done = kullm(home, "data", "emit", "mixed", "--out", str(home / "paid"), "--max-cost", "12")
    assert "MOST_DOLLARS = 12.0 " in Path(done.stdout.strip()).read_text()
    assert "$12.00" in done.stderr


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    home = written(tmp_path)
    script = emitted(home)
    script.write_text("mine")
    done = kullm(home, "data", "emit", "mixed", "--out", str(script.parent))
    assert done.returncode == 2
    assert script.read_text() == "mine"
