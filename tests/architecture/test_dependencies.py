"""What is imported is declared, what is declared is pinned, and what is shipped can be read."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.architecture.project import ROOT, files_below, parsed, python_files, relative

# Used where they happen to be installed: keys go into the system's keyring then, and figures become files (the extra `plot`).
# datatrove runs the pipelines that `kullm data emit` writes, wherever somebody runs them; gguf (the extra `gguf`) writes exports, which
# llama.cpp's library makes 4-bit.
_OPTIONAL = {"datatrove", "gguf", "keyring", "llama_cpp", "matplotlib"}
_OWN = {"kullm_tui", "trainer", "evaluator", "data", "tests"}


def _project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def _declared(*extras: str) -> list[Requirement]:
    """The requirements of the base install and of the extras, those that an extra includes through another among them."""
    project = _project()
    texts = list(project["dependencies"])
    waiting = list(extras)
    seen: set[str] = set()
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for text in project["optional-dependencies"][extra]:
            requirement = Requirement(text)
            if requirement.name == project["name"]:
                waiting.extend(requirement.extras)
            else:
                texts.append(text)
    return [Requirement(text) for text in texts]


def _pins() -> dict[str, Version]:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    pins = dict(line.split("==") for line in lines)
    assert len(pins) == len(lines)
    return {canonicalize_name(name): Version(version) for name, version in pins.items()}


def _imported(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Each file with each foreign top-level package that it imports, late imports included."""
    for path in paths:
        for node in ast.walk(parsed(path)):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for name in names:
                package = name.partition(".")[0]
                if package not in sys.stdlib_module_names and package not in _OWN | _OPTIONAL:
                    yield relative(path), package


@pytest.mark.parametrize(
    ("folders", "extras"),
    [
        (
            ("kullm_tui/core", "evaluator", "kullm_tui/doctor", "kullm_tui/ui", "kullm_tui/commands"),
            (),
        ),
        (("data",), ("data",)),
        (("kullm_tui/web",), ("web",)),
        (("kullm_tui/engine", "kullm_tui/weights"), ("local",)),
        (("trainer",), ("train", "mirrors")),
        (("tests",), ("peers",)),
    ],
    ids=["the base install", "data", "web", "local", "train", "tests"],
)
def test_every_imported_package_is_declared(folders: tuple[str, ...], extras: tuple[str, ...]) -> None:
    declared = {canonicalize_name(requirement.name) for requirement in _declared(*extras)}
    distributions = packages_distributions()
    undeclared = [
        (file, package)
        for file, package in _imported(python_files(*folders))
        if declared.isdisjoint(canonicalize_name(name) for name in distributions.get(package, [package]))
    ]
    assert undeclared == []


def test_constraints_pin_everything_that_is_declared() -> None:
    pins = _pins()
    for requirement in _declared(*_project()["optional-dependencies"]):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not pinned"
        assert requirement.specifier.contains(version), f"{requirement} is pinned to {version}"


def test_constraints_name_exact_public_versions() -> None:
    assert [str(version) for version in _pins().values() if version.local] == []


def test_the_base_install_leaves_the_model_libraries_out() -> None:
    base = {requirement.name for requirement in _declared()}
    assert base.isdisjoint({"torch", "transformers", "peft", "bitsandbytes", "accelerate", "uvicorn"})


def test_every_shipped_toml_loads() -> None:
    packages = ("kullm_tui", "trainer", "evaluator", "data")
    shipped = [path for package in packages for path in files_below(ROOT / package) if path.suffix == ".toml"]
    assert shipped
    for path in shipped:
        assert tomllib.loads(path.read_text(encoding="utf-8")), relative(path)


def test_the_changelog_begins_with_what_is_not_released_yet() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_an_image_gets_what_the_wheel_is_built_of_and_nothing_else() -> None:
    """Where no builder is at hand, what is copied is at least there and let in."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    copied = {name for names in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE) for name in names.split()}
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]["include"]
    assert copied == let_in == {name.rstrip("*") for name in found} | {"pyproject.toml", "README.md", "LICENSE"}
    (pins,) = re.findall(r"-c (\S+)", text)
    assert (ROOT / pins).is_file()
    assert pins.split("/")[0] in copied
