"""From a judge's words to a verdict, by today's reader; and the verdict of a call that failed, which holds the reason and no scores."""

import time

from evaluator.judge import Judge
from evaluator.rubric import Rubric
from evaluator.suspicion import suspicions
from evaluator.verdict import Item, JudgeReply, Verdict, status_of


def verdict_of(
    item: Item, reply: JudgeReply, cost: float | None, *, judge: Judge, rubric: Rubric, kept: bool
) -> Verdict:
    status, scores, reason = status_of(reply, rubric, judge.mode, response=item.response)
    return Verdict(
        id=item.id,
        status=status,
        scores=scores,
        text=reply.text,
        reason=reason,
        model=judge.model,
        rubric=rubric.name,
        cost=cost,
        flags=suspicions(item.response, rubric),
        kept=kept,
        answered_by=reply.model,
        fingerprint=reply.fingerprint,
        criteria=rubric.criteria,
        origin=judge.origin(rubric),
        created=0.0 if kept else time.time(),
    )


def failed_verdict(item: Item, reason: str, *, judge: Judge, rubric: Rubric) -> Verdict:
    return Verdict(
        id=item.id,
        status="error",
        text=reason,
        reason=reason,
        model=judge.model,
        rubric=rubric.name,
        cost=0.0,
        flags=suspicions(item.response, rubric),
        criteria=rubric.criteria,
        origin=judge.origin(rubric),
    )
