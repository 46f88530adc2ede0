"""One judge asked about the same answers several times: bought round after round, and counted as one verdict each.

A round is a number and what is asked under it; a reply is kept under its number, so what was had of a round is never bought again.
What counts for an answer is the mean of all that the judge's same version said of it and could be read.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from evaluator.buying import UnderWay
from evaluator.cost import Budget
from evaluator.judge import Judge
from evaluator.judging import Outcome, judge_items, kept_verdicts, missing_items
from evaluator.rubric import Rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings

Rounds = Mapping[int, Sequence[Item]]


def repeated(items: Sequence[Item], repeats: int) -> Rounds:
    """All of them so many times."""
    return dict.fromkeys(range(repeats), items)


async def judge_rounds(
    rounds: Rounds,
    *,
    judge: Judge,
    rubric: Rubric,
    store: VerdictStore,
    budget: Budget,
    calls: JudgingSettings | None = None,
    under_way: UnderWay | None = None,
    told: Callable[[Verdict], None] | None = None,
) -> Outcome:
    """In the numbers' order, until one is stopped. A verdict that failed in any round is the item's in the outcome."""
    verdicts: dict[str, Verdict] = {}
    for repeat, items in sorted(rounds.items()):
        outcome = await judge_items(
            items,
            judge=judge,
            rubric=rubric,
            store=store,
            repeat=repeat,
            budget=budget,
            calls=calls,
            under_way=under_way,
            told=told,
        )
        judge = outcome.judge
        failed = {name for name, one in verdicts.items() if one.status == "error"}
        verdicts |= {name: one for name, one in outcome.verdicts.items() if name not in failed}
        if outcome.stopped:
            return replace(outcome, verdicts=verdicts)
    return Outcome(verdicts, budget.spent, judge, None, budget.assumed)


def missing_in_rounds(rounds: Rounds, *, judge: Judge, rubric: Rubric, store: VerdictStore) -> list[Item]:
    """What would have to be bought, as often as it would."""
    return [
        item
        for repeat, items in rounds.items()
        for item in missing_items(items, judge=judge, rubric=rubric, store=store, repeat=repeat)
    ]


def averaged(
    items: Sequence[Item], repeats: int, *, judge: Judge, rubric: Rubric, store: VerdictStore
) -> dict[str, Verdict]:
    """By the item's id; without those of which no round can be read."""
    rounds = [kept_verdicts(items, judge=judge, rubric=rubric, store=store, repeat=repeat) for repeat in range(repeats)]
    version = judges_version(one for verdicts in rounds for one in verdicts.values())
    found = {}
    for item in items:
        said = [verdicts[item.id] for verdicts in rounds if item.id in verdicts]
        read = [one for one in said if one.status == "ok" and one.answered_by in (version, "")]
        if read:
            found[item.id] = _mean(read)
    return found


def judges_version(verdicts: Iterable[Verdict]) -> str:
    """Who gave most of the verdicts, as the server names it: a name such as gpt-4.1 may mean another model next month."""
    named = Counter(one.answered_by for one in verdicts if one.answered_by)
    return max(named, key=lambda name: (named[name], name), default="")


def _mean(read: Sequence[Verdict]) -> Verdict:
    """The first one's words, with the mean of the scores."""
    each = tuple(one.scores for one in read)
    scores = {name: sum(one[name] for one in each) / len(each) for name in each[0]}
    imported = next((one.imported for one in read if one.imported), "")
    return replace(read[0], scores=scores, each=each, imported=imported)
