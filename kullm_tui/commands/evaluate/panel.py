"""`kullm eval panel`: several judges' runs of the same answers as one panel, its table, and how far its judges can be trusted."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from evaluator.evaluation import load_run, results
from evaluator.panel import Judging, Manner, Panel, PanelPair, PanelRow, panel_of
from evaluator.panel_mean import PanelMean
from evaluator.report import markdown_table
from evaluator.verdict_file import open_verdicts
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_panel(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs",
        type=_numbers,
        required=True,
        metavar="N,N",
        help=say("묶을 평가의 번호들 (`kullm eval list`)", "the evaluations' numbers (`kullm eval list`)"),
    )
    parser.add_argument("--format", choices=["text", "markdown"], default="text", help=say("형식", "the form"))
    parser.add_argument("--json", action="store_true", help=say("JSON으로", "as JSON"))


def show_panel(args: argparse.Namespace) -> int:
    """1 where no answer has every judge's scores."""
    narration = Narration()
    with open_verdicts(narration.note) as store:
        runs = ((number, load_run(store, number)) for number in args.runs)
        judgings = [Judging(number, evaluation, results(evaluation, store)) for number, evaluation in runs]
    panel = panel_of(judgings)
    if args.json:
        print(terminal_safe_json({"runs": args.runs, **_facts(panel)}))
    else:
        _show(panel, narration, as_markdown=args.format == "markdown")
    return 0 if any(row.items for row in panel.rows) else 1


def _show(panel: Panel, narration: Narration, *, as_markdown: bool) -> None:
    shown = []
    for title, lines in _parts(panel):
        body = markdown_table(lines) if as_markdown else aligned(lines, right=_numeric(lines))
        shown.append([f"## {title}", "", *body] if as_markdown else [title, *body])
    text = "\n\n".join("\n".join(map(terminal_safe, lines)) for lines in shown)
    if not as_markdown:
        print(text)
        for note in _notes(panel):
            narration.note(note)
        return
    notes = "\n".join(terminal_safe(f"- {note}") for note in _notes(panel))
    print(f"# {terminal_safe(panel.set_name)}\n\n{text}\n\n{notes}")


def _numeric(lines: Sequence[Sequence[str]]) -> list[int]:
    """The columns that stand to the right: those that hold a number, or none, in every line."""
    return [place for place, column in enumerate(zip(*lines[1:], strict=True)) if all(map(_is_number, column))]


def _is_number(text: str) -> bool:
    return text[0] in "–+-[0123456789"


def _parts(panel: Panel) -> list[tuple[str, list[list[str]]]]:
    """Title and table each."""
    names, last = [one.name for one in panel.rubric.criteria], panel.rubric.criteria[-1].name
    heading = [say("모델", "model"), *names, "n"]
    parts = [(say("패널의 평균", "the panel's means"), [heading, *(_row_line(row, names) for row in panel.rows)])]
    if panel.pairs:
        heading = ["A − B", say("차이", "difference"), "95 %", "p", "p (Holm)", "n"]
        parts.append((f"A − B: {last}", [heading, *map(_pair_line, panel.pairs)]))
    heading = [
        say("기준", "criterion"), say("채점자 사이의 α", "α between judges"),
        say("채점자 사이의 표준편차", "SD between judges"), "n",
    ]  # fmt: skip
    lines = [
        [name, _number(one.alpha), _number(one.between_judges), str(one.answers)] for name, one in panel.concord.items()
    ]
    parts.append((say("채점자끼리 맞는 정도", "agreement of the judges"), [heading, *lines]))
    heading = [
        say("채점자", "judge"), say("기준", "criterion"), say("후함(+)·박함(−)", "lenient + severe −"),
        say("자신의 표준편차", "own SD"), say("다시 물은 채점 사이의 α", "α between askings"),
    ]  # fmt: skip
    lines = [_manner_line(judge, name, one) for judge, each in panel.manners.items() for name, one in each.items()]
    parts.append((say("채점자마다", "each judge"), [heading, *lines]))
    return parts


def _row_line(row: PanelRow, names: Sequence[str]) -> list[str]:
    cells = [_cell(row.means[name]) if name in row.means else "–" for name in names]
    return [row.system, *cells, f"{row.items}/{row.items + row.left_out}"]


def _cell(one: PanelMean) -> str:
    return f"{one.mean:.3f} [{one.interval.low:.3f}–{one.interval.high:.3f}]" if one.interval else f"{one.mean:.3f} [–]"


def _pair_line(pair: PanelPair) -> list[str]:
    one = pair.difference
    span = f"[{one.interval.low:+.3f}, {one.interval.high:+.3f}]" if one.interval else "–"
    tested = ["–" if p is None else f"{p:.4f}" for p in (one.p, pair.p_among_all)]
    return [f"{pair.a} − {pair.b}", f"{one.mean:+.3f}", span, *tested, str(one.items)]


def _manner_line(judge: str, criterion: str, one: Manner) -> list[str]:
    leniency = "–" if one.leniency is None else f"{one.leniency:+.3f}"
    return [judge, criterion, leniency, _number(one.own_deviation), _number(one.alpha)]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _notes(panel: Panel) -> list[str]:
    listed = ", ".join(panel.judges)
    notes = [
        say(
            f"채점자 {listed}, 채점 기준 {panel.rubric.name}. 구간과 p는 문항 × 채점자의 이원 배치에서 나와요: "
            "V = (MS문항 + MS채점자 − MS나머지)/(nJ), Satterthwaite의 자유도로 t",
            f"judges {listed}, rubric {panel.rubric.name}; intervals and p are of the two-way layout of items × judges: "
            "V = (MS items + MS judges − MS rest)/(nJ), t with Satterthwaite's degrees of freedom",
        ),
        *_notes_of_the_size(len(panel.judges)),
    ]
    for row in panel.rows:
        if row.left_out:
            notes.append(
                say(
                    f"{row.system}: 모든 채점자의 점수가 있지 않은 답 {row.left_out}개는 넣지 않았어요",
                    f"{row.system}: {row.left_out} answers without every judge's scores are left out",
                )
            )
    if all(one.own_deviation is None for each in panel.manners.values() for one in each.values()):
        notes.append(
            say(
                "한 번씩만 물어서 채점자 자신의 흔들림은 알 수 없어요. `kullm eval run --repeats 3`으로 재요",
                "each judge was asked once, so how steady it is nobody knows; `kullm eval run --repeats 3` measures it",
            )
        )
    return notes


def _notes_of_the_size(judges: int) -> list[str]:
    if judges == 1:
        return [
            say(
                "채점자가 하나라 V = S²/n이에요. 다시 물을 때의 흔들림은 들어 있지만, 다른 채점자라면 얼마나 후하거나 박했을지는 들어 있지 않아요",
                "with one judge V = S²/n: it holds the judge's unsteadiness from one asking to the next, and not how severe "
                "another judge would have been",
            )
        ]
    if judges < 5:
        return [
            say(
                f"채점자가 {judges}명뿐이라 채점자 사이의 차이를 잘 알 수 없어요. 그 차이가 크면 구간이 아주 넓거나, 더러 실제보다 좁아요",
                f"{judges} judges tell little of how judges differ; where they differ much, the intervals are very wide, or at "
                "times narrower than they should be",
            )
        ]
    return []


def _facts(panel: Panel) -> dict[str, Any]:
    return {
        "set": panel.set_name,
        "rubric": panel.rubric.name,
        "judges": list(panel.judges),
        "rows": [
            {
                "model": row.system,
                "scores": {name: _mean_facts(one) for name, one in row.means.items()},
                "n": row.items,
                "left_out": row.left_out,
            }
            for row in panel.rows
        ],
        "differences": [
            {"models": [pair.a, pair.b], **_mean_facts(pair.difference), "p_holm": pair.p_among_all}
            for pair in panel.pairs
        ],
        "agreement": {name: asdict(one) for name, one in panel.concord.items()},
        "each_judge": {
            judge: {name: asdict(one) for name, one in each.items()} for judge, each in panel.manners.items()
        },
    }


def _mean_facts(one: PanelMean) -> dict[str, Any]:
    span = one.interval
    return {
        "mean": one.mean,
        "low": span.low if span else None,
        "high": span.high if span else None,
        "p": one.p,
        "freedom": one.freedom,
        "n": one.items,
    }


def _numbers(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise argparse.ArgumentTypeError(say("3,4처럼 평가의 번호를 적어요", "must be evaluations' numbers, as 3,4"))
    return [int(part) for part in parts]
