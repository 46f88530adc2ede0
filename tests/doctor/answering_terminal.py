"""The far side of `kullm doctor` on a terminal: a pseudo-terminal that answers what terminals are asked, or keeps silent."""

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kullm_tui.commands.cli.columns import cells
from tests.kullm_command import COMMAND, Terminal

_QUERIES = re.compile(r"\x1b\[\?u|\x1b\[c|\x1bP\$qm\x1b\\|\x1b\[6n")
_SEQUENCES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bP[^\x1b]*\x1b\\")
# `kullm`, but a terminal that answers at all may be slow: it shares the machine with others.
_PATIENT = (
    *(sys.executable, "-P", "-c"),
    "import sys; from kullm_tui.doctor import terminal; terminal._ASKING_SECONDS = 20.0;"
    " from kullm_tui.commands.main import main; sys.exit(main())",
)


@dataclass
class Habits:
    kitty: bool = True
    attributes: str = "62;22;52"
    colour: str = "48:2:1:2:3"  # what it says that the colour is which was set
    ambiguous_cells: int = 1  # of box characters


class AnsweringTerminal(Terminal):
    def __init__(self, home: Path, habits: Habits | None, *, env: Mapping[str, str] | None = None) -> None:
        super().__init__(home, "doctor", env=env, command=_PATIENT if habits else COMMAND)
        self._habits = habits
        self._answered = 0

    def _read(self) -> bool:
        more = super()._read()
        while self._habits and (query := _QUERIES.search(self.shown, self._answered)):
            self._answered = query.end()
            self.types(self._answer(query[0], self._habits))
        return more

    def _answer(self, query: str, habits: Habits) -> str:
        if query == "\x1b[6n":
            return f"\x1b[5;{1 + self._width(habits)}R"
        answers = {
            "\x1b[?u": "\x1b[?0u" if habits.kitty else "",
            "\x1b[c": f"\x1b[?{habits.attributes}c",
        }
        return answers.get(query, f"\x1bP1$r0;{habits.colour}m\x1b\\" if habits.colour else "")

    def _width(self, habits: Habits) -> int:
        text = _SEQUENCES.sub("", self.shown[: self._answered].rpartition("\r")[2])
        return cells(text) + sum(habits.ambiguous_cells - 1 for letter in text if letter in "─│▌…·‹›")
