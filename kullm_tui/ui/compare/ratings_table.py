"""Ratings as lines of a table: place, name, points, interval, how many times compared, and the interval drawn to scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from evaluator.ratings import FEWEST_VOTES, caution, rate_duels
from kullm_tui.core.language import say
from kullm_tui.core.store.contestant import Contestant
from kullm_tui.ui.compare.text import name_of
from kullm_tui.ui.text import safe_line

if TYPE_CHECKING:
    from evaluator.ratings import Rating
    from kullm_tui.core.store.store import Store

_PLACE_CELLS, _NUMBER_CELLS, _INTERVAL_CELLS, _COUNT_CELLS = 2, 5, 13, 6
_BETWEEN = "  "
_BESIDE_NAMES = _PLACE_CELLS + _NUMBER_CELLS + _INTERVAL_CELLS + _COUNT_CELLS + 5 * len(_BETWEEN)
_NAME_CELLS, _MOST_NAME_CELLS = 26, 48
_LEAST_DRAWN = 12


@dataclass(frozen=True)
class Ratings:
    rows: Sequence[Rating]
    votes: int
    blind: int
    ties: int
    bad: int
    contestants: Mapping[
        str, Contestant
    ]  # by their labels, which cannot be taken apart: a model's name may have a + in it


def ratings_of(store: Store) -> Ratings:
    """Blocks for a moment: a few hundred resamples for the intervals."""
    votes = store.comparisons.votes()
    rows = rate_duels(store.comparisons.duels())
    outcomes = [vote.outcome for vote in votes]
    return Ratings(
        rows,
        len(votes),
        sum(vote.blind for vote in votes),
        outcomes.count("tie"),
        outcomes.count("bad"),
        {one.label: one for one in store.comparisons.contestants()},
    )


def summary(ratings: Ratings) -> str:
    if not ratings.votes:
        return say(
            "아직 투표가 없어요. 비교가 끝나면 ← →로 고르고 ⏎로 투표해 주세요.",
            "No votes yet. When a comparison has finished, choose with ← → and vote with ⏎.",
        )
    told = say(
        f"표 {ratings.votes:,}개 · 이름을 가린 표 {ratings.blind:,} · 비김 {ratings.ties:,} · 모두 나쁨 {ratings.bad:,}",
        f"{ratings.votes:,} votes · {ratings.blind:,} blind · {ratings.ties:,} ties · {ratings.bad:,} all bad",
    )
    return f"{told}\n{caution(ratings.votes)}".rstrip()


def table(ratings: Ratings, titles: Mapping[str, str], width: int) -> Content:
    rows, told = ratings.rows, ratings.votes >= FEWEST_VOTES
    names = [safe_line(name_of(ratings.contestants.get(row.name, Contestant(row.name)), titles)) for row in rows]
    room = _name_cells(names, width)
    head = _line(
        "",
        say("모델", "model"),
        say("점수", "points"),
        say("95 % 구간", "95 %"),
        say("비교", "duels"),
        Content(""),
        room,
    ).stylize("$quiet")
    taken = head.cell_length
    low = min(row.interval.low for row in rows)
    high = max(row.interval.high for row in rows)
    drawn = width - taken if told and width - taken >= _LEAST_DRAWN else 0
    lines = [
        _line(
            str(place),
            name,
            f"{row.elo:,.0f}",
            f"{row.interval.low:,.0f}–{row.interval.high:,.0f}" if told else "?",
            f"{row.comparisons:,}",
            _drawn(row, low, high, drawn),
            room,
        )
        for place, (row, name) in enumerate(zip(rows, names, strict=True), start=1)
    ]
    return Content("\n").join([head, *lines])


def _line(place: str, name: str, points: str, interval: str, count: str, drawn: Content, name_cells: int) -> Content:
    cells = [
        _right(place, _PLACE_CELLS),
        Content(name).truncate(name_cells, ellipsis=True, pad=True),
        _right(points, _NUMBER_CELLS),
        _right(interval, _INTERVAL_CELLS),
        _right(count, _COUNT_CELLS),
        drawn,
    ]
    return Content(_BETWEEN).join(cells)


def _right(text: str, cells: int) -> Content:
    content = Content(text)
    return Content(" " * max(0, cells - content.cell_length)) + content


def _name_cells(names: Sequence[str], width: int) -> int:
    """As many as the longest takes, where there is room: a name with an adapter is told apart by its end."""
    longest = max((Content(name).cell_length for name in names), default=0)
    return max(_NAME_CELLS, min(longest, _MOST_NAME_CELLS, width - _BESIDE_NAMES))


def _drawn(row: Rating, low: float, high: float, cells: int) -> Content:
    """`  ├──●───┤`, all on one scale."""
    if not cells or high <= low:
        return Content("")
    left, middle, right = (
        round((value - low) / (high - low) * (cells - 1)) for value in (row.interval.low, row.elo, row.interval.high)
    )
    line = [" "] * cells
    for place in range(left, right + 1):
        line[place] = "─"
    line[left], line[right] = "├", "┤"
    middle = min(max(middle, left), right)
    text = "".join(line)
    return Content.assemble(text[:middle], ("●", "$accent"), text[middle + 1 :])
