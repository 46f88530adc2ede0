"""`kullm feedback list`: every word that was said of a reply, and what all of them amount to."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kullm_tui.commands.cli.arguments import whole
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core import paths
from kullm_tui.core.language import say
from kullm_tui.core.store.recovery import open_to_read
from kullm_tui.core.text import safe_line, terminal_safe, terminal_safe_json

if TYPE_CHECKING:
    from kullm_tui.feedback.gather import Feedback
    from kullm_tui.feedback.lessons import Lessons

_SHOWN = 30
_LONGEST = 30
_KINDS = ("correction", "kept", "never", "vote", "verdict")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--kind", choices=_KINDS, help=say("이 종류만", "only those of this kind"))
    add("--model", default="", metavar="MODEL", help=say("이 모델의 답에 대한 것만", "only of this model's replies"))
    add("--limit", type=whole(0, 10**9), default=_SHOWN, metavar="N", help=say("N개까지(0: 전부)", "so many (0: all)"))
    add("--json", action="store_true", help=say("JSON으로", "as JSON"))


def run(args: argparse.Namespace) -> int:
    from kullm_tui.feedback.survey import survey

    with open_to_read(paths.database_file()) as store:
        found = survey(store)
    said, learnt = tuple(entry.feedback for entry in found.entries), found.lessons
    shown = [one for one in said if args.kind in (None, one.kind) and (not args.model or args.model in one.models)]
    if args.json:
        print(terminal_safe_json({"feedback": [_facts(one) for one in shown], "lessons": _counts(learnt)}))
        return 0
    if not said:
        _tell_none()
        return 0
    _print(shown[: args.limit or None])
    _tell(said, learnt, left=len(shown) - len(shown[: args.limit or None]))
    return 0


def _print(shown: list[Feedback]) -> None:
    from kullm_tui.feedback.text import kind_text

    head = [
        say("번호", "number"),
        say("언제", "when"),
        say("종류", "kind"),
        say("모델", "model"),
        say("질문", "question"),
        say("좋은 답", "wanted"),
        say("아닌 답", "instead of"),
    ]
    rows = [
        [
            str(one.where.message),
            time.strftime("%Y-%m-%d %H:%M", time.localtime(one.when)),
            kind_text(one.kind),
            safe_line(", ".join(one.models)),
            _short(one.question[-1].content if one.question else ""),
            _short(one.chosen or ""),
            _short(one.rejected or ""),
        ]
        for one in shown
    ]
    for line in aligned([head, *rows], right=[0]):
        print(terminal_safe(line))


def _tell(said: tuple[Feedback, ...], learnt: Lessons, *, left: int) -> None:
    from kullm_tui.feedback.text import by_model, kind_text, overview

    narration = Narration()
    if left:
        narration.note(say(f"{left:,}개 더 있어요. 전부 보려면 --limit 0.", f"{left:,} more; --limit 0 shows them."))
    for model, kinds in by_model(said).items():
        narration.note(f"{model}: {', '.join(f'{kind_text(kind)} {count:,}' for kind, count in kinds.items())}")
    for line in overview(learnt):
        narration.note(line)


def _short(text: str) -> str:
    line = safe_line(text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def _facts(one: Feedback) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if value not in (None, "")}


def _counts(found: Lessons) -> dict[str, Any]:
    return {
        "pairs": len(found.pairs),
        "rows": len(found.rows),
        "held_out_pairs": len(found.held_out.pairs),
        "held_out_rows": len(found.held_out.rows),
        "left_out": dict(found.reasons),
        "personal": len(found.personal),
    }


def _tell_none() -> None:
    Narration().note(
        say(
            "아직 피드백이 없어요. 앱에서 답을 고치거나 표시하고, 비교에 투표해 보세요.\n"
            "셸에서는 `kullm feedback correct 번호`와 `kullm feedback mark 번호 keep`을 쓰세요. 번호는 `kullm history show`에 있어요.",
            "There is no feedback yet. Correct or mark replies in the app, or vote on comparisons.\n"
            "From the shell: `kullm feedback correct NUMBER`, `kullm feedback mark NUMBER keep`; `kullm history show` has the numbers.",
        )
    )
