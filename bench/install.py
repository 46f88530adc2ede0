"""What an installation takes: the wheel in an empty environment of each Python, by pip, uv and pipx; megabytes, and seconds to `kullm --version` and,
where the extra `local` is installed, to the demo model's first answer.

    python -P bench/install.py [--python python3.11 …] [--local python3.11 …] [--tools uv,pipx]

The extra `local` brings torch, which is gigabytes where the index has it for CUDA alone, so it goes only into the Pythons that `--local` names.
uv and pipx come from the index into an environment of their own. Nothing of this user's configuration of kullm is read.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from report import Report, Row  # noqa: E402

_ROOT = Path(__file__).resolve().parents[1]
_PYTHONS = ("python3.11", "python3.12", "python3.13")
_QUESTION = "대한민국의 수도는 어디인가요?"
_ANSWER = "서울"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", action="append", help="which to try; else those of 3.11 to 3.13 that are there")
    parser.add_argument("--local", action="append", default=[], help="a Python that gets the extra `local` too")
    parser.add_argument("--tools", default="uv,pipx")
    parser.add_argument("--out", type=Path, default=Path(tempfile.gettempdir()) / "kullm-bench")
    args = parser.parse_args()
    pythons = args.python or [name for name in _PYTHONS if _runs(name)]
    named = {"pythons": [Path(one).name for one in pythons], "local": [Path(one).name for one in args.local]}
    report = Report("install", named, args.out)
    with tempfile.TemporaryDirectory(prefix="kullm-install-") as made:
        folder = Path(made)
        wheel = _wheel(folder)
        report.add([_row("the wheel", f"{wheel.stat().st_size / 1e6:.1f} MB")])
        for python in pythons:
            environment = folder / Path(python).name
            report.add(list(_by_pip(python, wheel, environment, local=python in args.local)))
            shutil.rmtree(environment)
        for tool in filter(None, args.tools.split(",")):
            report.add([_by_tool(tool, wheel, folder / tool)])
    report.finish()


def _runs(python: str) -> bool:
    """A name on the PATH may stand for a version that is not installed."""
    if shutil.which(python) is None:
        return False
    return subprocess.run([python, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode == 0


def _wheel(folder: Path) -> Path:
    """Built from a copy: a build leaves files beside what it is built of."""
    source = folder / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=_ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(_ROOT / name, source / name)
    done = ["wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    subprocess.run([sys.executable, "-m", "pip", *done], check=True)
    return next(folder.glob("kullm-*.whl"))


def _by_pip(python: str, wheel: Path, folder: Path, *, local: bool) -> Iterator[Row]:
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    programs = folder / "bin"
    bare = _megabytes(folder)
    took = _install(programs, str(wheel))
    version = _seconds(programs / "kullm", folder, "--version")
    name = Path(python).name
    yield _row(
        f"{name}: base",
        f"{_megabytes(folder) - bare:.0f} MB in {took:.0f} s; --version {version:.2f} s",
        version=version,
    )
    if not local:
        return
    took = _install(programs, f"{wheel}[local]")
    first = _seconds(programs / "kullm", folder, "ask", _QUESTION, says=_ANSWER)
    again = _seconds(programs / "kullm", folder, "ask", _QUESTION, says=_ANSWER)
    _seconds(programs / "kullm", folder, "engine", "stop")
    yield _row(
        f"{name}: with local",
        f"{_megabytes(folder) - bare:.0f} MB in {took:.0f} s; first answer {first:.1f} s, the next {again:.1f} s",
        first=first,
        again=again,
    )


def _install(programs: Path, what: str) -> float:
    begun = time.monotonic()
    command = [str(programs / "python"), "-m", "pip", "install", "--quiet", "-c", str(_ROOT / "constraints.txt"), what]
    subprocess.run(command, check=True)
    return time.monotonic() - begun


def _by_tool(tool: str, wheel: Path, folder: Path) -> Row:
    """As a tool of the user's own, in a home of its own."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", tool], check=True)
    home = folder / "home"
    home.mkdir()
    command = {"uv": ["uv", "tool", "install", "--quiet"], "pipx": ["pipx", "install", "--quiet"]}[tool]
    begun = time.monotonic()
    subprocess.run([str(folder / "bin" / command[0]), *command[1:], str(wheel)], check=True, env=_environment(home))
    took = time.monotonic() - begun
    version = _seconds(home / ".local" / "bin" / "kullm", folder, "--version")
    return _row(f"{' '.join(command[:-1])}: base", f"in {took:.0f} s; --version {version:.2f} s", version=version)


def _seconds(program: Path, folder: Path, *arguments: str, says: str = "") -> float:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    begun = time.monotonic()
    done = subprocess.run(
        [str(program), *arguments], capture_output=True, text=True, env=_environment(home), cwd=home, check=False
    )
    if done.returncode or says not in done.stdout:
        sys.exit(f"{' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
    return time.monotonic() - begun


def _environment(home: Path) -> Mapping[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("KULLM_", "PYTHON", "XDG_"))}
    return {**kept, "HOME": str(home), "KULLM_LANG": "ko"}


def _megabytes(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink()) / 1e6


def _row(promise: str, found: str, **raw: float) -> Row:
    return Row(promise, found, None, "", None, dict(raw))


if __name__ == "__main__":
    main()
