"""`kullm eval retry` and `kullm eval rescore`: verdicts that could not be read, asked for once more or read by a person."""

import argparse
import getpass
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from evaluator.evaluation import Evaluation, evaluation_items, item_place, load_run
from evaluator.judge_choice import judge_again
from evaluator.rubric import Rubric
from evaluator.unread import Unread, next_rounds, score_fault, take_by_hand, unread
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import add_batch, add_calls, add_spending
from kullm_tui.commands.judge.run import judged_in_rounds, spent_words, warn_of_end
from kullm_tui.core import paths
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc, terminal_safe


def add_retry(parser: argparse.ArgumentParser) -> None:
    add_spending(parser)
    add_calls(parser)
    add_batch(parser)


def add_rescore(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scores",
        metavar="FILE",
        help=say(
            "id, model, scores가 든 JSONL (없으면 하나씩 보여 주고 물어요)",
            "a JSONL file of id, model, scores (else each is shown and asked about)",
        ),
    )
    parser.add_argument(
        "--by", default="", metavar="NAME", help=say("읽은 사람 (없으면 로그인 이름)", "who reads them (else the login name)")
    )  # fmt: skip


def retry(args: argparse.Namespace) -> int:
    """Every verdict without scores once more; 1 where some still have none."""
    narration = Narration()
    with _unread_of(args.run, narration) as (store, evaluation, waiting):
        if not waiting:
            return 0
        judge, rubric = judge_again(evaluation.judge, load_config().endpoints), evaluation.rubric
        obtain_consent(judge.endpoint, "kullm eval retry", leaving="answer", agreed_now=args.yes)
        warn_of_end(judge, narration)
        items = [one.item for one in waiting]
        rounds = next_rounds(items, judge=judge, rubric=rubric, store=store)
        outcome = judged_in_rounds(rounds, judge=judge, rubric=rubric, store=store, args=args, narration=narration)
        left = len(_unread(evaluation, store))
    narration.note(
        say(
            f"{len(items):,}개를 다시 물어 {len(items) - left:,}개에 점수가 생겼어요. {spent_words(outcome)}",
            f"{len(items):,} were asked again, and {len(items) - left:,} have scores now. {spent_words(outcome)}",
        )
    )
    spending.told_why(outcome.stopped)
    return 1 if left else 0


def rescore(args: argparse.Namespace) -> int:
    """What a person reads in the judge's words, from a file or asked for one by one."""
    reader = args.by.strip() or getpass.getuser()
    narration = Narration()
    with _unread_of(args.run, narration) as (store, evaluation, waiting):
        if not waiting:
            return 0
        given = _from_file(args.scores, waiting, evaluation.rubric) if args.scores else _asked(waiting, evaluation)
        taken = 0
        for one, scores in given:
            take_by_hand(store, one, scores, reader, judge=evaluation.judge, rubric=evaluation.rubric)
            taken += 1
    narration.note(
        say(
            f"{taken:,}개를 {reader} 이름으로 적었어요. 점수 없음 {len(waiting) - taken:,}개가 남았어요.",
            f"{taken:,} were put down as read by {reader}; {len(waiting) - taken:,} are left without scores.",
        )
    )
    return 0


@contextmanager
def _unread_of(run: int | None, narration: Narration) -> Iterator[tuple[VerdictStore, Evaluation, list[Unread]]]:
    """The run's verdicts without scores; where there are none, that is said."""
    with open_verdicts(narration.note) as store:
        evaluation = load_run(store, run)
        waiting = _unread(evaluation, store)
        if not waiting:
            narration.note(say("점수 없는 채점이 없어요.", "every verdict that came has scores."))
        yield store, evaluation, waiting


def _unread(evaluation: Evaluation, store: VerdictStore) -> list[Unread]:
    items = evaluation_items(evaluation, store)
    return unread(items, judge=evaluation.judge, rubric=evaluation.rubric, store=store, repeats=evaluation.repeats)


@dataclass(frozen=True)
class _Given:
    place: tuple[str, str]
    scores: Mapping[str, Any]


def _from_file(file: str, waiting: list[Unread], rubric: Rubric) -> Iterator[tuple[Unread, Mapping[str, int]]]:
    """Everything is looked at before anything is put down."""
    by_place = {item_place(one.item.id): one for one in waiting}
    found: list[tuple[Unread, Mapping[str, int]]] = []
    faults: list[str] = []
    for number, line in enumerate(_lines(file), start=1):
        if not line.strip():
            continue
        given, fault = _given(line)
        one = by_place.get(given.place) if given else None
        if not fault and one is None:
            fault = say("점수 없는 채점에 들어 있지 않아요", "is not among the verdicts without scores")
        if not fault and given:
            fault = score_fault(given.scores, rubric)
        if fault:
            faults.append(say(f"{file} {number}행: {fault}", f"{file}, line {number}: {fault}"))
        elif given and one:
            found.append((one, given.scores))
    if faults:
        raise UsageError("\n".join(faults[:5]))
    return iter(found)


def _given(line: str) -> tuple[_Given | None, str]:
    try:
        row = json.loads(line)
        scores = {nfc(str(name)): score for name, score in row["scores"].items()}
        return _Given((str(row.get("model") or row["system"]), str(row["id"])), scores), ""
    except (ValueError, KeyError, TypeError, AttributeError):
        return None, say("id, model, scores가 있어야 해요", "needs id, model and scores")


def _lines(file: str) -> list[str]:
    try:
        return paths.typed(file).read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: {error}") from error


def _asked(waiting: list[Unread], evaluation: Evaluation) -> Iterator[tuple[Unread, Mapping[str, int]]]:
    """One by one at the terminal, whose answer it is left out: the scores in the rubric's order, or nothing to pass it over."""
    if not can_ask():
        raise UsageError(
            say(
                "하나씩 물으려면 터미널이 있어야 해요. 아니면 --scores 파일로 주세요.",
                "asking one by one needs a terminal; or give --scores FILE.",
            )
        )
    spans = ", ".join(f"{one.short or one.name} {one.low}–{one.high}" for one in evaluation.rubric.criteria)
    for number, one in enumerate(waiting, start=1):
        item, verdict = one.item, one.verdict
        shown = [f"[{number}/{len(waiting)}] {item.instruction}", item.input, item.response,
                 f"── {say('채점자의 말', 'the judge')} ({verdict.reason})", verdict.text]  # fmt: skip
        print(terminal_safe("\n\n".join(part for part in shown if part)), file=sys.stderr)
        while typed := _typed(spans):
            scores = dict(zip((criterion.name for criterion in evaluation.rubric.criteria), typed, strict=False))
            if fault := _typed_fault(typed, scores, evaluation.rubric):
                print(terminal_safe(fault), file=sys.stderr)
                continue
            yield one, scores
            break


def _typed_fault(typed: Sequence[int], scores: Mapping[str, int], rubric: Rubric) -> str:
    if len(typed) != len(rubric.criteria):
        return say("기준마다 하나씩 적어 주세요.", "one for each criterion, please.")
    return score_fault(scores, rubric)


def _typed(spans: str) -> list[int]:
    sys.stderr.write(say(f"{spans} (빈칸으로 띄워 적고, ⏎만 치면 건너뛰어요): ", f"{spans} (with blanks between; ⏎ alone passes over): "))  # fmt: skip
    sys.stderr.flush()
    words = sys.stdin.readline().replace(",", " ").split()
    return [int(word) if word.isascii() and word.isdigit() else -1 for word in words]
