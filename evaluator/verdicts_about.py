"""What was ever said of one response, by whichever judge: found by its content, read with today's reader.

A verdict whose rubric is not at hand any more, or was changed since, keeps its words and has no scores.
"""

from collections.abc import Sequence
from typing import Any

from evaluator.judge import Judge
from evaluator.pairwise import PAIRWISE, Pair, Winner, winner
from evaluator.rubric import Mode, Rubric
from evaluator.suspicion import suspicions
from evaluator.verdict import Item, Verdict, status_of
from evaluator.verdicts import Bought, VerdictStore
from kullm_tui.core.language import say


def verdicts_about(item: Item, store: VerdictStore, rubrics: Sequence[Rubric]) -> list[Verdict]:
    """The newest first."""
    by_hash = {rubric.sha256: rubric for rubric in rubrics}
    return [_read(item, bought, by_hash.get(bought.rubric_sha256)) for bought in store.about(item)]


def last_winner(pair: Pair, store: VerdictStore) -> Winner | None:
    """What the last judge found who was asked in both orders; None where nobody was."""
    straight, swapped = (verdicts_about(item, store, [PAIRWISE]) for item in pair.items)
    both = ((one, other) for one in straight for other in swapped if one.origin == other.origin)
    return next((winner(one, other) for one, other in both), None)


def next_repeat(item: Item, store: VerdictStore, judge: Judge, rubric: Rubric) -> int:
    """Under which number the same judge is asked the same once more."""
    origin = judge.origin(rubric)
    return max((bought.repeat + 1 for bought in store.about(item) if bought.origin == origin), default=0)


def _read(item: Item, bought: Bought, rubric: Rubric | None) -> Verdict:
    reply = bought.reply
    facts: dict[str, Any] = {
        "id": item.id,
        "text": reply.text,
        "model": bought.judge,
        "rubric": bought.rubric,
        "cost": bought.cost,
        "kept": True,
        "answered_by": reply.model,
        "fingerprint": reply.fingerprint,
        "origin": bought.origin,
        "created": bought.created,
    }
    if rubric is None:
        return Verdict(status="unparsed", reason=_rubric_gone(bought.rubric), **facts)
    mode: Mode = "strict" if bought.settings.get("mode") == "strict" else "paper"
    status, scores, reason = status_of(reply, rubric, mode, response=item.response)
    flags = suspicions(item.response, rubric)
    return Verdict(status=status, scores=scores, reason=reason, flags=flags, criteria=rubric.criteria, **facts)


def _rubric_gone(name: str) -> str:
    return say(
        f"채점 기준({name})이 그 뒤로 바뀌었거나 없어져 점수로 읽지 않았어요",
        f"its rubric ({name}) was changed or is gone, so no scores are read",
    )
