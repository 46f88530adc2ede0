"""The way to a rented machine that is not up: there is none, and whoever asks is told how it is brought up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, NoReturn

from kullm_tui.core.language import say
from trainer.jobs.transports import Told, nobody
from trainer.jobs.transports.ssh_faults import MachineUnreachable


class NotUp(MachineUnreachable):
    pass


@dataclass(frozen=True)
class Nowhere:
    machine: str

    def call(self, _verb: str, _question: Mapping[str, Any]) -> dict[str, Any]:
        self._refuse()

    def stream(self, _verb: str, *_arguments: str) -> "Popen[bytes]":
        self._refuse()

    def upload(self, _files: Mapping[str, Path], _told: Told = nobody) -> None:
        self._refuse()

    def download(self, _folder: str, _names: Sequence[str], _target: Path, _told: Told = nobody) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise NotUp(
            say(
                f"{self.machine}: 지금은 빌리지 않은 장비예요. `kullm train 레시피 --on {self.machine}`이나 `kullm machines up {self.machine} --hours 시간`으로 빌려요.",
                f"{self.machine} is not rented now. `kullm train RECIPE --on {self.machine}` rents it, or `kullm machines up {self.machine} --hours N`.",
            )
        )
