"""What is said of a comparison of before and after: a line a set of questions, a line a change, both answers of one."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.feedback.before_after import Change, Part
from kullm_tui.feedback.held_out import set_title
from kullm_tui.ui.text import plain, safe_line
from kullm_tui.ui.widgets.cells import cell, joined
from kullm_tui.ui.widgets.differences import marked

_KIND_CELLS = 8


def part_line(part: Part) -> Content:
    """What is right before and after, what is still right, better and worse, and how sure that is."""
    told = [safe_line(set_title(part.name))]
    if any(one.right for one in part.changes):
        was, now = part.right("before"), part.right("after")
        kept = part.kept[0]
        told.append(say(f"맞음 {was}→{now}/{len(part.changes)}", f"right {was}→{now}/{len(part.changes)}"))
        told.append(say(f"그대로 맞음 {kept}/{was}", f"still right {kept}/{was}"))
    better, worse = (sum(gain * sign > 0 for gain in part.graded) for sign in (1, -1))
    told.append(say(f"나아짐 {better} · 나빠짐 {worse}", f"better {better} · worse {worse}"))
    found = part.difference
    if found:
        told.append(f"{found.mean:+.3f} [{found.interval.low:+.3f}, {found.interval.high:+.3f}] p={found.p:.3f}")
    left = len(part.changes) - len(part.graded)
    if left:
        told.append(say(f"아직 {left}개", f"{left} open"))
    return Content("  ".join(told))


def outcome_text(change: Change) -> str:
    if change.gain is None:
        return say("투표?", "vote?")
    if change.gain == 0:
        return say("그대로", "same")
    return say("나아짐", "better") if change.gain > 0 else say("나빠짐", "worse")


def change_line(change: Change, width: int) -> Content:
    gain = change.gain
    colour = "$accent" if gain is None else "$quiet" if gain == 0 else "$success" if gain > 0 else "$error"
    return Content.assemble(
        cell(Content.styled(outcome_text(change), colour), _KIND_CELLS),
        cell(safe_line(change.question.instruction), max(8, width - _KIND_CELLS)),
    )


def both_answers_text(change: Change, *, turned: bool) -> Content:
    """By their names once it is decided; before that, as 1 and 2."""
    question = change.question
    lines = [plain(question.instruction), *([plain(question.input)] if question.input else []), Content("")]
    names = [say("전", "before"), say("후", "after")]
    texts: Sequence[Content] = marked(change.before, change.after)
    if change.gain is None:
        names = ["1", "2"]
        texts = [plain(change.before), plain(change.after)]
        texts = texts[::-1] if turned else texts
    for name, text in zip(names, texts, strict=True):
        lines += [Content.styled(name, "$accent"), text, Content("")]
    if change.gain is None:
        lines.append(
            Content.styled(say("더 나은 답은? 1, 2, 비기면 0", "which is better? 1, 2, 0 for a tie"), "$quiet")
        )
    return joined(lines)
