"""The built wheel, installed elsewhere, answers from a folder whose files want to be imported in place of the real ones."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from tests.tiny_models import Shape, save_model

ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("kullm_tui", "trainer", "evaluator", "data")
_HOSTILE = ("data", "trainer", "evaluator", "torch", "tokenizers", "transformers", "json", "kullm_tui", "sitecustomize")
_ENDPOINT_KEYS = ("OPENAI_API_KEY", "DEEPL_AUTH_KEY", "HF_TOKEN", "KULLM_API_KEY")


@dataclass(frozen=True)
class Installed:
    """`kullm` in a virtual environment of its own, run from a hostile folder."""

    program: Path
    cwd: Path
    environment: Mapping[str, str]

    def run(self, *arguments: str, program: str = "kullm") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.program.with_name(program)), *arguments],
            cwd=self.cwd,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    @property
    def executed(self) -> list[str]:
        """The hostile files that some process ran."""
        return sorted(path.name for path in self.cwd.glob("*.was-here"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing left over from an earlier build gets in."""
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in _PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(source / "dist")]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=240)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("installed")
    cwd = folder / "hostile"
    cwd.mkdir()
    for name in _HOSTILE:
        (cwd / f"{name}.py").write_text(
            f"open({str(cwd / name)!r} + '.was-here', 'w').close()\nraise SystemExit('{name}.py was run')\n"
        )
    program = _install(wheel, folder / "venv")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "KULLM_", "COV_")) and name not in _ENDPOINT_KEYS
    }
    environment |= {"KULLM_HOME": str(folder / "home"), "KULLM_LANG": "ko", "HF_HUB_OFFLINE": "1"}
    kullm = Installed(program, cwd, environment)
    yield kullm
    kullm.run("engine", "stop")


def _install(wheel: Path, environment: Path) -> Path:
    """The wheel alone goes into a new environment; its dependencies are those of the running one."""
    venv.create(environment, with_pip=False, symlinks=True)
    python = environment / "bin" / "python"
    site_packages = Path(sysconfig.get_path("purelib", vars={"base": str(environment)}))
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    command += ["--no-index", "--no-deps", "--ignore-installed", str(wheel)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return environment / "bin" / "kullm"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "tiny", shape=Shape(hidden=64), dtype=torch.bfloat16)


def test_the_wheel_carries_every_file_of_the_package(wheel: Path) -> None:
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = {
        path.relative_to(ROOT).as_posix()
        for package in _PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert packed == source
    for suffix in (".toml", ".sql", ".c", ".safetensors", ".jinja", "py.typed"):
        assert any(name.endswith(suffix) for name in packed), suffix


def test_the_wheel_carries_its_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)


def test_the_installed_code_is_the_wheels(installed: Installed) -> None:
    done = installed.run("-P", "-c", "import kullm_tui; print(kullm_tui.__file__)", program="python")
    assert Path(done.stdout.strip()).is_relative_to(installed.program.parents[1]), done.stderr


def test_the_hostile_folder_is_really_hostile(installed: Installed) -> None:
    done = installed.run("-c", "import data", program="python")
    assert "data.py was run" in done.stderr
    assert installed.executed == ["data.was-here"]
    (installed.cwd / "data.was-here").unlink()


def test_models_are_listed_from_a_hostile_folder(installed: Installed) -> None:
    done = installed.run("models", "list")
    assert done.returncode == 0, done.stderr
    assert "kullm-5.8b" in done.stdout
    assert installed.executed == []


def test_the_demos_corpus_is_there_to_train_on(installed: Installed) -> None:
    script = "from data.demo.corpus import records; print(next(records('kullm'))['id'])"
    done = installed.run("-P", "-c", script, program="python")
    assert done.stdout.startswith("demo-kullm-train-"), done.stderr
    assert installed.executed == []


def test_a_question_is_answered_from_a_hostile_folder(installed: Installed, model: Path) -> None:
    done = installed.run("ask", "-m", str(model), "--max-tokens", "12", "대한민국의 수도는?")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
    assert installed.executed == []
