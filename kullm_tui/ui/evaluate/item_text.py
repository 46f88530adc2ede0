"""What is shown of one item of an evaluation: the question, and an answer with everything that was said of it."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content

from evaluator.unscored import status_word
from kullm_tui.core.language import say
from kullm_tui.ui.evaluate.items import Given, Item
from kullm_tui.ui.evaluate.tables import fault_word, flag_word
from kullm_tui.ui.text import safe, safe_line
from kullm_tui.ui.widgets.cells import cell

_CRITERION_CELLS = 16


def question_text(item: Item) -> Content:
    question = item.question
    parts = [Content.assemble((f"{item.number}  ", "$accent"), (f"{safe_line(question.id)}\n", "$quiet"))]
    parts.append(Content(safe(question.instruction)))
    if question.input:
        parts.append(Content.assemble("\n", (say("입력", "input"), "$quiet"), "\n", safe(question.input)))
    return Content("").join(parts)


def column(given: Given, item: Item, *, raw: bool) -> Content:
    """An answer with everything that was said of it."""
    parts = [Content.styled(safe_line(given.system), "bold $accent"), Content("\n")]
    answer = given.answer
    if answer is None:
        return Content.assemble(*parts, (say("아직 답이 없어요.", "There is no answer yet."), "$quiet"))
    if answer.completion_tokens:
        length = say(f"{answer.completion_tokens:,}토큰", f"{answer.completion_tokens:,} tokens")
        parts.append(Content.styled(f"{length}\n", "$quiet"))
    if given.fault:
        parts.append(Content.styled(f"! {fault_word(given.fault)}\n", "$warning"))
    parts.append(Content(safe(answer.response) or say("(빈 답)", "(empty)")))
    parts += [Content("\n\n"), *_verdict_parts(given, item, raw=raw), *_people_parts(given, item)]
    return Content("").join(parts)


def _verdict_parts(given: Given, item: Item, *, raw: bool) -> list[Content]:
    verdict = given.verdict
    if verdict is None:
        return [Content.styled(say("채점하지 않음", "not judged"), "$quiet")]
    parts = []
    if verdict.flags:
        parts.append(Content.styled("* " + ", ".join(flag_word(one) for one in verdict.flags) + "\n", "$error"))
    if given.by_another:
        other = say("채점자의 다른 버전이라 평균에 넣지 않음", "by another version of the judge, in no mean")
        parts.append(Content.styled(f"{other}: {safe_line(verdict.answered_by)}\n", "$warning"))
    if verdict.status == "ok":
        parts += _score_lines(verdict.scores, item)
    else:
        parts.append(Content.styled(f"{say('점수 없음', 'no scores')}: {status_word(verdict.status)}\n", "$warning"))
    if verdict.reason:
        parts.append(Content(safe(verdict.reason) + "\n"))
    if raw:
        parts.append(Content.styled(f"\n{say('채점자의 글 그대로', 'the judge, word for word')}\n", "$quiet"))
        parts.append(Content(safe(verdict.text)))
    return parts


def _people_parts(given: Given, item: Item) -> list[Content]:
    parts: list[Content] = []
    for rater, scores in given.ratings.items():
        parts.append(Content.styled(f"\n{say('사람', 'person')} {safe_line(rater)}\n", "$secondary"))
        parts += _score_lines(scores, item)
    return parts


def _score_lines(scores: Mapping[str, float], item: Item) -> list[Content]:
    """`전반적인 품질   4/5`, criterion under criterion."""
    return [
        Content.assemble(
            cell(safe_line(one.name), _CRITERION_CELLS).stylize("$quiet"),
            (f"{scores[one.name]}", "bold"),
            (f"/{one.high}\n", "$quiet"),
        )
        for one in item.criteria
        if one.name in scores
    ]
