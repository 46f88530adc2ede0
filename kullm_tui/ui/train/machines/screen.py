"""The machines that train for this computer: each with its settings, a check whose lines appear as they come, and a look at what goes on there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets._static import Static

from kullm_tui.core.language import say
from kullm_tui.ui.background import Fault, apart, begin, is_there
from kullm_tui.ui.dialogs.ask import Confirm
from kullm_tui.ui.keymap import bindings
from kullm_tui.ui.keymap.training import MACHINES
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.train.machines.adding import ask_for_machine
from kullm_tui.ui.train.machines.questions import Secret, asking_in
from kullm_tui.ui.train.machines.text import MachineRow, finding_line, live_lines, settings_lines
from kullm_tui.ui.widgets.key_bar import KeyBar
from kullm_tui.ui.widgets.notice import Notice
from kullm_tui.ui.widgets.row_list import Row, Rows
from kullm_tui.ui.widgets.status_line import StatusLine
from trainer.jobs.machines import client_of, known_machines

if TYPE_CHECKING:
    from kullm_tui.core.config.settings import MachineSettings
    from kullm_tui.ui.host import Host
    from trainer.jobs.live import Live
    from trainer.jobs.preflight import Finding
    from trainer.jobs.transports.askpass import Asking

_LIVE_SECONDS = 3.0


class MachineRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "live", show=False)]

    def action_live(self) -> None:
        self.action_take()


class MachinesScreen(Screen[None]):
    BINDINGS: ClassVar[list[BindingType]] = bindings(MACHINES)
    AUTO_FOCUS = "#machines"
    CSS = """
    MachinesScreen #body { height: 1fr; layout: vertical; }
    MachinesScreen #machines { height: 35%; padding: 0 1; }
    MachinesScreen #page { height: 1fr; border-top: solid $rule; padding: 0 1; }
    MachinesScreen #page Static { width: 100%; height: auto; }
    MachinesScreen.-wide #body { layout: horizontal; }
    MachinesScreen.-wide #machines { width: 42%; height: 1fr; }
    MachinesScreen.-wide #page { height: 1fr; width: 1fr; border-top: none; border-left: solid $rule; padding: 0 2; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._machines: Sequence[MachineSettings] = ()
        self._watched = ""  # the machine whose moment is shown
        self._live: Live | None = None
        self._looks = 0  # that are under way

    @property
    def host(self) -> Host:
        return cast("Host", self.app)

    def compose(self) -> ComposeResult:
        yield StatusLine(self.host.status, say("장비", "Machines"))
        with Horizontal(id="body"):
            yield MachineRows(id="machines")
            with VerticalScroll(id="page", can_focus=False):
                yield Static(id="text", markup=False)
        yield Notice()
        yield KeyBar()

    def on_mount(self) -> None:
        self._asking = asking_in(self.app)
        self.set_interval(_LIVE_SECONDS, self._look)
        begin(self, self._read, self._tell_fault)

    def relabel(self) -> None:
        self.query_one(StatusLine).name_place(say("장비", "Machines"))
        self._describe()

    # -- the list ------------------------------------------------------------------------------------------------------

    async def _read(self, chosen: str = "") -> None:
        self._machines = await asyncio.to_thread(known_machines)
        rows: list[Row] = [MachineRow(machine) for machine in self._machines]
        names = [machine.name for machine in self._machines]
        self.query_one("#machines", Rows).show(rows, names.index(chosen) if chosen in names else 0 if rows else None)
        self._describe()
        self.refresh_bindings()

    @property
    def chosen(self) -> MachineSettings | None:
        place = self.query_one("#machines", Rows).chosen
        return self._machines[place] if place is not None and place < len(self._machines) else None

    @on(Rows.Moved)
    def _moved(self) -> None:
        self._watched, self._live = "", None
        self.query_one(Notice).tell()
        self._describe()

    def _describe(self) -> None:
        machine = self.chosen
        self.show_lines([_invitation()] if machine is None else [_title(machine), *settings_lines(machine)])

    def show_lines(self, lines: Sequence[Content]) -> None:
        self.query_one("#text", Static).update(Content("\n").join(lines))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        needs = ("live", "check_machine", "notify_address", "remove_machine")
        return action not in needs or (is_there(self) and self.chosen is not None)

    # -- what goes on there --------------------------------------------------------------------------------------------

    @on(Rows.Taken)
    def action_live(self) -> None:
        """Watched until another one is chosen."""
        machine = self.chosen
        if machine and self._watched != machine.name:
            self._watched, self._live = machine.name, None
            self.show_lines([_title(machine), Content.styled(_connecting(machine), "$quiet")])
            begin(self, partial(self._watch, machine, self._asking), self._tell_unseen, group="live", exclusive=True)

    def _look(self) -> None:
        """Again, with nobody asked anything, unless the last look is still under way."""
        machine = self.chosen
        if machine and self._watched == machine.name and self.is_current and not self._looks:
            begin(self, partial(self._watch, machine, None), self._tell_unseen, group="live", exclusive=True)

    async def _watch(self, machine: MachineSettings, asking: Asking | None) -> None:
        from trainer.jobs.live import live_of

        self._looks += 1
        try:
            live = await apart(lambda: live_of(client_of(machine, asking)))
        finally:
            self._looks -= 1
        if self._watched == machine.name:
            self._live = live
            self.show_lines([_title(machine), *live_lines(live, self.page_width)])

    def _tell_unseen(self, fault: Fault) -> None:
        """What was seen last stays, with its age."""
        machine = self.chosen
        if machine is None or self._watched != machine.name:
            return
        told = Content.styled(safe_line(str(fault)), "$warning")
        seen = live_lines(self._live, self.page_width) if self._live else []
        age = [Content.styled(_age(self._live), "$quiet")] if self._live else []
        self.show_lines([_title(machine), told, *age, *seen])

    @property
    def page_width(self) -> int:
        return max(20, self.query_one("#page").scrollable_content_region.width)

    # -- the check -----------------------------------------------------------------------------------------------------

    def action_check_machine(self) -> None:
        machine = self.chosen
        if machine:
            self._watched = ""
            begin(self, partial(self._check, machine), self._tell_fault, group="check", exclusive=True)

    async def _check(self, machine: MachineSettings) -> None:
        """Each line as it comes."""
        from trainer.jobs.preflight import check

        lines: list[Content] = [_title(machine)]
        self.show_lines([*lines, Content.styled(_connecting(machine), "$quiet")])

        def run() -> None:
            for one in check(client_of(machine, self._asking), machine):
                self.app.call_from_thread(told, one)

        def told(one: Finding) -> None:
            lines.append(finding_line(one))
            if is_there(self) and self.chosen == machine and not self._watched:
                self.show_lines([*lines, Content.styled(say("살펴보는 중 …", "looking …"), "$quiet")])

        await apart(run)
        if self.chosen == machine and not self._watched:
            self.show_lines(lines)

    # -- changes -------------------------------------------------------------------------------------------------------

    def action_add_machine(self) -> None:
        begin(self, self._add, self._tell_fault, group="add", exclusive=True)

    async def _add(self) -> None:
        machine = await ask_for_machine(
            self.app, self._asking, lambda text: self.show_lines([Content.styled(text, "$quiet")])
        )
        if machine is None:
            self._describe()
            return
        await self._read(machine.name)
        self.action_check_machine()

    def action_notify_address(self) -> None:
        if self.chosen:
            begin(self, partial(self._notify, self.chosen), self._tell_fault)

    async def _notify(self, machine: MachineSettings) -> None:
        from trainer.jobs.adding import is_address, keep, stored_address

        asked = Secret(
            say(
                f"{machine.name}의 학습이 끝나면 알릴 웹훅 주소",
                f"Webhook to be told when a training of {machine.name} ends",
            ),
            say(
                "키와 같은 곳에 저장해요. 주소를 아는 사람은 거기에 쓸 수 있으니까요.",
                "It is kept where the keys are: who knows it may write there.",
            ),
            say("저장하기", "Store it"),
            lambda line: (
                None
                if is_address(line)
                else say("https://로 시작하는 주소를 넣어 주세요.", "It is an address that begins with https://.")
            ),
        )
        address = await self.app.push_screen_wait(asked)
        if address:
            name = await asyncio.to_thread(stored_address, machine.name, address.strip())
            await asyncio.to_thread(keep, replace(machine, notify=name))
            await self._read(machine.name)

    def action_remove_machine(self) -> None:
        if self.chosen:
            begin(self, partial(self._remove, self.chosen), self._tell_fault)

    async def _remove(self, machine: MachineSettings) -> None:
        from kullm_tui.core.config.edit import remove_row

        asked = Confirm(
            say(f"{machine.name}: 목록에서 뺄까요?", f"Take {machine.name} off the list?"),
            say("목록에서 빼기", "Take it off"),
            more=say("그곳의 학습과 파일은 그대로 있어요.", "Its trainings and files stay as they are."),
            danger=True,
        )
        if await self.app.push_screen_wait(asked):
            await asyncio.to_thread(remove_row, "machines", machine.name)
            await self._read()

    def action_leave_machines(self) -> None:
        self.dismiss(None)

    def _tell_fault(self, fault: Fault) -> None:
        self.query_one(Notice).tell(str(fault), error=True)
        if not self._watched:
            self._describe()


def _title(machine: MachineSettings) -> Content:
    return Content(safe_line(machine.name)).stylize("bold")


def _connecting(machine: MachineSettings) -> str:
    return say(f"{machine.ssh}에 연결하는 중 …", f"connecting to {machine.ssh} …")


def _age(live: Live) -> str:
    seconds = max(0, round(time.time() - live.asked))
    return say(f"{seconds}초 전에 본 것이에요.", f"as it was {seconds} s ago.")


def _invitation() -> Content:
    return Content(
        say(
            "추가한 장비가 없어요.\n\nssh로 연결되는 컴퓨터라면 무엇이든 쓸 수 있어요. a를 누르고 ~/.ssh/config의 별칭이나 사용자@주소를 적으세요.",
            "No machine yet.\n\nAny computer that ssh reaches will do. Press a and give an alias of ~/.ssh/config, or user@address.",
        )
    )
