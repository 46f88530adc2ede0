"""`nvidia-smi` of a machine with A100 cards, as a program on a PATH: it answers what it is asked for, in the form in which one answered.

What it says is two files beside it that a test may change at any time."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from trainer.jobs.agent.processes import started

_SCRIPT = """#!/bin/sh
cd "${0%/*}" || exit 1
[ -e fails ] && { echo "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver." >&2; exit 9; }
[ -e hangs ] && { echo $$ > hung.draft; mv hung.draft hung; sleep 3600; }
case "$1" in
--query-gpu=*) table=cards.csv ;;
--query-compute-apps=*) table=apps.csv ;;
*) exit 2 ;;
esac
exec /usr/bin/awk -F ', ' -v asked="${1#*=}" '
NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; n = split(asked, field, ","); next }
{
    for (i = 1; i <= n; i++) {
        if (!(field[i] in at)) { print "Field \\"" field[i] "\\" is not a valid field to query."; exit 2 }
        printf "%s%s", (i > 1 ? ", " : ""), $(at[field[i]])
    }
    print ""
}' "$table"
"""
_CARDS = (
    "index",
    "uuid",
    "name",
    "memory.total",
    "memory.used",
    "utilization.gpu",
    "power.draw",
    "temperature.gpu",
    "driver_version",
    "fan.speed",
    "clocks.sm",
)
_APPS = ("gpu_uuid", "pid", "used_memory")
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
    driver: str = "580.95.05"

    @staticmethod
    def uuid(card: int) -> str:
        return _UUIDS[card]

    def says(self, *on: tuple[int, int | str, int]) -> None:
        """Who is on which card: card, process, MiB."""
        used = {card: sum(mib for at, _, mib in on if at == card) for card in range(self.cards)}
        self._publish("apps.csv", _APPS, [(_UUIDS[card], pid, mib) for card, pid, mib in on])
        self._publish("cards.csv", _CARDS, [self._card(card, used[card]) for card in range(self.cards)])

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

    def _card(self, card: int, used: int) -> tuple[object, ...]:
        use, watts, heat, clock = (97, "391.42", 63, 1410) if used else (0, "61.07", 34, 210)
        power = watts if used or card != 3 else "[N/A]"
        memory = (_TOTAL_MIB, used + _IDLE_MIB)
        return (card, _UUIDS[card], "NVIDIA A100-SXM4-80GB", *memory, use, power, heat, self.driver, "[N/A]", clock)

    def _publish(self, name: str, fields: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
        draft = self.folder / f"{name}.draft"
        draft.write_text("".join(", ".join(map(str, row)) + "\n" for row in [fields, *rows]))
        draft.replace(self.folder / name)


def put(
    folder: Path, *, cards: int = 4, held: Mapping[int, tuple[int, int]] | None = None, driver: str = "580.95.05"
) -> Smi:
    """`held`: by card, a process and its MiB."""
    program = folder / "nvidia-smi"
    program.unlink(missing_ok=True)
    program.write_text(_SCRIPT)
    program.chmod(0o755)
    smi = Smi(folder, cards, driver)
    smi.says(*((card, pid, mib) for card, (pid, mib) in (held or {}).items()))
    return smi


def put_on_path(folder: Path, cards: int, monkeypatch: pytest.MonkeyPatch) -> Smi:
    """With nobody on its cards."""
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return put(folder, cards=cards)
