"""`kullm judge --pairwise`: which of two responses is better, each pair judged in both orders; disagreement is a tie."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from evaluator.judge_table import usual_mode
from evaluator.pairwise import PAIRWISE, Winner, is_flipped, winner
from evaluator.rows import PairRow
from evaluator.verdict import Verdict
from evaluator.verdict_file import open_verdicts
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.option import verdict_line
from kullm_tui.commands.judge.run import agreed_judge, judged, spent_words
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def judge_pairs(args: argparse.Namespace, rows: Sequence[PairRow]) -> int:
    """One line a pair; 1 where a judgement could not be had."""
    narration = Narration()
    judge = agreed_judge(args, PAIRWISE, "kullm judge")
    judge = judge if args.mode else replace(judge, mode=usual_mode(judge.model, PAIRWISE))
    items = [item for row in rows for item in row.pair.items]
    with open_verdicts(narration.note) as store:
        outcome = judged(
            items, judge=judge, rubric=PAIRWISE, store=store, args=args, narration=narration, repeat=args.repeat
        )
    for row in rows:
        straight, swapped = (outcome.verdicts[item.id] for item in row.pair.items)
        _print(row, (straight, swapped), as_json=args.json)
    _summary(rows, outcome.verdicts, narration)
    narration.note(spent_words(outcome))
    spending.told_why(outcome.stopped)
    return 1 if outcome.failed else 0


def _summary(rows: Sequence[PairRow], verdicts: Mapping[str, Verdict], narration: Narration) -> None:
    both = [(verdicts[one.id], verdicts[other.id]) for one, other in (row.pair.items for row in rows)]
    counts = Counter(winner(one, other) for one, other in both)
    flips = sum(is_flipped(one, other) for one, other in both)
    narration.note(
        say(
            f"왼쪽 {counts['left']}, 비김 {counts['tie']}(그중 순서를 바꾸자 뒤집힌 것 {flips}), 오른쪽 {counts['right']}, "
            f"가릴 수 없음 {len(rows) - counts['left'] - counts['tie'] - counts['right']}",
            f"left {counts['left']}, ties {counts['tie']} ({flips} turned round with the order), right {counts['right']}, "
            f"undecided {len(rows) - counts['left'] - counts['tie'] - counts['right']}",
        )
    )


def _print(row: PairRow, both: tuple[Verdict, Verdict], *, as_json: bool) -> None:
    if as_json:
        print(terminal_safe_json(_facts(row, both)), flush=True)
        return
    scoreless = next((one for one in both if one.status != "ok"), None)
    said = verdict_line(scoreless) if scoreless else _word(winner(*both), flipped=is_flipped(*both))
    print(terminal_safe(f"{row.id}  {said}"), flush=True)


def _facts(row: PairRow, both: tuple[Verdict, Verdict]) -> dict[str, Any]:
    scoreless = next((one for one in both if one.status != "ok"), both[0])
    costs = [0.0 if one.kept else one.cost for one in both]
    return {
        "id": row.id,
        "status": scoreless.status,
        "winner": winner(*both),
        "flipped": is_flipped(*both),
        "model": both[0].model,
        "rubric": PAIRWISE.name,
        "cost": None if None in costs else sum(cost or 0.0 for cost in costs),
        "orders": [
            {"status": one.status, "scores": dict(one.scores), "text": one.text, "reason": one.reason} for one in both
        ],
    }


def _word(which: Winner, *, flipped: bool = False) -> str:
    if flipped:
        return say("비겨요(순서를 바꾸자 결과가 뒤집혔어요)", "a tie (the judgement turned round with the order)")
    return {
        "left": say("왼쪽이 나아요", "left is better"),
        "right": say("오른쪽이 나아요", "right is better"),
        "tie": say("비겨요", "a tie"),
        "unscored": say("가릴 수 없어요", "undecided"),
    }[which]
