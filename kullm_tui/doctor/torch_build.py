"""Whether the torch that is installed is the one for this machine's card, and the one command that puts the right one in its place.

It is read from its files: importing it takes seconds.
"""

import importlib.util
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.core.language import say

_WHEELS = "https://download.pytorch.org/whl"
# The oldest driver that a CUDA runs with, newest first: NVIDIA's table of minor version compatibility.
_DRIVERS = ((580, 13, "cu130"), (525, 12, "cu126"))
_MADE_FOR = re.compile(r"^(cuda|hip|xpu)\b.*= '([^']+)'", re.MULTILINE)


@dataclass(frozen=True)
class Build:
    folder: Path
    cuda: str  # the version that it was made for, or nothing
    other: bool  # for cards of another maker

    @property
    def unused_gb(self) -> float:
        """What CUDA's own packages take beside it."""
        files = (self.folder.parent / "nvidia").rglob("*")
        return sum(file.stat().st_size for file in files if file.is_file()) / 1e9


def installed() -> Build | None:
    spec = importlib.util.find_spec("torch")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        file = Path(place) / "version.py"
        if file.is_file():
            made_for = dict(_MADE_FOR.findall(file.read_text(encoding="utf-8")))
            return Build(file.parent, made_for.pop("cuda", ""), bool(made_for))
    return None


def fault(build: Build | None, driver: str | None) -> str:
    """`driver`: of the NVIDIA cards that are here, or None where there is none. Nothing, where both go together."""
    if build is None or build.other:
        return ""
    if driver is None:
        return _unused(build) if build.cuda and sys.platform == "linux" else ""
    number = re.match(r"\d+", driver)
    return _beside(build, driver, int(number[0])) if number else ""


def _beside(build: Build, driver: str, newest: int) -> str:
    right = next((wheels for oldest, _, wheels in _DRIVERS if newest >= oldest), "")
    if not right:
        oldest = _DRIVERS[-1][0]
        return say(
            f"드라이버가 오래돼 torch가 쓸 수 없어요(지금 {driver}). {oldest} 이상으로 올리세요",
            f"driver {driver} is too old for torch; it takes {oldest} or later",
        )
    if not build.cuda:
        return say(
            f"torch가 CPU용이라 GPU를 쓰지 못해요. 바꾸려면: {_command(right)}",
            f"torch is the one for processors, so no GPU is used. To replace it: {_command(right)}",
        )
    wanted = next((oldest for oldest, major, _ in _DRIVERS if build.cuda.startswith(f"{major}.")), 0)
    if newest < wanted:
        return say(
            f"torch의 CUDA {build.cuda}에는 드라이버 {wanted} 이상이 필요해요(지금 {driver}). torch를 바꾸려면: {_command(right)}",
            f"torch's CUDA {build.cuda} takes driver {wanted} or later, here it is {driver}. To replace torch: {_command(right)}",
        )
    return ""


def _unused(build: Build) -> str:
    return say(
        f"torch가 CUDA용이라 쓰지 않는 패키지가 {build.unused_gb:.1f} GB 있어요. 바꾸려면: {_command('cpu')}",
        f"torch is the one for CUDA, with {build.unused_gb:.1f} GB that nothing uses. To replace it: {_command('cpu')}",
    )


def _command(wheels: str) -> str:
    return f"{sys.executable} -m pip install --force-reinstall torch --index-url {_WHEELS}/{wheels}"
