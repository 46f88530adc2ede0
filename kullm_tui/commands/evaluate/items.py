"""`kullm eval items`: each answer of an evaluation, its verdict and the judge's own words, to read or to work on elsewhere."""

from collections.abc import Sequence
from typing import Any

from evaluator.evaluation import Evaluation, SystemResult
from evaluator.export import item_facts
from evaluator.unscored import status_word
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_SHOWN = 60


def show_items(evaluation: Evaluation, found: Sequence[SystemResult], *, as_json: bool) -> int:
    if as_json:
        for facts in item_facts(evaluation, found):
            print(terminal_safe_json(facts))
        return 0
    overall = evaluation.rubric.criteria[-1].name
    heading = ["id", say("모델", "model"), overall, say("답", "answer"), say("표시", "flags"), say("까닭", "reason")]
    lines = [heading, *(_line(facts, overall) for facts in item_facts(evaluation, found))]
    for line in aligned(lines, right=(2,)):
        print(terminal_safe(line))
    return 0


def _line(facts: dict[str, Any], overall: str) -> list[str]:
    score = facts["scores"].get(overall)
    flags = ", ".join([*([facts["fault"]] if facts["fault"] else []), *facts["flags"]])
    shown = str(score) if facts["status"] == "ok" else status_word(facts["status"])
    why = " ".join(facts["reason"].split()) if facts["status"] != "ok" else ""
    return [facts["id"], facts["system"], shown, _short(facts["response"] or ""), flags, why]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
