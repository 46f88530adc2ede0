"""The charts of a job's machine: what its cards and its own processor, memory and network did while it ran, and their rows for the room that they have."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kullm_tui.core.language import say
from kullm_tui.core.plot.dots import BRAILLE, Dots
from kullm_tui.core.plot.lines import Series, line_rows
from kullm_tui.core.plot.rows import Piece, Row
from kullm_tui.core.text import size_text
from kullm_tui.ui.train.page.curves import POINTS_A_CELL, cut
from kullm_tui.ui.train.page.sight import Sight
from trainer.jobs.machine_past import HOST, Figure, MachinePast
from trainer.jobs.text import time_text

_MINUTE, _HOUR = 60, 3600
_HOURS_FROM = 3 * _HOUR
_MIB_IN_A_GIB = 1024.0


@dataclass(frozen=True)
class MachinePanel:
    """One chart: a figure of every card, or several of the host, a line each."""

    figures: tuple[str, ...]
    korean: str
    english: str
    form: Callable[[float], str]
    per: float = 1.0  # of the unit that the axis counts
    of_host: bool = False

    @property
    def name(self) -> str:
        return say(self.korean, self.english)

    @property
    def id(self) -> str:
        return f"{'host' if self.of_host else 'cards'}-{self.figures[0]}"

    def is_there(self, past: MachinePast) -> bool:
        return any(past.has(figure) for figure, _ in self.lines(past))

    def lines(self, past: MachinePast) -> list[tuple[Figure, str]]:
        """With what they are called beside each other."""
        if self.of_host:
            return [((HOST, name), _NAMES[name]() if name in _NAMES else "") for name in self.figures]
        cards = past.cards
        return [((card, self.figures[0]), str(card) if len(cards) > 1 else "") for card in cards]


_NAMES: dict[str, Callable[[], str]] = {
    "mib": lambda: say("메모리", "memory"),
    "swap": lambda: say("스왑", "swap"),
    "in": lambda: say("받음", "in"),
    "out": lambda: say("보냄", "out"),
}


def _gigabytes(mib: float) -> str:
    return f"{mib / _MIB_IN_A_GIB:.1f}GB"


def _bytes_a_second(count: float) -> str:
    return f"{size_text(round(count))}/s"


MACHINE_PANELS = (
    MachinePanel(("use",), "GPU 사용률(%)", "GPU use (%)", "{:.0f}%".format),
    MachinePanel(("mib",), "GPU 메모리(GB)", "GPU memory (GB)", _gigabytes, _MIB_IN_A_GIB),
    MachinePanel(("watts",), "전력(W)", "power (W)", "{:.0f}W".format),
    MachinePanel(("celsius",), "온도(°C)", "temperature (°C)", "{:.0f}°C".format),
    MachinePanel(("mhz",), "클록(MHz)", "clock (MHz)", "{:,.0f}MHz".format),
    MachinePanel(("use",), "CPU 사용률(%)", "CPU use (%)", "{:.0f}%".format, of_host=True),
    MachinePanel(("mib", "swap"), "CPU 메모리(GB)", "CPU memory (GB)", _gigabytes, _MIB_IN_A_GIB, of_host=True),
    MachinePanel(("in", "out"), "네트워크(MB/초)", "network (MB/s)", _bytes_a_second, 1e6, of_host=True),
)


def machine_rows(
    panel: MachinePanel, past: MachinePast, sight: Sight, width: int, height: int, *, dots: Dots = BRAILLE
) -> Sequence[Row]:
    """Its heading with the figures at the cursor, or the newest, and the plot below, over the hours of the job."""
    whole = past.whole
    if whole is None or height < 2 or width < 12:
        return ()
    span = sight.span(whole)
    unit, unit_name = (_HOUR, say("시간", "hours")) if span[1] > _HOURS_FROM else (_MINUTE, say("분", "minutes"))
    points = [past.points(figure, width * POINTS_A_CELL, span) for figure, _ in panel.lines(past)]
    shown = line_rows(
        [Series("", [(second / unit, value / panel.per) for second, value in one]) for one in points],
        width,
        height - 1,
        x_name=unit_name,
        log=sight.log,
        dots=dots,
        span=(span[0] / unit, span[1] / unit) if span[0] < span[1] else None,
        cursor=None if sight.cursor is None else sight.cursor / unit,
    )
    return [_heading(panel, past, sight, width, whole[1]), *shown]


def _heading(panel: MachinePanel, past: MachinePast, sight: Sight, width: int, last: int) -> Row:
    pieces = [Piece(panel.name, "strong")]
    for place, (figure, name) in enumerate(panel.lines(past)):
        value = past.at(figure, last if sight.cursor is None else sight.cursor)
        if value is not None:
            pieces += [Piece("  "), Piece("━ " if name else "", place), Piece(f"{name} " if name else "")]
            pieces.append(Piece("-" if value != value else panel.form(value), "strong"))
    if sight.cursor is not None and panel is MACHINE_PANELS[0]:
        told = time_text(sight.cursor)
        pieces.append(Piece(say(f"  {told}째", f"  {told} in"), "quiet"))
    return cut(pieces, width)
