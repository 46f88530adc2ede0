"""The one setting that forces a path. What torch and the kernels make of it is tested in tests/weights/test_paths.py."""

import os
import subprocess
import sys

import pytest

from kullm_tui.core import processor
from kullm_tui.core.errors import ConfigError
from kullm_tui.core.processor import SETTING, environment, machine_level, runnable_paths

_AVX2 = frozenset({"sse2", "avx2", "fma"})
_AVX512 = _AVX2 | {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


@pytest.fixture(autouse=True)
def _unforced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTING, raising=False)


@pytest.mark.parametrize(
    ("flags", "level", "above"),
    [
        (frozenset({"sse2"}), "plain", {"avx2", "avx512", "avx512-bf16"}),
        (_AVX2, "avx2", {"avx512", "avx512-bf16"}),
        (_AVX512, "avx512", {"avx512-bf16"}),
        (_AVX512 | {"avx512_bf16"}, "avx512-bf16", set()),
        (_AVX512 - {"avx2"}, "plain", {"avx2", "avx512", "avx512-bf16"}),
    ],
)
def test_a_machine_runs_every_path_up_to_its_own(
    flags: frozenset[str], level: str, above: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processor, "cpu_flags", lambda: flags)
    assert machine_level() == level
    assert set(processor.PATHS) - set(runnable_paths()) == above


def test_a_path_beyond_the_processor_is_refused_with_the_highest_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "cpu_flags", lambda: _AVX2)
    monkeypatch.setenv(SETTING, "avx512")
    monkeypatch.setenv("KULLM_LANG", "en")
    with pytest.raises(ConfigError, match="KULLM_PROCESSOR=avx512: this machine's processor cannot run it.* avx2"):
        processor.hold()


def test_a_path_that_does_not_exist_is_refused_by_the_command_in_one_line() -> None:
    told = {**os.environ, SETTING: "avx1024", "KULLM_LANG": "en"}
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "kullm_tui", "doctor"], env=told, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        "kullm: KULLM_PROCESSOR=avx1024: there is no such path. It may be: "
        "auto, avx512-bf16, avx512, avx2, plain, no-compiler"
    ]


def test_a_child_on_another_path_keeps_nothing_of_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "cpu_flags", lambda: _AVX512 | {"avx512_bf16"})
    plain = environment("plain", {"HOME": "/"})
    assert plain["ATEN_CPU_CAPABILITY"] == "default"
    assert environment("avx2", plain)["ATEN_CPU_CAPABILITY"] == "avx2"
    for whole in ("auto", "no-compiler", "avx512-bf16"):
        assert environment(whole, plain) == {"HOME": "/", SETTING: whole}


def test_without_a_forced_path_the_libraries_keep_what_they_were_told_by_hand() -> None:
    by_hand = {"ATEN_CPU_CAPABILITY": "avx2"}
    assert environment("auto", by_hand) == {**by_hand, SETTING: "auto"}


def test_engines_on_different_paths_live_side_by_side(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kullm_tui.core.endpoints.local_engine import EngineFiles

    monkeypatch.setenv("KULLM_HOME", str(tmp_path))
    own = EngineFiles().folder
    monkeypatch.setenv(SETTING, "plain")
    assert EngineFiles().folder == own.with_name(f"{own.name}-plain")
