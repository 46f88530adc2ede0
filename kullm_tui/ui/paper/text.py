"""What the screen of studies draws: the line of each stage, what is told of it, and the study as a whole with its bill and its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.times import clock
from kullm_tui.studies.bill import Bill
from kullm_tui.studies.bill_text import amount, rows_of
from kullm_tui.studies.marks import AtWork
from kullm_tui.studies.report_files import Written
from kullm_tui.studies.running import Moment, Standing
from kullm_tui.studies.seen import Said, Seen
from kullm_tui.studies.stages import Plan, Stage, kind_text, whole_command
from kullm_tui.studies.text import SIGNS, headline, outcome_text, report_text, standing_text
from kullm_tui.ui.paper.runs import Running, Wishes
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.cells import bar, cell, columns, joined
from trainer.jobs.text import time_text

_BAR_CELLS = 16
_LEAST_CELLS = 4  # of what is told beside a title
_COLOURS: Mapping[Standing, str] = {
    "kept": "$success",
    "done": "$success",
    "begun": "$accent",
    "at work": "$accent",
    "failed": "$error",
    "stopped": "$warning",
    "waits": "$quiet",
}


@dataclass
class Look:
    """All that is known of the study on the screen."""

    name: str  # as `load_study` takes it
    plan: Plan
    wishes: Wishes
    seen: Seen = field(default_factory=Seen)
    bill: Bill | None = None  # not reckoned yet
    written: Written | None = None
    running: Running | None = None

    @property
    def is_active(self) -> bool:
        return bool(self.running and self.running.active)

    @property
    def done(self) -> int:
        return sum(self.moment(one).standing in ("kept", "done") for one in self.plan.stages)

    def moment(self, stage: Stage) -> Moment:
        """Where it stands: by what is heard of it here, else as it stands on disk, where others may have gone on."""
        heard = self.running.moments.get(stage.id) if self.running else None
        is_heard = heard is not None and heard.stage.key == stage.key
        if heard and is_heard and self.is_active:
            return heard
        if mark := self.seen.marks.get(stage.id):
            return Moment(stage, "done", seconds=mark.seconds)
        if self.seen.elsewhere and stage == self.seen.next_of(self.plan):
            said = self.seen.said.get(stage.id)
            return Moment(stage, "at work", said.words.rpartition("\n")[2] if said else "")
        return heard if heard and is_heard else Moment(stage, "waits")

    @property
    def command(self) -> str:
        return whole_command(self.name, judges=self.wishes.judges, machine=self.wishes.machine)


def stage_line(moment: Moment, width: int) -> Content:
    colour = _COLOURS[moment.standing]
    left = Content.assemble("  ", (SIGNS[moment.standing], colour), " ", safe_line(moment.stage.title))
    told, room = _told_of(moment), width - left.cell_length - 2
    if not told or room < _LEAST_CELLS:
        return left
    right = Content.styled(told, colour if moment.standing in ("failed", "stopped", "at work") else "$quiet")
    return Content.assemble(left, "  ", cell(right, room, right=moment.standing != "at work"))


def _told_of(moment: Moment) -> str:
    if moment.standing in ("kept", "done"):
        return time_text(moment.seconds) if moment.seconds else ""
    if moment.standing == "at work":
        return safe_line(moment.words)
    return "" if moment.standing == "waits" else standing_text(moment.standing)


def whole_line(look: Look, width: int) -> Content:
    """The row of the study as a whole: what is still to be paid and waited for."""
    left = Content.styled(say("계획과 비용", "plan and bill"), "bold")
    return Content.assemble(left, "  ", cell(_sum(look.bill), max(0, width - left.cell_length - 2), right=True))


def _sum(bill: Bill | None) -> Content:
    if bill is None or not bill.items:
        return Content("")
    dollars, seconds = bill.total("dollars")[0], bill.total("seconds")[0]
    told = [amount("dollars", dollars)] if dollars else []
    return Content.styled(" · ".join([*told, time_text(seconds)]), "$quiet")


def state_line(look: Look) -> Content:
    """How far it is, and what to press next."""
    done, total = look.done, len(look.plan.stages)
    counted = Content.assemble(bar(done, total, _BAR_CELLS), " ", say(f"{done}/{total} 단계", f"{done}/{total} stages"))
    words, colour = _state(look, done, total)
    return Content.assemble(counted, "  ", (words, colour))


def _state(look: Look, done: int, total: int) -> tuple[str, str]:
    running, elsewhere = look.running, look.seen.elsewhere
    if running and running.active:
        return _state_here(running)
    if elsewhere:
        return _elsewhere(elsewhere), "$warning"
    if done == total:
        return say("다 했어요 · o로 보고서의 경로를 복사해요", "done · o copies the path of its report"), "$success"
    return _state_at_rest(running, is_begun=done > 0)


def _state_here(running: Running) -> tuple[str, str]:
    if running.is_stopping:
        return say("멈추는 중이에요. 하던 것을 저장해요 …", "stopping; what is at work is saved …"), "$warning"
    return safe_line(running.waits_for) or say("돌고 있어요 · s로 멈춰요", "at work · s stops it"), "$accent"


def _state_at_rest(running: Running | None, *, is_begun: bool) -> tuple[str, str]:
    if running and running.state == "failed":
        return say("실패했어요. 고친 뒤 b로 이어 가요.", "failed; once that is mended, b goes on."), "$error"
    if running and running.state == "stopped":
        return say("멈췄어요. 한 일은 남아 있고 b로 이어 가요.", "stopped; all is kept, and b goes on."), "$warning"
    return (say("b로 이어 가요.", "b goes on.") if is_begun else say("b로 시작해요.", "b begins.")), "$quiet"


def _elsewhere(one: AtWork) -> str:
    """What a killed run left is waited for by whoever goes on."""
    waited = say(f"{one.told} b로 이어 가면 끝나기를 기다려요.", f"{one.told} b goes on once it has ended.")
    return one.told if one.process else waited


def stage_details(look: Look, stage: Stage, width: int) -> Content:
    moment, mark = look.moment(stage), look.seen.marks.get(stage.id)
    lines = [
        Content.styled(f"{kind_text(stage.kind)} · {safe_line(stage.title)}", "$accent bold"),
        _standing_line(moment, mark.finished if mark else 0.0),
    ]
    if mark and (outcome := outcome_text(stage, mark.result)):
        lines.append(plain(outcome))
    lines += [Content(""), *_command_lines(stage.shown_command)]
    lines += _last_words(moment, look.seen.said.get(stage.id)) if not mark else []
    if stage.kind == "report" and look.written:
        lines += [Content(""), *result_lines(look.written, width)]
    return joined(lines)


def _last_words(moment: Moment, said: Said | None) -> Iterator[Content]:
    words = moment.words or (said.words if said else "")
    if words:
        yield Content("")
        yield _title(say("마지막으로 한 말", "what it said last"))
        yield plain(words).stylize("$error" if moment.standing == "failed" else "$foreground")
    if said:
        yield Content.styled(safe_line(str(said.log)), "$quiet")


def _standing_line(moment: Moment, finished: float) -> Content:
    parts = [standing_text(moment.standing)]
    if moment.seconds:
        parts.append(time_text(moment.seconds))
    if finished:
        parts.append(clock(finished))
    return Content.styled(" · ".join(parts), _COLOURS[moment.standing])


def whole_details(look: Look, width: int) -> Content:
    study = look.plan.study
    lines = [Content.styled(safe_line(study.name), "$accent bold"), plain(study.told)]
    if look.name.endswith(".toml"):
        lines.append(Content.styled(safe_line(str(study.file)), "$quiet"))
    lines += _chosen(look.wishes)
    for one in look.seen.missing if not look.is_active else ():
        lines.append(plain(f"! {one}").stylize("$warning"))
    if look.written:
        lines += [Content(""), *result_lines(look.written, width)]
    lines += [Content(""), *_command_lines(look.command), Content(""), *bill_lines(look, width)]
    return joined(lines)


def _chosen(wishes: Wishes) -> Iterator[Content]:
    if wishes.machine:
        yield Content.assemble((say("장비 ", "machine "), "$quiet"), safe_line(wishes.machine))
    if wishes.judges:
        yield Content.assemble((say("더한 채점자 ", "judges added "), "$quiet"), safe_line(", ".join(wishes.judges)))


def bill_lines(look: Look, width: int) -> list[Content]:
    """Each figure with where it comes from. What is done takes nothing any more."""
    if look.bill is None:
        return [Content.styled(say("비용을 셈하는 중 …", "reckoning the bill …"), "$quiet")]
    rows = rows_of(look.bill, look.plan)
    lines = columns(rows, width, right=[1])
    told = [line.stylize("$quiet") if not row[1] else line for row, line in zip(rows, lines, strict=True)]
    return [*told, *(plain(f"! {note}").stylize("$warning") for note in look.bill.notes)]


def result_lines(written: Written, width: int) -> list[Content]:
    graders: Sequence[Mapping[str, Any]] = written.facts.get("graders", ())
    lines: list[Content] = []
    for one in graders:
        lines += [_title(safe_line(str(one["title"]))), *columns(headline(one), width, right=[1, 2, 3])]
        lines += [plain(str(one["says"])), Content("")]
    return [*lines, plain(report_text(written.page))]


def _command_lines(command: str) -> list[Content]:
    return [_title(say("셸에서 같은 일을 하는 명령", "the same in a shell")), plain(f"$ {command}")]


def _title(words: str) -> Content:
    return Content.styled(words, "$quiet")
