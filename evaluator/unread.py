"""Verdicts whose words hold no scores: had from the judge once more, or read by a person.

What counts for an answer: its first verdict (where each is asked for several times, the mean of them, rounds.py); where that holds no scores, the first later one that does; and only where none does,
what a person read in the first one's words. Which of them it was stays with the verdict, and the table's foot counts them.
"""

import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.judge import Judge
from evaluator.judging import kept_verdicts
from evaluator.rounds import Rounds, averaged
from evaluator.rubric import Rubric
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from evaluator.verdicts_about import next_repeat
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

Scores = Mapping[str, float]  # by the criterion's name
_UNREAD = ("unparsed", "refused")


@dataclass(frozen=True)
class Unread:
    """A verdict without scores, and what it is about."""

    item: Item
    verdict: Verdict


def counted_verdicts(
    items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore, repeats: int = 1
) -> dict[str, Verdict]:
    """What counts for each item, by its id; without those that nobody judged."""
    if repeats > 1:
        means = averaged(items, repeats, judge=judge, rubric=rubric, store=store)
        rest = [item for item in items if item.id not in means]
        return means | counted_verdicts(rest, judge=judge, rubric=rubric, store=store)
    verdicts = kept_verdicts(items, judge=judge, rubric=rubric, store=store)
    waiting = [item for item in items if item.id in verdicts and verdicts[item.id].status in _UNREAD]
    if not waiting:
        return verdicts
    for repeat in range(1, last_repeat(store, judge, rubric) + 1):
        again = kept_verdicts(waiting, judge=judge, rubric=rubric, store=store, repeat=repeat)
        read = {name: replace(one, repeat=repeat) for name, one in again.items() if one.status == "ok"}
        verdicts |= read
        waiting = [item for item in waiting if item.id not in read]
    by_hand = _by_hand(store, {item.id: judge.key(rubric, item) for item in waiting})
    return verdicts | {name: _as_read(verdicts[name], *given) for name, given in by_hand.items()}


def last_repeat(store: VerdictStore, judge: Judge, rubric: Rubric) -> int:
    """The highest number under which this judge was ever asked."""
    with store.database.reading() as connection:
        found = connection.execute(
            "SELECT max(repeat) FROM verdicts WHERE judge = ? AND rubric_sha256 = ?", (judge.model, rubric.sha256)
        ).fetchone()[0]
    return found or 0


def unread(
    items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore, repeats: int = 1
) -> list[Unread]:
    """Answers that were judged and have no scores yet, in the items' order, each content once."""
    verdicts = counted_verdicts(items, judge=judge, rubric=rubric, store=store, repeats=repeats)
    found: dict[str, Unread] = {}
    for item in items:
        if item.id in verdicts and verdicts[item.id].status in _UNREAD:
            found.setdefault(judge.key(rubric, item), Unread(item, verdicts[item.id]))
    return list(found.values())


def next_rounds(items: Sequence[Item], *, judge: Judge, rubric: Rubric, store: VerdictStore) -> Rounds:
    """Each once more, under the next number that it has no verdict of yet."""
    rounds: dict[int, list[Item]] = defaultdict(list)
    for item in items:
        rounds[next_repeat(item, store, judge, rubric)].append(item)
    return rounds


def take_by_hand(
    store: VerdictStore, one: Unread, scores: Scores, reader: str, *, judge: Judge, rubric: Rubric
) -> None:
    """Doing it again replaces. UsageError where the scores are not the rubric's: every criterion, each in its range."""
    if fault := score_fault(scores, rubric):
        raise UsageError(fault)
    ordered = {criterion.name: scores[criterion.name] for criterion in rubric.criteria}
    row = (judge.key(rubric, one.item), time.time(), nfc(reader), json.dumps(ordered, ensure_ascii=False))
    with store.database.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO by_hand (key, created, reader, scores) VALUES (?, ?, ?, ?)", row)


def score_fault(scores: Mapping[str, object], rubric: Rubric) -> str:
    """Why these are no whole set of the rubric's scores; empty where they are."""
    for criterion in rubric.criteria:
        score = scores.get(criterion.name)
        if score not in criterion.choices or isinstance(score, bool):
            span = f"{criterion.low}–{criterion.high}"
            return say(f"{criterion.name}: {span}의 점수여야 해요", f"{criterion.name} must be a score of {span}")
    names = [one.name for one in rubric.criteria]
    stranger = next((name for name in scores if name not in names), None)
    return say(f"{stranger}: 없는 기준이에요", f"there is no criterion {stranger}") if stranger else ""


def _by_hand(store: VerdictStore, keys: Mapping[str, str]) -> dict[str, tuple[Scores, str, float]]:
    found = {}
    with store.database.reading() as connection:
        for name, key in keys.items():
            row = connection.execute("SELECT scores, reader, created FROM by_hand WHERE key = ?", (key,)).fetchone()
            if row:
                found[name] = (json.loads(row["scores"]), row["reader"], row["created"])
    return found


def _as_read(verdict: Verdict, scores: Scores, reader: str, created: float) -> Verdict:
    return replace(verdict, status="ok", scores=scores, by_hand=reader, created=created)
