"""Which path through the arithmetic this machine's processor takes, and the one setting that forces another: KULLM_PROCESSOR.

    auto          or unset: the best that the machine has
    avx512-bf16   our 4-bit kernel, by tiles where there are some (AMX); products of bf16 in one instruction
    avx512        AVX-512 without bf16 arithmetic: our 4-bit kernel
    avx2          neither, as most laptops: our 4-bit kernel
    plain         no AVX2: torch and bitsandbytes alone
    no-compiler   the machine as it is, as if it had no C compiler: no kernel of ours

A forced path holds for the whole of a process and its children. torch and its libraries have settings of their own and read them when they
are imported, so `hold` comes first wherever a process begins. All of kullm asks `processor()`, and nothing else, what may be used.
"""

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kullm_tui.core.errors import ConfigError
from kullm_tui.core.language import say
from kullm_tui.core.native import cpu_flags, find_compiler

SETTING = "KULLM_PROCESSOR"

Level = Literal["plain", "avx2", "avx512", "avx512-bf16"]
LEVELS: tuple[Level, ...] = ("plain", "avx2", "avx512", "avx512-bf16")
PATHS = ("auto", *reversed(LEVELS), "no-compiler")

# What a level adds to the one below it, in the words of /proc/cpuinfo.
_ADDED: Mapping[Level, frozenset[str]] = {
    "plain": frozenset(),
    "avx2": frozenset({"avx2", "fma"}),
    "avx512": frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
    "avx512-bf16": frozenset({"avx512_bf16"}),
}
# What torch's own kernels, oneDNN and MKL may use, each in its own words.
_LIBRARIES: Mapping[Level, Mapping[str, str]] = {
    "plain": {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "MKL_ENABLE_INSTRUCTIONS": "SSE4_2"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    "avx512": {
        "ATEN_CPU_CAPABILITY": "avx512",
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
        "MKL_ENABLE_INSTRUCTIONS": "AVX512",
    },
}
_ARCHITECTURES: Mapping[Level, str] = {"avx2": "x86-64-v3", "avx512": "x86-64-v4"}


@dataclass(frozen=True)
class Processor:
    level: Level
    compiler: str | None
    forced: bool  # to less than the machine has

    @property
    def runs_kernels(self) -> bool:
        """Whether our own kernels can be built and run."""
        return self.compiler is not None and self.level != "plain"

    @property
    def architecture(self) -> str:
        """For the compiler's -march."""
        return _ARCHITECTURES[self.level] if self.forced else "native"


def machine_level() -> Level:
    """The best that this machine has, whatever the setting says."""
    best: Level = "plain"
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return best
    for level in LEVELS:
        if not _ADDED[level] <= cpu_flags():
            break
        best = level
    return best


def setting() -> str:
    """The path that is asked for. ConfigError where there is none of that name, or the machine cannot run it."""
    path = forced_path() or "auto"
    if path not in PATHS:
        known = ", ".join(PATHS)
        raise ConfigError(
            say(
                f"{SETTING}={path}: 그런 값은 없어요. 쓸 수 있는 값: {known}",
                f"{SETTING}={path}: there is no such path. It may be: {known}",
            )
        )
    if path not in runnable_paths():
        best = machine_level()
        raise ConfigError(
            say(
                f"{SETTING}={path}: 이 컴퓨터의 CPU로는 실행할 수 없어요. 가능한 가장 높은 값: {best}",
                f"{SETTING}={path}: this machine's processor cannot run it. The highest it can: {best}",
            )
        )
    return path


def runnable_paths() -> tuple[str, ...]:
    """Those of PATHS that this machine can run."""
    above = LEVELS[LEVELS.index(machine_level()) + 1 :]
    return tuple(path for path in PATHS if path not in above)


def processor() -> Processor:
    path = setting()
    level = _level(path)
    return Processor(level, None if path == "no-compiler" else find_compiler(), forced=level != machine_level())


def forced_path() -> str | None:
    path = os.environ.get(SETTING)
    return path if path and path != "auto" else None


def hold() -> None:
    """Has torch and its libraries take the forced path too, in this process and its children; before torch is imported."""
    if not forced_path():
        return
    wanted = environment(setting(), os.environ)
    if wanted != dict(os.environ):
        assert "torch" not in sys.modules, "torch has looked at the processor already"
        os.environ.update(wanted)


def environment(path: str, base: Mapping[str, str]) -> dict[str, str]:
    """`base` as a process on that path has it. Without a forced path the libraries keep what somebody told them by hand."""
    forced_before = base.get(SETTING, "auto") != "auto"
    untold = {name: value for name, value in base.items() if not (forced_before and name in _LIBRARIES["plain"])}
    told = _LIBRARIES[_level(path)] if _level(path) != machine_level() else {}
    return {**untold, SETTING: path, **told}


def _level(path: str) -> Level:
    return next((level for level in LEVELS if level == path), machine_level())
