"""The same in a shell: which commands do what the keys do with a training, to be copied."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.dialogs.dialog import Dialog
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.train.seen import Seen
from kullm_tui.ui.widgets.cells import cell
from kullm_tui.ui.widgets.row_list import Row, Rows

_MEANING_CELLS = 16


@dataclass(frozen=True)
class ShellCommand:
    meaning: str
    text: str
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, _width: int, /) -> Content:
        return Content.assemble(cell(Content.styled(self.meaning, "$quiet"), _MEANING_CELLS), safe_line(self.text))


def shell_commands(seen: Seen) -> list[ShellCommand]:
    """Those that would do something now, the likeliest first."""
    job = seen.id
    argv = seen.job.spec.get("argv")
    begun = shlex.join(["kullm", *map(str, argv)]) if isinstance(argv, list) and argv else ""
    candidates = (
        (seen.is_live, say("지켜보기", "follow"), f"kullm jobs follow {job}"),
        (seen.is_live, say("멈추기", "stop"), f"kullm jobs cancel {job}"),
        (seen.has_result, say("결과 받기", "fetch"), f"kullm jobs fetch {job}"),
        (seen.can_go_on, say("이어서 하기", "go on"), f"kullm jobs resume {job}"),
        (True, say("자세히 보기", "show"), f"kullm jobs show {job}"),
        (True, say("곡선 그리기", "plot"), f"kullm jobs plot {job}"),
        (True, say("기록 보기", "log"), f"kullm jobs logs {job}"),
        (True, say("값을 바꿔 복제", "clone"), f"kullm jobs clone {job} --set train.epochs=3"),
        (bool(begun), say("처음 쓴 명령", "as it was begun"), begun),
        (not seen.is_live, say("지우기", "remove"), f"kullm jobs remove {job}"),
    )
    return [ShellCommand(meaning, text) for is_now, meaning, text in candidates if is_now]


class ShellCommands(Dialog[str]):
    """The command that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = []
    AUTO_FOCUS = "Rows"
    CSS = """
    ShellCommands .dialog { width: 90; padding: 1 2; }
    ShellCommands Rows { margin-top: 1; height: auto; max-height: 12; }
    """

    def __init__(self, called: str, commands: Sequence[ShellCommand]) -> None:
        super().__init__()
        self._called, self._commands = called, commands

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            asked = say(f"{self._called}: 복사할 명령을 고르세요", f"{self._called}: which command is to be copied?")
            yield Static(plain(asked), classes="dialog--question", markup=False)
            yield Rows()

    def on_mount(self) -> None:
        rows: Sequence[Row] = self._commands
        listed = self.query_one(Rows)
        listed.styles.height = len(rows)
        listed.show(rows, 0)

    @on(Rows.Taken)
    def _taken(self, event: Rows.Taken) -> None:
        self.dismiss(self._commands[event.index].text)
