"""Votes at a terminal, and what the votes so far amount to: a list, ratings with intervals, preference pairs."""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.compare.view import name_of
from kullm_tui.core.compare.runner import Round
from kullm_tui.core.language import say
from kullm_tui.core.store.comparisons import Comparison, Duel, Outcome, Vote
from kullm_tui.core.store.store import Store
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_TIE, _BAD = "0", "9"


async def ask_for_vote(store: Store, one: Round, narration: Narration) -> Vote | None:
    """None where nothing could be chosen, or nobody chose. Names that were hidden are told afterwards."""
    comparison = one.comparison
    assert comparison
    places = [place for place, lane in enumerate(one.lanes) if lane.can_be_chosen]
    vote = None
    if len(places) < 2:
        narration.note(
            say("비교할 답이 두 개가 되지 않아 투표하지 않아요.", "fewer than two replies: there is no vote.")
        )
    elif choice := await _choice(one, places, blind=comparison.blind):
        outcome, winner = choice
        replies = [lane.reply_id for lane in one.lanes]
        vote = await asyncio.to_thread(store.comparisons.vote, comparison.id, replies, outcome, winner)
    if comparison.blind:
        names = range(len(one.lanes))
        narration.note(
            "   ".join(f"{name_of(one, place, blind=True)} = {name_of(one, place, blind=False)}" for place in names)
        )
    return vote


async def _choice(one: Round, places: list[int], *, blind: bool) -> tuple[Outcome, int | None] | None:
    keys: dict[str, tuple[Outcome, int | None]] = {str(place + 1): ("best", place) for place in places}
    keys |= {name_of(one, place, blind=blind).lower(): ("best", place) for place in places}
    keys |= {_TIE: ("tie", None), _BAD: ("bad", None)}
    named = "  ".join(f"{place + 1} {name_of(one, place, blind=blind)}" for place in places)
    offer = say(
        f"가장 좋은 답은? {named}  0 비김  9 모두 나쁨  (엔터: 넘어감) ",
        f"Which is the best? {named}  0 tie  9 all bad  (enter: none) ",
    )
    while True:
        sys.stderr.write(offer)
        sys.stderr.flush()
        answer = (await _line()).strip().lower()
        if not answer:
            return None
        if answer in keys:
            return keys[answer]


async def _line() -> str:
    """A line of the terminal's; the program can be stopped while it waits. Empty at the end of input."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(0, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(0)
    return os.read(0, 4096).decode(errors="replace")


def print_votes(store: Store, *, as_json: bool) -> int:
    comparisons: dict[int, Comparison] = {}
    rows = []
    for vote in store.comparisons.votes():
        if vote.comparison_id not in comparisons:
            comparisons[vote.comparison_id] = store.comparisons.get(vote.comparison_id)
        comparison = comparisons[vote.comparison_id]
        if as_json:
            print(terminal_safe_json(_facts(vote, comparison)))
        else:
            rows.append(
                [
                    str(comparison.id),
                    time.strftime("%Y-%m-%d %H:%M", time.localtime(vote.created)),
                    say("블라인드", "blind") if vote.blind else "",
                    _result(vote, comparison),
                    comparison.title,
                ]
            )
    for line in aligned([[terminal_safe(cell) for cell in row] for row in rows], right=[0]) if rows else ():
        print(line)
    if not store.comparisons.votes():
        _tell_none()
    return 0


def _facts(vote: Vote, comparison: Comparison) -> dict[str, Any]:
    labels = [column.contestant.label for column in comparison.columns]
    return {
        "comparison": comparison.id,
        "title": comparison.title,
        "voted_at": vote.created,
        "blind": vote.blind,
        "outcome": vote.outcome,
        "winner": None if vote.winner is None else labels[vote.winner],
        "contestants": [label for label, reply in zip(labels, vote.replies, strict=True) if reply is not None],
    }


def _result(vote: Vote, comparison: Comparison) -> str:
    labels = [column.contestant.label for column in comparison.columns]
    if vote.winner is not None:
        others = [
            label for place, label in enumerate(labels) if place != vote.winner and vote.replies[place] is not None
        ]
        return f"{labels[vote.winner]} > {', '.join(others)}"
    tied = " = ".join(label for label, reply in zip(labels, vote.replies, strict=True) if reply is not None)
    return f"{tied} ({say('모두 나쁨', 'all bad')})" if vote.outcome == "bad" else tied


def print_ratings(store: Store, *, as_json: bool) -> int:
    from evaluator.ratings import FEWEST_VOTES, caution, rate_duels

    duels, votes = store.comparisons.duels(), store.comparisons.votes()
    rated = rate_duels(duels)
    tally = _tally(duels)
    told = len(votes) >= FEWEST_VOTES
    rows = [
        [say("모델", "model"), say("점수", "rating"), "95 %", say("승", "won"), say("비김", "tied"), say("패", "lost")]
    ]
    for one in rated:
        won, tied, lost = (tally[one.name, result] for result in ("won", "tied", "lost"))
        if as_json:
            low, high = (one.interval.low, one.interval.high) if told else (None, None)
            facts = {"name": one.name, "rating": one.elo, "low": low, "high": high}
            print(terminal_safe_json({**facts, "won": won, "tied": tied, "lost": lost}))
        interval = f"{one.interval.low:.0f}–{one.interval.high:.0f}" if told else "?"
        rows.append([terminal_safe(one.name), f"{one.elo:.0f}", interval, str(won), str(tied), str(lost)])
    if not votes:
        _tell_none()
        return 0
    if not as_json:
        for line in aligned(rows, right=range(1, len(rows[0]))):
            print(line)
    blind, bad = sum(vote.blind for vote in votes), sum(vote.outcome == "bad" for vote in votes)
    Narration().note(
        say(
            f"투표 {len(votes):,}번(이름을 가린 것 {blind:,}번, 모두 나쁨 {bad:,}번). 모두 나쁨은 비김으로 쳐요.",
            f"{len(votes):,} votes ({blind:,} of them blind, {bad:,} all bad). All bad counts as a tie.",
        )
    )
    if caution(len(votes)):
        Narration().note(caution(len(votes)))
    return 0


def _tally(duels: list[Duel]) -> "Counter[tuple[str, str]]":
    tally: Counter[tuple[str, str]] = Counter()
    for duel in duels:
        left, right = {"left": ("won", "lost"), "right": ("lost", "won"), "tie": ("tied", "tied")}[duel.outcome]
        tally[duel.left, left] += 1
        tally[duel.right, right] += 1
    return tally


def export_pairs(store: Store, file: str, args: argparse.Namespace) -> int:
    """As `kullm feedback export` does, of votes alone."""
    from kullm_tui.commands.feedback.export import write_out
    from kullm_tui.feedback.lessons import lessons_in
    from kullm_tui.feedback.text import left_out_note

    learnt = lessons_in(store).of_votes
    if left_out := left_out_note(learnt):
        Narration().note(left_out)
    if not learnt.pairs:
        if not store.comparisons.votes():
            _tell_none()
        Narration().note(say("내보낼 선호 쌍이 없어요.", "there are no preference pairs to write."))
        return 1
    write_out(learnt.pairs, file, args)
    return 0


def _tell_none() -> None:
    Narration().note(
        say(
            "아직 투표가 없어요. `kullm compare --blind 질문`으로 시작하세요.",
            "There are no votes yet. Begin with `kullm compare --blind PROMPT`.",
        )
    )
