"""`kullm data sources`: every source that is known by name, with its size, its licence and where each figure comes from."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line, terminal_safe_json

if TYPE_CHECKING:
    from data.sources.catalogue import Source


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help=say("JSON으로, 한 줄에 하나", "as JSON, one a line"))


def run(args: argparse.Namespace) -> int:
    from data.sources.catalogue import sources

    if args.json:
        for source in sources().values():
            print(terminal_safe_json(source.as_json()))
        return 0
    for line in aligned([_head(), *map(_row, sources().values())]):
        print(line)
    Narration().note(
        say(
            "괄호는 수치의 출처예요. 라이선스는 출처가 밝힌 그대로예요. 자세히: kullm data show 이름",
            "In brackets: where a figure comes from. A licence is what the source says of itself. More: kullm data show NAME",
        )
    )
    return 0


def _head() -> list[str]:
    return [
        say("이름", "name"),
        say("행", "rows"),
        say("크기", "size"),
        say("라이선스", "licence"),
        say("상업 이용", "commercial"),
        say("결과 공개", "may be shared"),
        say("확인", "seen here"),
    ]


def _row(source: Source) -> list[str]:
    from data.sources import text

    return [
        source.name,
        text.rows_text(source) or "?",
        text.size_of(source) or "?",
        safe_line(text.licence_text(source)),
        text.commercial_text(source.commercial),
        text.sharing_text(source.sharing),
        text.reach_text(source),
    ]
