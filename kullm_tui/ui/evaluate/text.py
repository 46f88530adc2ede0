"""What is said of an evaluation: a row of the list, the plan, the progress. Names that come from outside are made safe here."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from textual.content import Content

from evaluator.either_way import handed_in_words
from evaluator.preparation import Prepared
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.times import clock, seconds
from kullm_tui.ui.text import safe, safe_line
from kullm_tui.ui.widgets.cells import bar, cell

if TYPE_CHECKING:
    from evaluator.cost import Estimate
    from evaluator.run_plan import RunPlan
    from evaluator.running import Progress
    from evaluator.runs import Counts, Run
    from kullm_tui.ui.evaluate.runs import Running

_BAR_CELLS, _NARROW_BAR_CELLS = 20, 12
_ROOMY = 96
NUMBER_CELLS, SET_CELLS, COUNT_CELLS, STATE_CELLS, WHEN_CELLS = 4, 14, 11, 8, 9
_GAP = "  "


# -- the list of runs --------------------------------------------------------------------------------------------------


def run_heading(width: int) -> Content:
    columns = (say("질문 모음", "questions"), say("시스템", "systems"), say("채점", "verdicts"), say("상태", "state"))
    return _run_columns("#", columns[0], columns[1], columns[2], columns[3], say("때", "when"), width).stylize("$quiet")


def run_row(run: Run, counts: dict[str, Counts] | None, total: int, running: Running | None, width: int) -> Content:
    state, colour = run_state(run, counts, total, running)
    return _run_columns(
        str(run.number),
        safe_line(run.set_title),
        Content.assemble(safe_line(", ".join(run.systems)), (f"  {safe_line(run.judge)}", "$quiet")),
        run_count(run, counts, total),
        Content.styled(state, colour),
        Content.styled(_when(run.begun), "$quiet"),
        width,
    )


def _when(begun: float) -> str:
    """The clock's word, or a short date where that is too long for the column."""
    told = clock(begun)
    return told if Content(told).cell_length <= WHEN_CELLS else f"{datetime.fromtimestamp(begun):%y.%m.%d}"


def run_count(run: Run, counts: dict[str, Counts] | None, total: int) -> str:
    """Verdicts of all items; where nobody judges, answers."""
    if counts is None:
        return ""
    done = sum(one.verdicts if run.judge else one.answers for one in counts.values())
    return f"{done:,}/{total * len(run.systems):,}"


def run_state(run: Run, counts: dict[str, Counts] | None, total: int, running: Running | None) -> tuple[str, str]:
    if running and running.active:
        return say("하는 중", "running"), "$accent"
    if counts is None:
        return "", ""
    if any(one.handed_in for one in counts.values()):
        return say("맡겨 둠", "in batch"), "$accent"
    done = sum(one.verdicts if run.judge else one.answers for one in counts.values())
    if done >= total * len(run.systems):
        return say("끝남", "done"), "$success"
    if running and running.state == "failed":
        return say("오류", "failed"), "$error"
    return (say("멈춤", "stopped"), "$warning") if done else (say("시작 전", "not begun"), "$quiet")


def _run_columns(
    number: str,
    questions: str,
    systems: Content | str,
    count: str,
    state: Content | str,
    when: Content | str,
    width: int,
) -> Content:
    fixed = [
        cell(number, NUMBER_CELLS, right=True),
        cell(questions, SET_CELLS),
        cell(count, COUNT_CELLS, right=True),
        cell(state, STATE_CELLS),
        cell(when, WHEN_CELLS),
    ]
    rest = width - sum(one.cell_length for one in fixed) - len(_GAP) * len(fixed)
    return Content(_GAP).join([fixed[0], fixed[1], cell(systems, max(8, rest)), *fixed[2:]])


# -- the plan ----------------------------------------------------------------------------------------------------------


def plan_lines(prepared: Prepared, won: float | None = None) -> list[Content]:
    """What would be done, what it would cost and take, and what to know before."""
    plan = prepared.plan
    lines = [Content(_questions_line(plan, len(prepared.evaluation.systems))), Content(_answers_line(plan))]
    lines.append(Content(_judging_line(prepared, won)))
    lines.append(Content(_time_line(prepared)))
    lines += [Content.styled(one, "$quiet") for one in _terms(prepared, won)]
    lines += [Content.styled(safe(one), "$warning") for one in prepared.warnings]
    return lines


def _terms(prepared: Prepared, won: float | None) -> list[str]:
    """Where it stops, and what becomes of a batch that nobody waits for."""
    estimate, limit = prepared.plan.estimate, prepared.budget.dollars
    terms = []
    if estimate and estimate.dollars and limit is not None:
        ceiling = money(limit, won)
        terms.append(say(f"{ceiling}에 도달하면 멈추고 다시 물어요.", f"It stops and asks again at {ceiling}."))
    if prepared.in_batches and prepared.asks_the_judge:
        terms.append(
            say(
                "배치는 앱을 꺼도 그곳에서 계속되고, 목록에서 r로 받아요.",
                "Batches go on there when the app is closed; r in the list takes them.",
            )
        )
    return terms


def dollars_text(estimate: Estimate, won: float | None = None) -> str:
    if estimate.dollars is None:
        return say("가격 모름", "price unknown")
    if not estimate.dollars:
        return say("무료", "free")
    amount = money(estimate.dollars, won)
    share = "" if estimate.share is None else say(f" (배치, {estimate.share:.0%})", f" (batch, {estimate.share:.0%})")
    return say(f"약 {amount}", f"about {amount}") + share


def button_label(prepared: Prepared, won: float | None = None) -> str:
    """What pressing it will do, and what it will cost."""
    plan, estimate = prepared.plan, prepared.plan.estimate
    answers = plan.missing_answers
    calls = estimate.calls if estimate else 0
    waiting = plan.handed_in if prepared.in_batches else 0
    if not answers and not calls and not waiting:
        return say("모두 있어요 · 결과 보기", "All is there · see the results")
    judging = say(f"{calls:,}번 채점하기", f"judge {calls:,} times")
    handing_in = say(f"채점 {calls:,}번 맡기기", f"hand in {calls:,} calls")
    parts = [
        say(f"답 {answers:,}개 받기", f"get {answers:,} answers") if answers else "",
        say(f"맡겨 둔 {waiting:,}개 받기", f"take the {waiting:,} handed in") if waiting else "",
        (handing_in if prepared.in_batches else judging) if calls else "",
    ]
    doing = " · ".join(part for part in parts if part)
    return f"{doing} · {dollars_text(estimate, won)}" if estimate and calls else doing


def _questions_line(plan: RunPlan, systems: int) -> str:
    fetched = "" if plan.at_hand else say(" (시작할 때 내려받아요)", " (fetched when it begins)")
    return say(
        f"질문 {plan.questions:,}개 × 시스템 {systems}개{fetched}",
        f"{plan.questions:,} questions × {systems} systems{fetched}",
    )


def _answers_line(plan: RunPlan) -> str:
    if not plan.missing_answers:
        return say("답은 모두 있어요.", "All answers are there.")
    listed = ", ".join(f"{safe_line(name)} {count:,}" for name, count in plan.answers.items() if count)
    return say(f"받을 답 {plan.missing_answers:,}개: {listed}", f"{plan.missing_answers:,} answers to get: {listed}")


def _judging_line(prepared: Prepared, won: float | None) -> str:
    estimate, judge = prepared.plan.estimate, safe_line(prepared.evaluation.judge.model)
    if estimate is None:
        return say("채점자 없이: 사람이 점수를 매겨요.", "No judge: people give the scores.")
    if prepared.in_batches and prepared.plan.handed_in and not estimate.calls:
        return handed_in_words(prepared.plan.handed_in)
    if not estimate.calls:
        return say(f"채점({judge})은 모두 있어요.", f"All verdicts of {judge} are there.")
    tokens = estimate.input_tokens + estimate.output_tokens
    return say(
        f"채점 {estimate.calls:,}번 · {judge} · 약 {tokens:,}토큰 · {dollars_text(estimate, won)}",
        f"{estimate.calls:,} calls to {judge} · about {tokens:,} tokens · {dollars_text(estimate, won)}",
    )


def _time_line(prepared: Prepared) -> str:
    plan = prepared.plan
    if prepared.in_batches and prepared.asks_the_judge:
        return say("채점은 맡긴 뒤 24시간 안에 끝나요.", "Judging is done within 24 hours of being handed in.")
    parts = [plan.answer_seconds, plan.judge_seconds]
    if not plan.missing_answers:
        parts[0] = 0.0
    known = [one for one in parts if one is not None]
    if len(known) < len(parts):
        return say("걸릴 시간은 시작해 봐야 알 수 있어요.", "How long it takes is known once some of it is done.")
    return say(f"약 {seconds(sum(known))} 걸려요.", f"It takes about {seconds(sum(known))}.") if sum(known) else ""


# -- the progress ------------------------------------------------------------------------------------------------------


def progress_lines(running: Running, width: int, won: float | None = None) -> list[Content]:
    """System by system how many answers and verdicts are there, and what it has cost until now."""
    total = len(running.evaluation.questions.questions)
    progress = running.progress
    lines = [_headline(running, won), Content("")]
    name_cells = _name_cells(width)
    for system in running.evaluation.systems:
        name = Content(safe_line(system.name))
        lines.append(
            Content(_GAP).join(
                [
                    cell(name.stylize("$accent") if system.name == progress.now else name, name_cells),
                    _measure(say("답", "answers"), progress.answers.get(system.name, 0), total, width),
                    _measure(say("채점", "verdicts"), progress.verdicts.get(system.name, 0), total, width)
                    if running.evaluation.judge.model
                    else Content(""),
                ]
            )
        )
        lines += _notes(system.name, progress)
    return lines


def standing_words(counts: dict[str, Counts], total: int, *, judged: bool) -> str:
    """Of a run that stands still: what it waits for, or how it goes on."""
    if waiting := sum(one.handed_in for one in counts.values()):
        return say(
            f"채점 {waiting:,}개를 배치로 맡겨 두었어요. r로 받아요.",
            f"{waiting:,} verdicts are handed in as batches; r takes them.",
        )
    missing = any(max(one.answers - one.verdicts if judged else 0, total - one.answers) for one in counts.values())
    return say("r로 이어서 할 수 있어요.", "r goes on.") if missing else say("모두 끝났어요.", "Done.")


def count_line(name: str, counts: Counts, total: int, *, judged: bool, width: int) -> Content:
    """One system of a run that stands still."""
    return Content(_GAP).join(
        [
            cell(safe_line(name), _name_cells(width)),
            _measure(say("답", "answers"), counts.answers, total, width),
            _measure(say("채점", "verdicts"), counts.verdicts, total, width) if judged else Content(""),
        ]
    )


def _name_cells(width: int) -> int:
    return max(12, min(28, width - 2 * (_bar_cells(width) + 18)))


def _bar_cells(width: int) -> int:
    return _BAR_CELLS if width >= _ROOMY else _NARROW_BAR_CELLS


def spent_text(running: Running, won: float | None) -> str:
    limit = running.budget.dollars
    spent = money(running.budget.spent, won)
    return say(f"사용 금액 {spent}", f"spent {spent}") + (f" / {money(limit)}" if limit is not None else "")


def _headline(running: Running, won: float | None) -> Content:
    words = {
        "running": (_doing(running), "$accent"),
        "stopped": (_stopped(running), "$warning"),
        "done": (say("모두 끝났어요.", "Done."), "$success"),
        "failed": (safe(running.error) or say("일부는 끝내지 못했어요.", "Not all of it was done."), "$error"),
    }[running.state]  # fmt: skip
    spent = f"   {spent_text(running, won)}" if running.evaluation.judge.model else ""
    return Content.assemble(words, (spent, "$quiet"))


def _stopped(running: Running) -> str:
    if running.in_batches:
        return say("멈췄어요. 맡긴 배치는 그곳에서 계속되고 r로 받아요.", "Stopped. Batches go on there; r takes them.")
    return say("멈췄어요. 받은 것은 남아 있고 r로 이어서 해요.", "Stopped. What is there is kept; r goes on.")


def _doing(running: Running) -> str:
    progress = running.progress
    if progress.waiting and running.in_batches and progress.stage == "judging":
        return f"{safe_line(progress.waiting)} · {say('s 그만 기다리기', 's stops waiting')}"
    if progress.waiting:
        return safe_line(progress.waiting)
    doing = (
        say("채점하는 중", "judging")
        if progress.stage == "judging"
        else say(f"답을 받는 중 {safe_line(progress.now)}", f"getting answers {safe_line(progress.now)}")
    )
    rest = remaining_seconds(running)
    left = say(f"약 {seconds(rest)} 남음", f"about {seconds(rest)} left") if rest else ""
    waiting = progress.under_way.words if progress.stage == "judging" else ""
    return " · ".join(part for part in (doing, waiting, left, say("s 멈춤", "s stops")) if part)


def remaining_seconds(running: Running) -> float | None:
    """Of what is done now, by its own pace; None before there is one."""
    progress, total = running.progress, len(running.evaluation.questions.questions)
    elapsed = time.monotonic() - progress.began
    if progress.done < 3 or elapsed <= 0:
        return None
    if progress.stage == "judging":
        left = sum(progress.answers.values()) - sum(progress.verdicts.values())
    else:
        left = total - progress.answers.get(progress.now, 0)
    return left * elapsed / progress.done


def _measure(label: str, done: int, total: int, width: int) -> Content:
    counted = f"{done:,}/{total:,}"
    return Content.assemble(
        (f"{label} ", "$quiet"), bar(done, total, _bar_cells(width)), f" {counted.rjust(2 * len(f'{total:,}') + 1)}"
    )


def _notes(system: str, progress: Progress) -> list[Content]:
    failure, unscored = progress.failures.get(system), progress.unscored.get(system, 0)
    lines = [Content.styled(f"  {safe_line(str(failure))}", "$error")] if failure else []
    if unscored:
        told = say(f"  점수가 없는 것 {unscored:,}개", f"  {unscored:,} without scores")
        lines.append(Content.styled(told, "$warning"))
    if trouble := progress.troubles.get(system):
        lines.append(Content.styled(f"  {safe_line(trouble)}", "$warning"))
    return lines
