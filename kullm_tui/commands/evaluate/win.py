"""`kullm eval win`: how often each system of an evaluation is found better than the baseline, pair by pair."""

import argparse
from dataclasses import replace
from typing import Any

from evaluator.evaluation import Evaluation, judges_itself, load_run
from evaluator.judge import Judge
from evaluator.judge_choice import judge_again
from evaluator.judge_table import usual_mode
from evaluator.pairwise import PAIRWISE
from evaluator.report import markdown_table
from evaluator.statistics import Interval
from evaluator.verdict_file import open_verdicts
from evaluator.win_rate import WinRate, WinRates, duels_against, win_rates
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import add_batch, add_calls, add_judge, add_spending
from kullm_tui.commands.judge.run import agreed_judge, judged, spent_words, warn_of_end
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json


def add_win(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--baseline",
        required=True,
        metavar="NAME",
        help=say("비교할 시스템 (그 평가에 있는 이름)", "the system to compare with, as the evaluation names it"),
    )
    parser.add_argument("--format", choices=["text", "markdown", "json"], default="text", help=say("형식", "the form"))
    add_judge(parser)
    add_spending(parser)
    add_calls(parser)
    add_batch(parser)


def show_win_rates(args: argparse.Namespace) -> int:
    """1 where pairs are left without a judgement."""
    narration = Narration()
    with open_verdicts(narration.note) as store:
        evaluation = load_run(store, args.run)
        duels = duels_against(args.baseline, evaluation, store)
        judge = _judge(evaluation, args)
        _warn_of_itself(judge, evaluation, narration)
        items = [item for one in duels for item in one.pair.items]
        outcome = judged(items, judge=judge, rubric=PAIRWISE, store=store, args=args, narration=narration)
    rates = win_rates(args.baseline, evaluation, duels, outcome.verdicts)
    if args.format == "json":
        print(terminal_safe_json(_facts(rates, evaluation, judge)))
    else:
        lines, groups = _lines(rates), _group_lines(rates)
        for some in (lines, groups) if groups else (lines,):
            shown = markdown_table(some) if args.format == "markdown" else aligned(some, right=range(1, len(some[0])))
            print("\n".join(map(terminal_safe, shown)), end="\n\n" if groups and some is lines else "\n")
    for note in _notes(rates, judge):
        narration.note(note)
    narration.note(spent_words(outcome))
    spending.told_why(outcome.stopped)
    return 1 if any(one.status == "error" for one in outcome.verdicts.values()) else 0


def _judge(evaluation: Evaluation, args: argparse.Namespace) -> Judge:
    """The named one, or the evaluation's own."""
    if args.judge_model or not evaluation.judge.model:
        judge = agreed_judge(args, PAIRWISE, "kullm eval win")
    else:
        judge = judge_again(evaluation.judge, load_config().endpoints)
        obtain_consent(judge.endpoint, "kullm eval win", leaving="answer", agreed_now=args.yes)
        warn_of_end(judge, Narration())
    return replace(judge, mode=args.mode or usual_mode(judge.model, PAIRWISE))


def _warn_of_itself(judge: Judge, evaluation: Evaluation, narration: Narration) -> None:
    for name in judges_itself(replace(evaluation, judge=judge)):
        narration.note(
            say(
                f"{name}: 채점자가 자기 답을 비교해요. 자기 쪽을 고를 수 있어요.",
                f"{name} judges itself: it may favour its own answers.",
            )
        )


def _lines(rates: WinRates) -> list[list[str]]:
    heading = [
        say("모델", "model"), say("승률 %", "win rate %"), "95 %", "p", "p (Holm)",
        say("길이가 같다면 %", "at equal length %"), "95 %", say("승-무-패", "won-tied-lost"), "n",
    ]  # fmt: skip
    return [heading, *(_line(row) for row in rates.rows)]


def _line(row: WinRate) -> list[str]:
    even = "–" if row.at_equal_length is None else f"{100 * row.at_equal_length:.1f}"
    record = f"{row.wins}-{row.ties}-{row.losses}"
    tested = [f"{row.p:.4f}", f"{row.p_among_all:.4f}"]
    count = f"{row.decided}/{row.decided + row.unscored + row.missing}"
    if not row.decided:
        return [row.system, *["–"] * 6, record, count]
    return [row.system, f"{100 * row.rate:.1f}", _span(row.interval), *tested, even, _span(row.equal_length_interval), record, count]  # fmt: skip


def _group_lines(rates: WinRates) -> list[list[str]]:
    if not rates.groups:
        return []
    heading = [say("분류", "group"), *(row.system for row in rates.rows)]
    return [heading, *([name, *map(_group_cell, rows)] for name, rows in rates.groups.items())]


def _group_cell(row: WinRate) -> str:
    return f"{100 * row.rate:.1f} [{_span(row.interval)}] n = {row.decided}" if row.decided else "–"


def _span(interval: Interval | None) -> str:
    return f"{100 * interval.low:.1f}–{100 * interval.high:.1f}" if interval else "–"


def _notes(rates: WinRates, judge: Judge) -> list[str]:
    notes = [
        say(
            f"{rates.baseline}에 이긴 비율. 채점자 {judge.model}, 기준 {PAIRWISE.name}, 순서를 바꾸어 두 번 물었고 엇갈리면 비김이에요. "
            "구간과 p(50 %와 비교)는 부호 뒤집기 검정 하나에서 나와요",
            f"rate of wins over {rates.baseline}; judge {judge.model}, rubric {PAIRWISE.name}, asked in both orders, and a tie where "
            "they disagree. Interval and p (against 50 %) come from one test, by flipping signs",
        ),
        say(
            "길이가 같다면: 길이 차이를 변수로 넣은 로지스틱 모형(AlpacaEval 2의 방식, 질문 난이도 항은 없음), 구간은 부트스트랩",
            "at equal length: a logistic model with the difference in length (as in AlpacaEval 2, without its term for the "
            "question's difficulty); bootstrap interval",
        ),
    ]
    for row in rates.rows:
        notes.append(
            say(
                f"{row.system}: 답이 평균 {row.longer_by:+,.0f}자, 비김 중 순서를 바꾸자 뒤집힌 것 {row.flipped}, "
                f"가릴 수 없음 {row.unscored}, 답 없음 {row.missing}",
                f"{row.system}: answers {row.longer_by:+,.0f} characters on average; {row.flipped} ties turned round with the "
                f"order, {row.unscored} undecided, {row.missing} without an answer",
            )
        )
    return notes


def _facts(rates: WinRates, evaluation: Evaluation, judge: Judge) -> dict[str, Any]:
    return {
        "set": evaluation.questions.name,
        "baseline": rates.baseline,
        "judge": judge.model,
        "rubric": PAIRWISE.name,
        "rubric_sha256": PAIRWISE.sha256,
        "rows": [_row_facts(row) for row in rates.rows],
        "groups": [{"group": name, "rows": [_row_facts(row) for row in rows]} for name, rows in rates.groups.items()],
    }


def _row_facts(row: WinRate) -> dict[str, Any]:
    even = row.equal_length_interval
    return {
        "model": row.system,
        "rate": row.rate if row.decided else None,
        "low": row.interval.low,
        "high": row.interval.high,
        "p": row.p,
        "p_holm": row.p_among_all,
        "at_equal_length": row.at_equal_length,
        "at_equal_length_low": even.low if even else None,
        "at_equal_length_high": even.high if even else None,
        "longer_by": row.longer_by,
        "wins": row.wins,
        "ties": row.ties,
        "losses": row.losses,
        "flipped": row.flipped,
        "unscored": row.unscored,
        "missing": row.missing,
        "n": row.decided,
    }
