"""The tree as rows: the study as a whole, then each kind of stage with its stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content

from kullm_tui.studies.stages import Stage
from kullm_tui.studies.text import branches
from kullm_tui.ui.paper.text import Look, stage_line, whole_line
from kullm_tui.ui.widgets.row_list import Heading, Row, Rows


@dataclass
class WholeRow:
    look: Look
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        return whole_line(self.look, width)


@dataclass
class StageRow:
    look: Look
    stage: Stage
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        return stage_line(self.look.moment(self.stage), width)


def rows_of(look: Look) -> list[Row]:
    rows: list[Row] = [WholeRow(look)]
    for branch, stages in branches(look.plan):
        rows += [Heading(branch), *(StageRow(look, one) for one in stages)]
    return rows


class StageRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "read_stage", show=False),
        Binding("right", "other_study(1)", show=False),  # a list would scroll to the sides by these
        Binding("left", "other_study(-1)", show=False),
    ]

    def action_read_stage(self) -> None:
        self.action_take()

    async def action_other_study(self, step: int) -> None:
        await self.run_action(f"screen.other_study({step})")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """As the screen's own, so that the footer has it only where there are rows."""
        return self.screen.check_action(action, parameters) if action == "read_stage" else True
