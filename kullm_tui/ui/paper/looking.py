"""What the screen of studies finds out in a thread: a study's plan, where it stands, its bill, and what somebody must agree to."""

from __future__ import annotations

from kullm_tui.studies.agreement import Question, question_of
from kullm_tui.studies.bill import Bill, bill_of
from kullm_tui.studies.report_files import Written, written_report
from kullm_tui.studies.seen import Seen, require_parts, seen
from kullm_tui.studies.stages import Plan, plan_of
from kullm_tui.studies.study import load_study
from kullm_tui.ui.paper.runs import Wishes


def planned(name: str, wishes: Wishes) -> Plan:
    return plan_of(load_study(name).trained_on(wishes.machine), judges=wishes.judges)


def looked_at(plan: Plan, *, is_ours: bool) -> tuple[Seen, Written | None]:
    """Where it stands, and its report if that is of this plan."""
    found = seen(plan, is_ours=is_ours)
    is_reported = all(one.id in found.marks for one in plan.of("report"))
    return found, written_report(plan) if is_reported else None


def ready_to_begin(name: str, wishes: Wishes) -> tuple[Plan, Bill, Question | None]:
    """The study as its file is now. KullmError where something is missing without which no stage could end."""
    plan = planned(name, wishes)
    require_parts(plan)
    bill = bill_of(plan)
    return plan, bill, question_of(plan, bill)
