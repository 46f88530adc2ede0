"""How a machine's agent is reached: a process here, or one behind ssh. What it is asked and what it answers is the same."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import Popen
from typing import Any, Protocol

Told = Callable[[int], None]  # how many bytes have gone, as they go


def nobody(_bytes: int) -> None:
    """Nobody is told."""


class Transport(Protocol):
    def call(self, verb: str, question: Mapping[str, Any]) -> dict[str, Any]:
        """The agent's answer; a fault of the way there is a MachineUnreachable, one of the machine's an `error` in it."""
        ...

    def stream(self, verb: str, *arguments: str) -> "Popen[bytes]":
        """The agent at work with its ends of stdin and stdout here."""
        ...

    def upload(self, files: Mapping[str, Path], told: Told = nobody) -> None:
        """By digest, into the machine's incoming folder; what has come already is not sent again."""
        ...

    def download(self, folder: str, names: Sequence[str], target: Path, told: Told = nobody) -> None:
        """Files of a folder there into one here; what has come already is not sent again."""
        ...
