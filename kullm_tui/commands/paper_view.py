"""A study in the shell: its tree of stages while it runs, its plan with the bill, and what came of it."""

import shutil
from collections.abc import Iterator

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.plot.rows import fitted
from kullm_tui.core.text import safe_line, terminal_safe, terminal_safe_json
from kullm_tui.studies.report_files import Written
from kullm_tui.studies.running import Moment
from kullm_tui.studies.seen import Seen
from kullm_tui.studies.stages import Plan, Stage, kind_text
from kullm_tui.studies.text import SIGNS, branches, heading, report_text, standing_text
from trainer.jobs.text import time_text


class StudyView:
    """A line for each stage as it ends, on stderr; the one at work below them, where a terminal rewrites it."""

    def __init__(self, plan: Plan, narration: Narration) -> None:
        self._narration = narration
        self._branch = ""
        self._place = {one.id: place for place, one in enumerate(plan.stages, start=1)}
        narration.note(heading(plan))

    def take(self, moment: Moment) -> None:
        stage = moment.stage
        if moment.standing == "at work":
            counted = f"[{self._place[stage.id]}/{len(self._place)}]"
            line = f"    … {counted} {safe_line(stage.title)}  {safe_line(moment.words)}"
            self._narration.progress(fitted(line, shutil.get_terminal_size().columns - 1).rstrip())
            return
        self._under(stage)
        parts = [safe_line(stage.title)]
        if moment.standing in ("kept", "done") and moment.seconds:
            parts.append(time_text(moment.seconds))
        if moment.standing == "kept":
            parts.append(standing_text("kept"))
        self._narration.note(f"    {SIGNS[moment.standing]} {'  '.join(parts)}")
        if moment.standing == "begun":
            self._narration.note(f"        $ {stage.shown_command}")

    def wait(self, words: str) -> None:
        self._narration.progress(words)

    def close(self) -> None:
        self._narration.clear()

    def _under(self, stage: Stage) -> None:
        branch = kind_text(stage.kind)
        if branch != self._branch:
            self._branch = branch
            self._narration.note(f"  {branch}")


def show_plan(plan: Plan, found: Seen, *, as_json: bool) -> int:
    from kullm_tui.studies.bill import bill_of

    bill = bill_of(plan)
    if as_json:
        stages = [
            {"id": one.id, "kind": one.kind, "title": one.title, "key": one.key, "done": one.id in found.marks,
             "needs": list(one.needs), "command": ["kullm", *one.command]}
            for one in plan.stages
        ]  # fmt: skip
        print(terminal_safe_json({"study": plan.study.name, "stages": stages, "bill": bill.as_json()}))
        return 0
    elsewhere = [f"! {found.elsewhere.told}"] if found.elsewhere else []
    missing = [f"! {one}" for one in found.missing]
    for line in (*_tree(plan, found), "", *bill_lines(plan), *elsewhere, *missing):
        print(terminal_safe(line))
    return 0


def _tree(plan: Plan, found: Seen) -> Iterator[str]:
    yield heading(plan)
    for branch, stages in branches(plan):
        yield f"  {branch}"
        for one in stages:
            yield f"    {SIGNS['kept' if one.id in found.marks else 'waits']} {safe_line(one.title)}"
            yield f"        $ {one.shown_command}"


def show_bill(plan: Plan) -> None:
    narration = Narration()
    for line in bill_lines(plan):
        narration.note(line)


def bill_lines(plan: Plan) -> list[str]:
    from kullm_tui.studies.bill import bill_of
    from kullm_tui.studies.bill_text import rows_of

    bill = bill_of(plan)
    return [*aligned(rows_of(bill, plan), right=[1]), *(f"! {note}" for note in bill.notes)]


def show_report(plan: Plan, written: Written, *, as_json: bool) -> int:
    narration = Narration()
    if as_json:
        print(terminal_safe_json({"study": plan.study.name, "folder": str(written.folder), **written.facts}))
        return 0
    for one in written.facts["graders"]:
        table = one["table"]
        for line in (*aligned(table, right=range(1, len(table[0]))), "", one["says"], ""):
            print(terminal_safe(line))
    for note in written.notes:
        narration.note(note)
    narration.note(report_text(written.page))
    return 0
