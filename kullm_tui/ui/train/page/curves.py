"""The charts of a job: which fields of its metrics they show, in which unit, and their rows for the room that they have.

Headless: a screen, a picture file and the bench draw the same.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kullm_tui.core.language import say
from kullm_tui.core.plot.dots import BRAILLE, Dots
from kullm_tui.core.plot.lines import Mark, Series, line_rows
from kullm_tui.core.plot.rows import Piece, Row, fitted
from kullm_tui.core.text import size_text
from kullm_tui.ui.train.page.sight import Sight
from trainer.jobs.alarms import Alarm
from trainer.jobs.metrics import Metrics
from trainer.jobs.text import time_text

POINTS_A_CELL = 8  # two columns of dots, each with a lowest and a highest point, twice over
_MOST_MARKS = 60
_HOUR = 3600.0


@dataclass(frozen=True)
class Panel:
    """One chart: its fields are lines, and evaluations points upon them."""

    fields: tuple[str, ...]
    korean: str
    english: str
    form: Callable[[float], str]
    per: float = 1.0  # of the unit that the axis counts

    @property
    def name(self) -> str:
        return say(self.korean, self.english)

    def is_there(self, metrics: Metrics) -> bool:
        return any(metrics.has(field) for field in self.fields)

    def points(self, metrics: Metrics, field: str, most: int, span: tuple[float, float] | None) -> Series:
        found = metrics.points(field, most, span)
        points = found if self.per == 1.0 else [(step, value / self.per) for step, value in found]
        return Series(field_name(field) if len(self.fields) > 1 else "", points, apart=is_evaluation(field))


PANELS = (
    Panel(("loss", "eval_loss"), "손실", "loss", "{:.4f}".format),
    Panel(("margin", "eval_margin"), "마진(좋은 답 − 아닌 답)", "margin (chosen − rejected)", "{:.3f}".format),
    Panel(("accuracy", "eval_accuracy"), "맞힌 쌍(%)", "pairs right (%)", "{:.0%}".format, 0.01),
    Panel(
        ("chosen_gain", "rejected_gain", "eval_chosen_gain"),
        "로그 확률의 변화",
        "change of log-probability",
        "{:+.2f}".format,
    ),
    Panel(("chosen_logp", "rejected_logp"), "답의 로그 확률", "log-probability of replies", "{:.1f}".format),
    Panel(("chosen_length", "rejected_length"), "답의 길이(토큰)", "length of replies (tokens)", "{:.0f}".format),
    Panel(("sft_loss",), "따라 배우는 손실", "loss of imitation", "{:.4f}".format),
    Panel(("lr",), "학습률", "learning rate", "{:.3g}".format),
    Panel(("grad_norm",), "기울기 크기", "gradient norm", "{:.3g}".format),
    Panel(("tokens_per_s",), "토큰/초", "tokens/s", "{:,.0f}".format),
    Panel(("mfu",), "MFU(%)", "MFU (%)", lambda share: f"{share:.1%}", 0.01),
    Panel(("memory_bytes",), "메모리(GB)", "memory (GB)", size_text, 1e9),
    Panel(("eta_s",), "남은 시간(시간)", "time left (hours)", time_text, _HOUR),
)
LOSS = PANELS[0]


def chart_rows(
    panel: Panel,
    metrics: Metrics,
    sight: Sight,
    width: int,
    height: int,
    *,
    alarms: Sequence[Alarm] = (),
    dots: Dots = BRAILLE,
) -> Sequence[Row]:
    """Its heading with the values at the cursor, or the newest, and the plot below."""
    whole = metrics.span()
    if whole is None or height < 2 or width < 12:
        return ()
    span = sight.span(whole)
    series = [panel.points(metrics, field, width * POINTS_A_CELL, span) for field in panel.fields]
    shown = line_rows(
        [Series("", one.points, one.apart) for one in series],
        width,
        height - 1,
        x_name=say("단계", "step"),
        log=sight.log,
        dots=dots,
        span=span if span[0] < span[1] else None,
        marks=marks_of(alarms, span) if panel is LOSS else (),
        cursor=sight.cursor,
    )
    return [heading(panel, metrics, sight, width), *shown]


def heading(panel: Panel, metrics: Metrics, sight: Sight, width: int) -> Row:
    pieces = [Piece(panel.name, "strong")]
    at = whole[1] if sight.cursor is None and (whole := metrics.span()) else sight.cursor
    for place, field in enumerate(panel.fields):
        found = metrics.at(field, at) if at is not None else None
        if found:
            many = len(panel.fields) > 1
            sign = ("▪ " if is_evaluation(field) else "━ ") if many else ""
            pieces += [Piece("  "), Piece(sign, place), Piece(field_name(field) + " " if many else "")]
            pieces.append(Piece(panel.form(found[1]), "strong"))
            if is_evaluation(field) and found[0] != at:
                pieces.append(Piece(say(f" ({found[0]:,}단계)", f" (step {found[0]:,})"), "quiet"))
    if sight.cursor is not None and panel is LOSS:
        pieces.append(Piece(say(f"  {sight.cursor:,}단계에서", f"  at step {sight.cursor:,}"), "quiet"))
    if sight.log and panel is LOSS:
        pieces.append(Piece(say("  로그 눈금", "  log scale"), "quiet"))
    return cut(pieces, width)


def cut(pieces: Sequence[Piece], width: int) -> Row:
    whole = "".join(piece.text for piece in pieces)
    if fitted(whole, width).rstrip() == whole.rstrip():
        return tuple(pieces)
    return (Piece(fitted(whole, width), "strong"),)


def marks_of(alarms: Sequence[Alarm], span: tuple[float, float]) -> list[Mark]:
    """Skipped steps and losses that are no number are among the alarms."""
    found = [Mark(one.step, one.glyph) for one in alarms if one.step is not None and span[0] <= one.step <= span[1]]
    return found[-_MOST_MARKS:]


def field_name(field: str) -> str:
    """Beside the others of its chart."""
    if is_evaluation(field):
        return say("평가", "evaluation")
    if field.startswith("chosen_"):
        return say("좋은 답", "chosen")
    if field.startswith("rejected_"):
        return say("아닌 답", "rejected")
    return say("학습", "train")


def is_evaluation(field: str) -> bool:
    return field.startswith("eval_")
