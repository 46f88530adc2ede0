"""`kullm compare --judge`: every whole reply of the contest judged, and the verdicts beside their names."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.compare.view import name_of
from kullm_tui.commands.judge.option import Judging, verdict_line
from kullm_tui.core.compare.runner import Round
from kullm_tui.core.text import safe_line, terminal_safe

if TYPE_CHECKING:
    from evaluator.verdict import Verdict

Verdicts = Mapping[tuple[int, int], "Verdict"]  # by the question's number and the place


def judged_rounds(judging: Judging, rounds: Sequence[Round], narration: Narration) -> Verdicts:
    from evaluator.verdict import Item

    names = {lane.answerer.model for one in rounds for lane in one.lanes}
    judging.warn_of_itself(sorted(names), narration)
    items = {
        (number, place): Item(f"{number}/{place}", one.question.content, one.question.input, lane.text)
        for number, one in enumerate(rounds)
        for place, lane in enumerate(one.lanes)
        if lane.state == "complete"
    }
    found = judging.verdicts(list(items.values()), narration) if items else {}
    return {at: found[item.id] for at, item in items.items()}


def print_verdicts(rounds: Sequence[Round], verdicts: Verdicts) -> None:
    for number, one in enumerate(rounds):
        found = {place: verdicts[number, place] for place in range(len(one.lanes)) if (number, place) in verdicts}
        if len(rounds) > 1 and found:
            print(terminal_safe(f"[{number + 1}/{len(rounds)}] {one.question.content}"))
        rows = [
            [name_of(one, place, blind=False), safe_line(verdict_line(verdict))] for place, verdict in found.items()
        ]
        for line in aligned(rows) if rows else ():
            print(line)
        if len(rounds) == 1:
            _print_reasons(one, found)


def _print_reasons(one: Round, found: Mapping[int, "Verdict"]) -> None:
    for place, verdict in found.items():
        if verdict.status == "ok" and verdict.reason:
            print(terminal_safe(f"\n── {name_of(one, place, blind=False)}\n{verdict.reason}"))
