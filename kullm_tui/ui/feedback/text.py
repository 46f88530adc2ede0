"""How feedback is said on its screen: a line of the list, and everything about one."""

from __future__ import annotations

import time

from textual.content import Content

from kullm_tui.core.language import say
from kullm_tui.feedback.gather import Kind
from kullm_tui.feedback.survey import Entry
from kullm_tui.feedback.text import kind_text, masked, personal_text, reason_text
from kullm_tui.ui.text import plain, safe, safe_line
from kullm_tui.ui.widgets.cells import cell, joined
from kullm_tui.ui.widgets.differences import marked

_KIND_CELLS = 11
_COLOURS: dict[Kind, str] = {"correction": "$accent", "kept": "$success", "never": "$error", "vote": "", "verdict": ""}


def head_line(entry: Entry, width: int) -> Content:
    kind = entry.feedback.kind
    return Content.assemble(
        cell(Content.styled(kind_text(kind), _COLOURS[kind]), _KIND_CELLS),
        cell(safe_line(entry.asked), max(8, width - _KIND_CELLS)),
    )


def foot_line(entry: Entry, width: int) -> Content:
    feedback = entry.feedback
    when = time.strftime("%m-%d %H:%M", time.localtime(feedback.when))
    parts = [when, safe_line(", ".join(feedback.models)), *_warnings(entry)]
    line = " · ".join(part for part in parts if part)
    return Content.styled(f"  {line}", "$quiet").truncate(width, ellipsis=True)


def _warnings(entry: Entry) -> list[str]:
    personal = [say("개인 정보?", "personal?")] if entry.is_personal else []
    return [*personal, *dict.fromkeys(reason_text(one.reason) for one in entry.left_out)]


def details(entry: Entry) -> Content:
    feedback = entry.feedback
    lines: list[Content] = []
    for turn in feedback.question:
        name = say("질문", "question") if turn.role == "user" else say("답", "reply")
        lines += [Content.styled(name, "$quiet"), plain(turn.content)]
        lines += [Content.styled(safe(turn.input), "$quiet")] if turn.input else []
        lines.append(Content(""))
    lines += _replies(entry)
    lines += [Content.styled(line, "$quiet") for line in became(entry)]
    return joined(lines)


def _replies(entry: Entry) -> list[Content]:
    """The wanted one first; beside another one, the words that stand in it alone are marked."""
    chosen, rejected = entry.feedback.chosen, entry.feedback.rejected
    left, right = plain(rejected or ""), plain(chosen or "")
    if chosen is not None and rejected is not None:
        left, right = marked(rejected, chosen)
    told: list[Content] = []
    if chosen is not None:
        told += [Content.styled(say("좋은 답", "wanted"), "$success"), right, Content("")]
    if rejected is not None:
        told += [Content.styled(say("아닌 답", "instead of"), "$warning"), left, Content("")]
    return told


def became(entry: Entry) -> list[str]:
    """What is learnt of it, or why nothing is."""
    pairs = sum(one.rejected is not None for one in entry.lessons)
    rows = len(entry.lessons) - pairs
    told = []
    if entry.lessons:
        what = " · ".join(
            part
            for part in (
                say("선호 쌍", "a preference pair") if pairs else "",
                say("따라 배울 행", "a row to imitate") if rows else "",
            )
            if part
        )
        where = (
            say("확인용으로 떼어 둠", "held out, to look at what was learnt")
            if entry.is_held_out
            else say("학습에 씀", "to be trained")
        )
        told.append(f"{what}: {where}")
    for one in entry.left_out:
        told.append(say(f"쓰지 않음: {reason_text(one.reason)}", f"not used: {reason_text(one.reason)}"))
        if one.against:
            against = safe_line(one.against.chosen or "")[:80]
            told.append(say(f"  더 새로운 것: {against}", f"  the newer one: {against}"))
    found = dict.fromkeys(found for lesson in entry.lessons for found in lesson.personal)
    if found:
        named = ", ".join(f"{personal_text(one.kind)} {masked(one)}" for one in found)
        told.append(say(f"개인 정보로 보이는 것: {named}", f"may be personal: {named}"))
    template = entry.feedback.template
    return [*told, say(f"템플릿: {template}", f"template: {template}")] if template else told
