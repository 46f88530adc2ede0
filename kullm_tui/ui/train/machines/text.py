"""What is said of a machine: its row, its settings, what a check found, and how it is at this moment."""

from __future__ import annotations

from dataclasses import dataclass

from textual.content import Content

from kullm_tui.core.config.settings import MachineSettings
from kullm_tui.core.language import say
from kullm_tui.core.text import size_text
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.gauge import bar
from trainer.estimate.machines import gpu_named
from trainer.jobs.live import Live, LiveCard
from trainer.jobs.preflight import Finding, finding_text
from trainer.jobs.text import queue_text, state_text

_NAME_CELLS, _GPU_CELLS = 16, 16
_ROOMY = 68  # cells, for power and temperature too
_COLOURS = {"ok": "$foreground", "note": "$warning", "bad": "$error"}


@dataclass(frozen=True)
class MachineRow:
    machine: MachineSettings
    height: int = 1
    choosable: bool = True

    def draw(self, _line: int, width: int, /) -> Content:
        one = self.machine
        price = f"${one.price_per_hour:g}/h" if one.price_per_hour else ""
        row = Content("").join([_cell(one.name, _NAME_CELLS), _cell(one.gpus or "–", _GPU_CELLS)])
        return Content.assemble(row, (f"{safe_line(one.ssh)}  {price}", "$quiet")).truncate(width, ellipsis=True)


def settings_lines(machine: MachineSettings) -> list[Content]:
    pairs = [
        ("ssh", machine.ssh),
        (say("폴더", "folder"), machine.folder),
        ("Python", machine.python),
        ("GPU", machine.gpus or say("연결하면 물어봐요", "asked when connected")),
        (say("시작", "begins by"), _launcher(machine)),
        (
            say("가격", "price"),
            f"${machine.price_per_hour:g}/h" if machine.price_per_hour else say("적지 않음", "not given"),
        ),
        (
            say("알림", "notify"),
            say("웹훅으로 알려요", "a webhook is told") if machine.notify else say("없음", "nobody"),
        ),
    ]
    return [Content.assemble(_cell(name, 10).stylize("$quiet"), safe_line(value)) for name, value in pairs]


def finding_line(one: Finding) -> Content:
    return plain(finding_text(one)).stylize(_COLOURS[one.level])


def live_lines(live: Live, width: int) -> list[Content]:
    """Its cards with who is on them, then what trains and what waits."""
    lines = card_lines(live, width) or [no_cards(live)]
    jobs = job_lines(live)
    heading = say("학습과 대기열", "trainings and queue")
    nothing = Content.styled(say("우리 학습은 없어요.", "none of ours."), "$quiet")
    disk = say(f"디스크 {size_text(live.free)} 비어 있음", f"{size_text(live.free)} of disk free")
    return [
        *lines,
        Content(""),
        Content.styled(heading, "$accent"),
        *(jobs or [nothing]),
        Content(""),
        Content.styled(disk, "$quiet"),
    ]


def card_lines(live: Live, width: int) -> list[Content]:
    """A line a GPU, and one for each process on it."""
    lines = []
    for card in live.cards:
        lines.append(_card_line(card, width))
        for one in card.occupants:
            owner = safe_line(one.owner) or say("다른 컨테이너", "another container")
            who = say(f"   {owner} {one.pid}번 {one.gib:.1f}GB", f"   {owner} pid {one.pid} {one.gib:.1f} GB")
            lines.append(Content.styled(who, "$quiet" if one.is_ours else "$warning"))
    return lines


def no_cards(live: Live) -> Content:
    return Content(say(f"{safe_line(live.host)}: GPU 없음", f"{safe_line(live.host)}: no GPU"))


def job_lines(live: Live) -> list[Content]:
    """What trains there, and what waits in which order."""
    lines = []
    for job in live.jobs:
        queue = job.facts.get("queue")
        state = queue_text(queue) if job.place and isinstance(queue, dict) else state_text(job.state)
        lines.append(Content.assemble(safe_line(job.name or job.id), ("  " + safe_line(state), "$quiet")))
    return lines


def _card_line(card: LiveCard, width: int) -> Content:
    share = card.used / card.total if card.total else 0.0
    use = f"{card.use:3d}%" if card.use is not None else "   –"
    roomy = width >= _ROOMY
    watts = f"{card.watts:.0f} W" if roomy and card.watts is not None else ""
    heat = f"{card.celsius}°C" if roomy and card.celsius is not None else ""
    known = gpu_named(card.name)
    name = known.name if known else safe_line(card.name.removeprefix("NVIDIA "))
    line = Content.assemble(
        f"GPU {card.index} ▕",
        (bar(share), "$warning" if card.occupants else "$success"),
        f"▏ {size_text(card.used)} / {size_text(card.total)} {use}",
        ("  " + "  ".join(part for part in (watts, heat, name) if part), "$quiet"),
    )
    return line.truncate(max(1, width), ellipsis=True)


def _launcher(machine: MachineSettings) -> str:
    if machine.launcher != "slurm":
        return machine.launcher
    return "Slurm" + (f", {machine.partition}" if machine.partition else "")


def _cell(text: str, cells: int) -> Content:
    content = Content(safe_line(text)).truncate(cells - 1, ellipsis=True)
    return content.pad(0, cells - content.cell_length)
