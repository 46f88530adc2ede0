"""The import contracts hold, break when they should, and are true of a running `kullm`."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.project import ROOT, python_files, relative

_HEAVY = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "safetensors", "textual")
_LATE = ("openai", "huggingface_hub", "jinja2", "tokenizers")

_IMPORT_ALL = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
_RUN_KULLM = """
import json, sys
from kullm_tui.commands.main import main
code = main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    wide = {**os.environ, "COLUMNS": "200"}  # a contract's name stays in one line with what became of it
    return subprocess.run(command, cwd=folder, env=wide, capture_output=True, text=True, timeout=240, check=False)


def _modules_after(script: str, *arguments: str, home: Path) -> set[str]:
    """The top-level packages that a fresh interpreter holds after the script."""
    environment = {**os.environ, "KULLM_HOME": str(home), "KULLM_LANG": "en"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        cwd=home.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}


def _module_names(*packages: str) -> list[str]:
    files = python_files(*packages)
    return [relative(path).removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in files]


def test_every_import_contract_is_kept() -> None:
    done = _lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "addition", "contract"),
    [
        ("core/text.py", "def late() -> None:\n    import torch\n", "never reach torch"),
        ("commands/config.py", "from kullm_tui.engine import protocol\n", "never imported"),
        (
            "commands/config.py",
            "from kullm_tui.weights import plan\n",
            "Only the engine and the trainer stand on weights",
        ),
        ("core/text.py", "from kullm_tui.commands import config\n", "Imports point down"),
        ("core/text.py", "import textual\n", "Only ui knows Textual"),
        ("../evaluator/rubric.py", "def late() -> None:\n    import torch\n", "never reach torch"),
        ("../evaluator/rubric.py", "import trainer.recipe\n", "Imports point down"),
        ("weights/plan.py", "import uvicorn\n", "Only the engine knows its web server"),
        ("commands/web.py", "import aiohttp\n", "Only web knows the server"),
        ("ui/conversation/turn.py", "def late() -> None:\n    from kullm_tui.ui import app\n", "In the interface"),
        (
            "ui/judge/text.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from kullm_tui.ui.models import facts\n",
            "In the interface",
        ),
        ("ui/train/text.py", "from kullm_tui.ui.evaluate import text\n", "In the interface"),
        ("doctor/checks.py", "from kullm_tui.ui import text\n", "Imports point down"),
    ],
)
def test_a_forbidden_import_is_caught(tmp_path: Path, module: str, addition: str, contract: str) -> None:
    for package in ("kullm_tui", "trainer", "evaluator", "data"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / "kullm_tui" / module).open("a") as source:
        source.write(f"\n{addition}")
    done = _lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.endswith("BROKEN")]
    assert any(contract in line for line in broken), done.stdout


def test_importing_all_of_core_commands_and_evaluator_loads_nothing_heavy(tmp_path: Path) -> None:
    names = _module_names("kullm_tui/core", "kullm_tui/doctor", "kullm_tui/commands", "evaluator")
    assert len(names) > 60
    loaded = _modules_after(_IMPORT_ALL, *names, home=tmp_path / "home")
    assert loaded.isdisjoint(_HEAVY)


@pytest.mark.parametrize("arguments", [["--help"], ["models", "list"], ["config", "path"], ["ask", "--help"]])
def test_a_command_that_runs_no_model_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    loaded = _modules_after(_RUN_KULLM, *arguments, home=tmp_path / "home")
    assert "kullm_tui" in loaded
    assert loaded.isdisjoint(_HEAVY)


def test_help_starts_without_the_slow_libraries(tmp_path: Path) -> None:
    loaded = _modules_after(_RUN_KULLM, "--help", home=tmp_path / "home")
    assert loaded.isdisjoint(_LATE)
