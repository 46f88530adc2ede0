"""What is said of trainings: their rows, their count, what a question about one says. Names that come from outside are made safe here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.core.times import clock
from kullm_tui.ui.text import safe_line
from kullm_tui.ui.train.seen import Seen
from kullm_tui.ui.widgets.cells import bar, cell, joined
from trainer.jobs.agent import states
from trainer.jobs.text import artifacts_text, link_text, state_text, time_text, why_text

_STATE_CELLS, _SHARE_CELLS, _LEFT_CELLS, _BAR_CELLS = 10, 5, 13, 16
_ROOMY = 70
_COLOURS = {
    states.RUNNING: "$accent",
    states.SUCCEEDED: "$success",
    states.FAILED: "$error",
    states.LOST: "$error",
    states.CANCEL_INCOMPLETE: "$error",
    states.CANCELLING: "$warning",
    states.CANCELLED: "$quiet",
}

# -- a row -------------------------------------------------------------------------------------------------------------


def head_line(seen: Seen, width: int, *, marked: bool = False) -> Content:
    """`● name                학습 중   37%`, with a bar where there is room."""
    state = Content.styled(state_text(seen.state_name), _COLOURS.get(seen.state_name, ""))
    right = Content.assemble(_bar(seen, width), cell(state, _STATE_CELLS), cell(_share(seen), _SHARE_CELLS, right=True))
    name = Content.assemble(("◆ " if marked else "", "$accent"), safe_line(seen.called))
    return Content.assemble(cell(name, max(8, width - right.cell_length - 1)), " ", right)


def foot_line(seen: Seen, width: int, doing: str, refusal: str) -> Content:
    """Where it is and what else is to be known, quieter."""
    where = _where(seen)
    if doing or refusal:
        told = Content.styled(safe_line(doing or refusal), "$warning" if doing else "$error")
        return Content.assemble(("  ", ""), (f"{where} · ", "$quiet"), told).truncate(width, ellipsis=True)
    why = safe_line(why_text(seen.state_name, seen.state))
    if seen.is_waiting:
        why = say("올리다 끊겼어요 · r로 이어서 올려요", "its upload was cut off · r goes on")
    if why:
        return Content.styled(f"  {where} · {why}", "$quiet").truncate(width, ellipsis=True)
    right = Content(_steps(seen))
    if seen.has_ended or seen.link.state == "LIVE":  # what was left when it was heard last is no time left
        right = Content.assemble(right, " ", cell(_when(seen), _LEFT_CELLS, right=True))
    left = cell(f"  {where}{_more(seen)}", max(8, width - right.cell_length))
    return Content.assemble(left, right).stylize_before("$quiet")


def _where(seen: Seen) -> str:
    if not seen.machine:
        return say("이 컴퓨터", "this machine")
    machine = safe_line(seen.machine)
    return machine if seen.has_ended else f"{machine} · {link_text(seen.link)}"


def _more(seen: Seen) -> str:
    result = artifacts_text(seen.artifacts)
    return f" · {result}" if seen.has_ended and result else ""


def _steps(seen: Seen) -> str:
    step, steps = seen.progress.step, seen.progress.steps
    if steps:
        return f"{step:,}/{steps:,}".rjust(2 * len(f"{steps:,}") + 1)
    return f"{step:,}" if step else ""


def _when(seen: Seen) -> str:
    """What is left of it, or when it ended."""
    if seen.has_ended:
        since = seen.state.get("since")
        return clock(since) if isinstance(since, int | float) else ""
    return time_text(seen.progress.eta_s) if seen.progress.eta_s else ""


def _share(seen: Seen) -> str:
    share = _done(seen)
    return "" if share is None else f"{share:.0%}"


def _done(seen: Seen) -> float | None:
    """None where it is not known, or no longer of interest."""
    step, steps = seen.progress.step, seen.progress.steps
    return min(1.0, step / steps) if step and steps and seen.state_name != states.SUCCEEDED else None


def _bar(seen: Seen, width: int) -> Content:
    if width < _ROOMY:
        return Content("")
    steps = seen.progress.steps
    filled = bar(seen.progress.step, steps, _BAR_CELLS) if steps and seen.is_live else Content(" " * _BAR_CELLS)
    return Content.assemble(filled, "  ")


# -- over and under the list -------------------------------------------------------------------------------------------


def summary(jobs: Sequence[Seen]) -> str:
    running, waiting = sum(one.runs for one in jobs), sum(one.state_name == states.QUEUED for one in jobs)
    counted = "1 training" if len(jobs) == 1 else f"{len(jobs):,} trainings"
    parts = [say(f"학습 {len(jobs):,}개", counted)]
    if running:
        parts.append(say(f"도는 것 {running}개", f"{running} running"))
    if waiting:
        parts.append(say(f"대기 {waiting}개", f"{waiting} queued"))
    return " · ".join(parts)


def trouble_lines(troubles: Mapping[str, str]) -> Content:
    lines = [Content.styled(safe_line(f"{machine}: {why}"), "$warning") for machine, why in sorted(troubles.items())]
    return joined(lines)


def invitation() -> Content:
    return Content(
        say(
            "아직 학습이 없어요.\n\nn을 누르면 레시피를 골라 이 컴퓨터나 다른 장비에서 학습을 시작해요. 시작하기 전에 메모리에 들어가는지, "
            "얼마나 걸리는지 보여 줘요. 앱을 꺼도 학습은 계속되고, 끝나면 그 어댑터와 바로 대화할 수 있어요.",
            "No training yet.\n\nn starts one from a recipe, here or on another machine. Whether it fits and how long it takes is shown "
            "before it begins. It goes on without the app, and its adapter can be talked to as soon as it is done.",
        )
    )


# -- questions ---------------------------------------------------------------------------------------------------------


def kept_when_cancelled(seen: Seen) -> str:
    """What is left of a job that is stopped now."""
    saved = say(f"{seen.saved[0]:,}단계", f"step {seen.saved[0]:,}") if seen.saved else ""
    if seen.state_name == states.CANCELLING:
        last = say(f"마지막으로 저장한 {saved}까지만 남아요.", f"What is left is its last checkpoint, {saved}.")
        nothing = say("저장해 둔 것이 없어서 남는 것이 없어요.", "It has saved nothing yet, so nothing is left.")
        return last if saved else nothing
    if not seen.progress.step and not saved:
        return say(
            "아직 배운 것이 없어서 저장할 것도 없어요. 나중에 처음부터 다시 할 수 있어요.",
            "It has learned nothing yet, so there is nothing to save. It can be begun again later.",
        )
    before = say(f" 지금까지는 {saved}까지 저장돼 있어요.", f" So far {saved} is saved.") if saved else ""
    return (
        say(
            "하던 단계를 마치고 체크포인트를 저장한 다음 멈춰요. 나중에 r로 이어서 할 수 있어요.",
            "It finishes its step, saves a checkpoint and stops. r goes on from there another time.",
        )
        + before
    )


def ended_text(seen: Seen) -> str:
    """News of a job, for whoever looks elsewhere."""
    return say(
        f"{safe_line(seen.called)} 학습: {state_text(seen.state_name)}",
        f"training {safe_line(seen.called)}: {state_text(seen.state_name)}",
    )
