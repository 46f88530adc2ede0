"""`kullm judge`: responses from a file or a pipe, each with the scores that a judge gives it."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from evaluator.judge import Judge, is_its_own_judge
from evaluator.judging import Outcome
from evaluator.rows import Row, read_pairs, read_rows
from evaluator.rubric import load_rubric, shipped_rubrics
from evaluator.verdict import Verdict
from evaluator.verdict_file import open_verdicts
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.arguments import whole
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import add_batch, add_calls, add_choice, add_spending
from kullm_tui.commands.judge.option import verdict_facts, verdict_line
from kullm_tui.commands.judge.run import agreed_judge, judged, spent_words
from kullm_tui.core import paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_MOST_REPEATS = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        metavar="FILE",
        help=say(
            'instruction, input, response가 든 JSONL 파일. "-"이면 표준 입력',
            'a JSONL file of instruction, input, response; "-" reads stdin',
        ),
    )
    add_judge_arguments(parser)
    add_batch(parser)
    parser.add_argument(
        "--repeat",
        type=whole(0, _MOST_REPEATS),
        default=0,
        metavar="N",
        help=say("N번째로 다시 채점해요 (기본 0)", "judge again, for the Nth time (0 unless told)"),
    )
    parser.add_argument(
        "--pairwise",
        action="store_true",
        help=say(
            "left와 right 중 나은 쪽을, 순서를 바꾸어 두 번 물어요",
            "which of left and right is better, asked twice with their places swapped",
        ),
    )
    parser.add_argument("--json", action="store_true", help=say("한 행에 JSON 하나", "one JSON object a row"))


def add_judge_arguments(parser: argparse.ArgumentParser) -> None:
    add_choice(parser, shipped_rubrics())
    add_spending(parser)
    add_calls(parser)


def run(args: argparse.Namespace) -> int:
    if args.pairwise:
        from kullm_tui.commands.judge.pairs import judge_pairs

        return judge_pairs(args, read_pairs(_lines(args.file)))
    rubric = load_rubric(args.rubric)
    rows = read_rows(_lines(args.file))
    narration = Narration()
    judge = agreed_judge(args, rubric, "kullm judge")
    _warn_of_itself(rows, judge, narration)
    items = [row.item for row in rows]
    with open_verdicts(narration.note) as store:
        printer = _Printer(rows, as_json=args.json)
        outcome = judged(
            items,
            judge=judge,
            rubric=rubric,
            store=store,
            args=args,
            narration=narration,
            repeat=args.repeat,
            told=printer.take,
        )
    printer.finish(outcome)
    narration.note(f"{_summary(outcome, len(rows))} {spent_words(outcome)}")
    spending.told_why(outcome.stopped)
    return 1 if outcome.failed else 0


def _warn_of_itself(rows: Sequence[Row], judge: Judge, narration: Narration) -> None:
    own = sum(is_its_own_judge(judge.model, row.model) for row in rows)
    if own:
        narration.note(
            say(
                f"{own:,}행은 채점자 {judge.model}의 답이에요. 자기 답에는 점수가 후할 수 있어요.",
                f"{own:,} rows are the answers of the judge itself, {judge.model}: its scores may be generous.",
            )
        )


class _Printer:
    """Rows to stdout in the file's order, each as soon as those before it are there."""

    def __init__(self, rows: Sequence[Row], *, as_json: bool) -> None:
        self._rows, self._as_json = rows, as_json
        self._taken: set[str] = set()
        self._waiting: dict[str, Verdict] = {}
        self._next = 0

    def take(self, verdict: Verdict) -> None:
        self._taken.add(verdict.id)
        self._waiting[verdict.id] = verdict
        while self._next < len(self._rows) and self._rows[self._next].item.id in self._waiting:
            self._print(self._waiting.pop(self._rows[self._next].item.id))

    def finish(self, outcome: Outcome) -> None:
        """What was not reached gets its row too, as an error."""
        for row in self._rows:
            if row.item.id not in self._taken:
                self.take(outcome.verdicts[row.item.id])

    def _print(self, verdict: Verdict) -> None:
        row = self._rows[self._next]
        self._next += 1
        if self._as_json:
            print(terminal_safe_json({"id": row.id, **verdict_facts(verdict)}), flush=True)
        else:
            print(terminal_safe(f"{row.id}  {verdict_line(verdict)}"), flush=True)


def _summary(outcome: Outcome, wanted: int) -> str:
    scored = sum(verdict.status == "ok" for verdict in outcome.verdicts.values())
    kept = sum(verdict.kept for verdict in outcome.verdicts.values())
    return say(
        f"{wanted:,}개 중 {scored:,}개에 점수가 있어요. 전에 받아 둔 것 {kept:,}개.",
        f"{scored:,} of {wanted:,} have scores. {kept:,} were kept from before.",
    )


def _lines(name: str) -> Iterator[str]:
    try:
        text = sys.stdin.buffer.read() if name == "-" else paths.typed(name).read_bytes()
        return iter(text.decode("utf-8-sig").split("\n"))
    except OSError as error:
        raise UsageError(say(f"{name}: 읽을 수 없어요({cause_of(error)}).", f"{name}: {cause_of(error)}.")) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            say(
                f"{name}: UTF-8이 아니에요. 예: iconv -f cp949 -t utf-8",
                f"{name} is not UTF-8. Try: iconv -f cp949 -t utf-8",
            )
        ) from error
