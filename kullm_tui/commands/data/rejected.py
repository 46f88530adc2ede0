"""`kullm data rejected`: the rows that a build left out, with the step and the reason."""

from __future__ import annotations

import argparse
from itertools import islice
from typing import Any

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line, terminal_safe, terminal_safe_json

_SHOWN = 20
_LONGEST = 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("mixture", metavar="MIXTURE", help=say("만든 혼합의 이름", "the name of a mixture that was built"))
    for name, korean, english in (
        ("step", "이 단계에서 빠진 행만", "only those that this step left out"),
        ("reason", "이 까닭으로 빠진 행만", "only those with this reason"),
        ("source", "이 소스의 행만", "only those of this source"),
    ):
        add(f"--{name}", default="", metavar=name.upper(), help=say(korean, english))
    add("--limit", type=int, default=None, metavar="N", help=say("N개까지", "so many at most"))
    add("--json", action="store_true", help=say("JSON으로, 한 줄에 하나", "as JSON, one a line"))


def run(args: argparse.Namespace) -> int:
    from data.builder.workshop import own_workshop
    from data.looking import Rejected, rejected
    from data.shelf import require_built
    from data.text import reason_text, reasons_text, step_text

    facts = require_built(args.mixture)
    workshop = own_workshop()
    found = rejected(facts, workshop, step=args.step, reason=args.reason, source=args.source)
    if args.json:
        for one in islice(found, args.limit):
            print(terminal_safe_json(_as_json(one)))
        return 0
    steps = [one for one in facts.steps if one.counts.lost]
    for line in aligned(
        [[step_text(one.step), safe_line(one.source), reasons_text(one.counts.rejected)] for one in steps]
    ):
        print(terminal_safe(line))
    print()

    def row(one: Rejected) -> list[str]:
        text = next(iter(one.rejection.row.texts), "")
        why = " ".join(filter(None, (reason_text(one.rejection.reason), one.rejection.detail)))
        return [
            step_text(one.step.step),
            safe_line(one.rejection.row.place),
            safe_line(why),
            safe_line(text)[:_LONGEST],
        ]

    for line in aligned([row(one) for one in islice(found, _SHOWN if args.limit is None else args.limit)]):
        print(terminal_safe(line))
    if args.limit is None and next(found, None):
        Narration().note(
            say(
                f"처음 {_SHOWN}행이에요. 더 보려면 --limit 숫자", f"These are the first {_SHOWN}; --limit N shows more."
            )
        )
    return 0


def _as_json(one: Any) -> dict[str, Any]:
    from data.row import as_json

    rejection = one.rejection
    return {
        "step": one.step.step,
        "reason": rejection.reason,
        "detail": rejection.detail,
        "row": as_json(rejection.row),
    }
