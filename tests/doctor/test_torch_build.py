"""The wrong torch is found by its files, with the command that puts the right one there."""

from pathlib import Path

import pytest
import torch

from kullm_tui.doctor.torch_build import Build, fault, installed


def build(folder: Path, cuda: str = "", other: bool = False) -> Build:
    package = folder / "nvidia" / "cublas"
    package.mkdir(parents=True, exist_ok=True)
    (package / "lib.so").write_bytes(bytes(3_000_000))
    return Build(folder / "torch", cuda, other)


@pytest.mark.parametrize(
    ("cuda", "driver", "wheels"),
    [
        ("", "580.65.06", "cu130"),
        ("", "535.183.01", "cu126"),
        ("13.0", "535.183.01", "cu126"),
        ("13.0", None, "cpu"),
    ],
)
def test_the_wrong_one_is_told_with_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuda: str, driver: str | None, wheels: str
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    told = fault(build(tmp_path, cuda), driver)
    assert "-m pip install --force-reinstall torch --index-url" in told
    assert told.endswith(f"https://download.pytorch.org/whl/{wheels}")


@pytest.mark.parametrize(
    ("cuda", "driver"), [("", None), ("13.0", "580.65.06"), ("12.8", "535.183.01"), ("12.8", "[N/A]")]
)
def test_the_right_one_is_not(tmp_path: Path, cuda: str, driver: str | None) -> None:
    assert fault(build(tmp_path, cuda), driver) == ""


def test_what_nothing_can_be_done_about_here_is_said(tmp_path: Path) -> None:
    assert "525" in fault(build(tmp_path, "13.0"), "470.57")
    assert fault(build(tmp_path, other=True), "580.1") == ""
    assert fault(None, "580.1") == ""


def test_what_is_installed_is_read_as_torch_says_it() -> None:
    found = installed()
    assert found
    assert (found.cuda or None, found.other) == (torch.version.cuda, bool(torch.version.hip or torch.version.xpu))
