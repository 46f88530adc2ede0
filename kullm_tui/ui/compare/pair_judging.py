"""A judge on pairs of columns: one reply against each of the others, asked in both orders, and what came of it in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import TYPE_CHECKING

from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

if TYPE_CHECKING:
    from evaluator.pairwise import Winner
    from kullm_tui.ui.compare.rounds import LastRound
    from kullm_tui.ui.judge.service import JudgeService


async def judge_against_others(
    judging: JudgeService, round_: LastRound, place: int, names: Sequence[str], tell: Callable[[str], None]
) -> str:
    """`A > B · A = C`. UsageError where there is no pair; what the judge refuses, as the judging says it."""
    competing = round_.competing
    mine = competing[place] if place < len(competing) else None
    others = [(other, turn) for other, turn in enumerate(competing) if turn and other != place]
    if mine is None or not others:
        raise UsageError(say("이 칸의 답과 비교할 답이 없어요.", "There is no pair of replies with this column."))
    from evaluator.pairwise import Pair

    question, told = round_.question, list[str]()
    asked, given, answered = (nfc(text) for text in (question.content, question.input, mine.content))
    pairs = [Pair("pair", asked, given, answered, nfc(turn.content)) for _, turn in others]
    if not await judging.may_judge_pairs(pairs):
        return ""
    for number, (other, turn) in enumerate(others, start=1):
        pair = f"{names[place]} : {names[other]}"
        doing = say("채점하는 중, 순서를 바꿔 두 번씩", "judging, in both orders")
        tell(" · ".join([*told, f"{pair} {doing} ({number}/{len(others)})"]))
        winner = await judging.pairwise(question.content, question.input, mine.content, turn.content)
        if winner is None:
            break
        told.append(_said(winner, names[place], names[other]))
    return " · ".join(told)


def winner_between(judging: JudgeService, round_: LastRound, names: Sequence[str]) -> str:
    """What was found of these replies before, by whomever. Blocks."""
    question, told = round_.question, list[str]()
    replies = [(names[place], turn.content) for place, turn in enumerate(round_.competing) if turn]
    for (left, mine), (right, theirs) in combinations(replies, 2):
        winner = judging.last_winner(question.content, question.input, mine, theirs)
        if winner is not None:
            told.append(_said(winner, left, right))
    return " · ".join(told)


def _said(winner: Winner, left: str, right: str) -> str:
    if winner == "unscored":
        return f"{left} ? {right} ({say('읽지 못함', 'unread')})"
    return f"{left} {'>' if winner == 'left' else '<' if winner == 'right' else '='} {right}"
