"""`kullm data show`: one source: what is known of it, its first rows, and what of it could not be read."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration, download_line
from kullm_tui.core import paths
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line, terminal_safe, terminal_safe_json

if TYPE_CHECKING:
    from data.row import Row
    from data.sources.catalogue import Source
    from data.sources.read import Fault

_SHOWN = 3
_LONGEST = 400  # characters of a text that are shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("source", metavar="SOURCE", help=say("출처의 이름이나 파일", "the name of a source, or a file"))
    add(
        "--limit",
        type=_count,
        metavar="N",
        help=say("행 N개. 아직 없으면 받아요", "so many rows; fetched if they are not here"),
    )
    add(
        "--file",
        type=Path,
        metavar="F",
        help=say("이 파일에서 끝까지 읽어요", "read them out of this file, to its end"),
    )
    add(
        "--column",
        dest="columns",
        action="append",
        default=[],
        metavar="OURS=THEIRS",
        help=say("열의 이름. 예: output=답변", "what a column is called, as output=answer"),
    )
    add("--json", action="store_true", help=say("JSON으로, 한 줄에 하나", "as JSON, one a line"))


def run(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from data.sources.catalogue import BY_COLUMNS, source_named
    from data.sources.text import facts

    source = source_named(args.source)
    if args.columns:
        source = replace(source, columns=_columns(args.columns), form=BY_COLUMNS)
    if args.json:
        print(terminal_safe_json(source.as_json()))
    else:
        for line in aligned([[name, safe_line(value)] for name, value in facts(source)]):
            print(terminal_safe(line))
    pieces = _pieces(source, args.file, asked=args.limit is not None)
    if pieces is not None:
        _tell(pieces, _SHOWN if args.limit is None else args.limit, to_the_end=args.file is not None, as_json=args.json)
    return 0


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(say("0 이상의 정수여야 해요", "must be a whole number from 0 on"))
    return number


def _columns(pairs: list[str]) -> Mapping[str, str]:
    from data.sources.columns import column_names
    from kullm_tui.core.rules import Fault as RuleFault

    try:
        return column_names(dict(pair.split("=", 1) for pair in pairs))
    except (RuleFault, ValueError) as fault:
        told = str(fault) if isinstance(fault, RuleFault) else say("이름=열로 적어 주세요", "must be OURS=THEIRS")
        raise UsageError(f"--column {' '.join(pairs)}: {told}") from fault


def _pieces(source: Source, file: Path | None, *, asked: bool) -> Iterator[Row | Fault] | None:
    """Nothing where rows would have to be fetched and nobody asked for them."""
    from data.sources.fetch import fetch, here
    from data.sources.read import read

    narration = Narration()
    if file is not None:
        return read(source, [paths.typed(file)])
    if found := here(source) or (
        fetch(source, progress=download_line(source.name, narration.progress)) if asked else None
    ):
        narration.clear()
        return read(source, None if source.own else found.files)
    narration.note(
        say(
            f"아직 받지 않았어요. `kullm data show {source.name} --limit {_SHOWN}`이면 받아서 보여 줘요.",
            f"Not fetched yet: `kullm data show {source.name} --limit {_SHOWN}` fetches it and shows rows.",
        )
    )
    return None


def _tell(pieces: Iterator[Row | Fault], limit: int, *, to_the_end: bool, as_json: bool) -> None:
    from data.row import Row

    rows, faults = 0, Counter[str]()
    first: dict[str, Fault] = {}
    while to_the_end or rows < limit:
        piece = next(pieces, None)
        if piece is None:
            break
        if isinstance(piece, Row):
            rows += 1
            if rows <= limit:
                _tell_row(piece, rows, as_json=as_json)
        else:
            faults[piece.reason] += 1
            first.setdefault(piece.reason, piece)
            if as_json:
                print(
                    terminal_safe_json(
                        {"fault": {"place": piece.place, "reason": piece.reason, "detail": piece.detail}}
                    )
                )
    if as_json:
        print(terminal_safe_json({"read": {"rows": rows, "faults": dict(faults)}}))
    else:
        _tell_faults(rows, faults, first)


def _tell_row(row: Row, number: int, *, as_json: bool) -> None:
    from data.row import as_json as row_as_json

    if as_json:
        print(terminal_safe_json({"row": row_as_json(row)}))
        return
    print(terminal_safe(f"\n[{number}] {row.place}"))
    told = []
    for message in row.messages:
        told.append([say("질문", "asks") if message.role == "user" else say("답", "replies"), _cut(message.content)])
        if message.input:
            told.append([say("입력", "input"), _cut(message.input)])
    for line in aligned(told):
        print(line)


def _cut(text: str) -> str:
    line = safe_line(text[: 2 * _LONGEST])
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _tell_faults(rows: int, faults: Counter[str], first: Mapping[str, Fault]) -> None:
    total = sum(faults.values())
    print(say(f"\n읽은 행 {rows:,}개, 읽지 못한 곳 {total:,}군데", f"\n{rows:,} rows read, {total:,} faults"))
    for reason, count in faults.most_common():
        print(terminal_safe(f"  {count:,}  {reason}  {first[reason].place}: {safe_line(first[reason].detail)}"))
