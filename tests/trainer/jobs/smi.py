"""`nvidia-smi` on PATH, in the form in which a machine with A100s answers; what it says is two files that a test may change."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from trainer.jobs.agent.processes import started

_SCRIPT = """#!/bin/sh
cd "${0%/*}" || exit 1
[ -e fails ] && { echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver." >&2; exit 9; }
[ -e hangs ] && { echo $$ > hung.draft; mv hung.draft hung; sleep 3600; }
case "$1" in
--query-gpu=*) cat cards.csv ;;
--query-compute-apps=*) cat apps.csv ;;
*) exit 2 ;;
esac
"""
_UUIDS = (
    "GPU-3e1f6f0c-61d8-0a4b-9e57-4d2c8a90f113",
    "GPU-8b0a27d4-5c3e-f1a9-2d64-7be05c91a2e0",
    "GPU-c47d9e12-0b6f-83a5-b1f8-15e3d2096c7a",
    "GPU-f95b3c80-97a1-4e2d-8c06-a3d17f4e5b29",
)
_IDLE_MIB, _TOTAL_MIB = 4, 81920


@dataclass(frozen=True)
class Smi:
    folder: Path
    cards: int

    @staticmethod
    def uuid(card: int) -> str:
        return _UUIDS[card]

    def says(self, *on: tuple[int, int | str, int]) -> None:
        """Who is on which card: card, process, MiB."""
        used = {card: sum(mib for at, _, mib in on if at == card) for card in range(self.cards)}
        self._publish("apps.csv", [f"{_UUIDS[card]}, {pid}, {mib}" for card, pid, mib in on])
        self._publish("cards.csv", [self._card(card, used[card]) for card in range(self.cards)])

    def becomes(self, fault: str) -> None:
        """`hangs` or `fails`."""
        (self.folder / fault).touch()

    def hanging(self) -> int:
        """The process of the one that hangs since last, by its number; 0 where it has been ended, or before the first."""
        told = self.folder / "hung"
        pid = int(told.read_text()) if told.exists() else 0
        return pid if started(pid) else 0

    def recovers(self) -> None:
        for fault in ("hangs", "fails"):
            (self.folder / fault).unlink(missing_ok=True)

    @staticmethod
    def _card(card: int, used: int) -> str:
        use, watts, heat = (97, "391.42", 63) if used else (0, "[N/A]" if card == 3 else "61.07", 34)
        memory = f"{_TOTAL_MIB}, {used + _IDLE_MIB}"
        return f"{card}, {_UUIDS[card]}, NVIDIA A100-SXM4-80GB, {memory}, {use}, {watts}, {heat}, 535.129.03, [N/A], {1410 if used else 210}"

    def _publish(self, name: str, lines: list[str]) -> None:
        draft = self.folder / f"{name}.draft"
        draft.write_text("".join(line + "\n" for line in lines))
        draft.replace(self.folder / name)


def put_on_path(folder: Path, cards: int, monkeypatch: pytest.MonkeyPatch) -> Smi:
    """With nobody on its cards."""
    folder.mkdir()
    script = folder / "nvidia-smi"
    script.write_text(_SCRIPT)
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    smi = Smi(folder, cards)
    smi.says()
    return smi
