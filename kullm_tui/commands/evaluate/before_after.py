"""`kullm eval before-after A B`: what a training changed, question by question, what got worse first."""

import argparse
import asyncio
import random
import sys
from collections.abc import Mapping, Sequence

from evaluator.answer_store import Answer
from evaluator.pairwise import PAIRWISE
from evaluator.statistics import Interval
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.commands.cli import spending
from kullm_tui.commands.cli.arguments import whole
from kullm_tui.commands.cli.columns import aligned
from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import add_calls, add_judge, add_spending
from kullm_tui.commands.judge.run import agreed_judge, judged, spent_words, watched
from kullm_tui.core.asking.target import start_engine
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.errors import KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe, terminal_safe_json
from kullm_tui.feedback import before_after
from kullm_tui.feedback.before_after import Asking, Change, Part, Side, Sides
from kullm_tui.feedback.held_out import DEMO, HeldOut, held_out, set_title, usual_sets
from kullm_tui.feedback.results import job_of, keep_result, own_adapter, result

_COMMAND = "kullm eval before-after"
_SHOWN = 5  # changes of each kind


def add_before_after(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "before",
        metavar="A",
        help=say("전: 모델, 모델+어댑터, 어댑터, base", "before: MODEL, MODEL+ADAPTER, an adapter, base"),
    )
    add("after", metavar="B", help=say("후: 모델, 모델+어댑터, 어댑터", "after: MODEL, MODEL+ADAPTER, an adapter"))
    add(
        "--set",
        dest="sets",
        action="append",
        default=[],
        metavar="S",
        help=say(
            f"물을 질문: 파일.jsonl, 데모의 떼어 둔 질문은 {DEMO} (여러 번. 없으면 학습이 떼어 둔 것과 데모의 것)",
            f"the questions: FILE.jsonl, or {DEMO} for the demo's held-out ones (repeatable; else what the training held out, and the demo's)",
        ),
    )  # fmt: skip
    add("--limit", type=whole(1, 1_000_000), default=0, metavar="N", help=say("묶음마다 앞의 N개만", "the first N of each set"))  # fmt: skip
    grading = parser.add_mutually_exclusive_group()
    grading.add_argument("--judge", action="store_true", help=say("정답이 없는 질문은 채점자가 둘을 비교해요", "a judge compares where nothing is known to be right"))  # fmt: skip
    grading.add_argument("--vote", action="store_true", help=say("정답이 없는 질문은 이름을 가리고 내가 골라요", "I choose, without seeing which is which"))  # fmt: skip
    add_judge(parser)
    add_spending(parser)
    add_calls(parser)
    add("--all", action="store_true", help=say("바뀐 답을 전부 보여요", "show every answer that changed"))
    add("--json", action="store_true", help=say("결과를 JSON 하나로", "the result as one JSON object"))


def compare(args: argparse.Namespace) -> int:
    narration, config = Narration(), load_config()
    both = before_after.sides(args.before, args.after, config)
    adapter = own_adapter(both.after.adapter)
    names = args.sets or usual_sets(before_after.base_of(both.after), job_of(adapter) if adapter else None)
    held = [held_out(name, limit=args.limit) for name in _some(names)]
    for target in both.targets.values():
        if target.endpoint:
            obtain_consent(target.endpoint, _COMMAND, leaving="question", agreed_now=args.yes)
    stopped: KullmError | None = None
    with open_verdicts(narration.note) as store:
        answers = [_answers(one, both, store, narration) for one in held]
        parts = [before_after.graded_offline(one, found) for one, found in zip(held, answers, strict=True)]
        if args.judge:
            parts, stopped = _by_judge(parts, answers, store, args, narration)
        elif args.vote:
            parts = [_by_vote(part) for part in parts]
    found = result(both, parts)
    if args.json:
        print(terminal_safe_json(found))
    else:
        _show(both, parts, every=args.all)
    _tell(parts, narration)
    if adapter:
        file = keep_result(found, adapter)
        narration.note(
            say(f"{file}에 저장했고, 어댑터의 카드에도 적었어요.", f"kept in {file}, and in the adapter's card.")
        )
    spending.told_why(stopped)
    return 0


def _some(names: Sequence[str]) -> Sequence[str]:
    if names:
        return names
    raise UsageError(
        say(
            "무엇을 물을지 --set 파일.jsonl로 알려 주세요. 이 모델에는 떼어 둔 질문이 없어요.",
            "say what to ask with --set FILE.jsonl; nothing was held out for this model.",
        )
    )


def _answers(
    held: HeldOut, both: Sides, store: VerdictStore, narration: Narration
) -> Mapping[Side, Mapping[str, Answer]]:
    counts: dict[Side, int] = {"before": 0, "after": 0}
    waiting = ""

    def told(side: Side, count: int) -> None:
        nonlocal waiting
        counts[side], waiting = count, ""

    def narrate(words: str) -> None:
        nonlocal waiting
        waiting = words

    def line() -> str:
        total = len(held.questions.questions)
        said = say(
            f"전 {counts['before']}, 후 {counts['after']}", f"before {counts['before']}, after {counts['after']}"
        )
        return " · ".join(filter(None, (f"{set_title(held.name)}: {said} / {total}", waiting)))

    work = before_after.both_answers(held, both, Asking(store, start_engine, told, narrate))
    try:
        return asyncio.run(watched(work, line, narration))
    finally:
        narration.clear()


def _by_judge(
    parts: Sequence[Part],
    answers: Sequence[Mapping[Side, Mapping[str, Answer]]],
    store: VerdictStore,
    args: argparse.Namespace,
    narration: Narration,
) -> tuple[list[Part], KullmError | None]:
    """Everything that is open goes to the judge under one price. What was not reached stays open."""
    pairs = [before_after.pairs_to_judge(part, found) for part, found in zip(parts, answers, strict=True)]
    if not any(pairs):
        return list(parts), None
    judge = agreed_judge(args, PAIRWISE, _COMMAND)
    graded, stopped = [], None
    for part, open_pairs in zip(parts, pairs, strict=True):
        items = before_after.items_to_judge(open_pairs)
        if not items:
            graded.append(part)
            continue
        outcome = judged(items, judge=judge, rubric=PAIRWISE, store=store, args=args, narration=narration)
        narration.note(spent_words(outcome))
        stopped = stopped or outcome.stopped
        graded.append(before_after.judged(part, open_pairs, outcome.verdicts))
    return graded, stopped


def _by_vote(part: Part) -> Part:
    """One by one at the terminal; which of the two is which is not shown before the end."""
    waiting = [one for one in part.changes if one.gain is None]
    if waiting and not can_ask():
        raise UsageError(say("--vote는 터미널에서만 할 수 있어요.", "--vote needs a terminal."))
    gains: dict[str, float] = {}
    for number, one in enumerate(waiting, start=1):
        turned = random.SystemRandom().random() < 0.5
        shown = (one.after, one.before) if turned else (one.before, one.after)
        texts = (f"[{number}/{len(waiting)}] {one.question.instruction}", one.question.input, f"── 1\n{shown[0]}", f"── 2\n{shown[1]}")  # fmt: skip
        print(terminal_safe("\n\n".join(filter(None, texts))), file=sys.stderr)
        choice = _choice()
        if choice == "q":
            break
        gains[one.question.id] = 0.0 if choice == "0" else 1.0 if (choice == "1") == turned else -1.0
    return before_after.voted(part, gains) if waiting else part


def _choice() -> str:
    while True:
        sys.stderr.write(
            say("더 나은 답은? 1, 2, 비기면 0, 그만하려면 q: ", "which is better? 1, 2, 0 for a tie, q to stop: ")
        )
        sys.stderr.flush()
        typed = sys.stdin.readline()
        if not typed or typed.strip().lower() in ("q", "ㅂ"):  # ㅂ: the q key while a Korean keyboard is on
            return "q"
        if typed.strip() in ("0", "1", "2"):
            return typed.strip()


def _show(both: Sides, parts: Sequence[Part], *, every: bool) -> None:
    heading = [say("질문", "questions"), "n", say("맞음 전→후", "right before→after"), say("그대로 맞음", "still right"), say("나아짐", "better"),
               say("나빠짐", "worse"), say("평균 차이", "mean difference"), "95 %", "p"]  # fmt: skip
    before, after = both.systems["before"].name, both.systems["after"].name
    print(terminal_safe(say(f"전: {before}   후: {after}", f"before: {before}   after: {after}")))
    for line in aligned([heading, *map(_line, parts)], right=range(1, len(heading))):
        print(terminal_safe(line))
    changes = [one for part in parts for one in part.changes]
    for title, some in (
        (say("나빠진 답", "got worse"), [one for one in changes if one.gain is not None and one.gain < 0]),
        (say("아직 가리지 않은 답", "nobody has said yet"), [one for one in changes if one.gain is None]),
        (say("나아진 답", "got better"), [one for one in changes if one.gain is not None and one.gain > 0]),
    ):
        _list(title, some, every=every)


def _line(part: Part) -> list[str]:
    found, n = part.difference, len(part.changes)
    gains = part.graded
    counts = [str(sum(gain > 0 for gain in gains)), str(sum(gain < 0 for gain in gains))]
    right, kept = "–", "–"
    if any(one.right for one in part.changes):
        was, now = part.right("before"), part.right("after")
        right = f"{was}→{now}"
        kept = f"{part.kept[0]}/{was} [{_percent(part.kept[1])}]"
    if found is None:
        return [set_title(part.name), str(n), right, kept, *counts, "–", "–", "–"]
    span = f"{found.interval.low:+.3f}…{found.interval.high:+.3f}"
    return [set_title(part.name), str(n), right, kept, *counts, f"{found.mean:+.3f}", span, f"{found.p:.4f}"]


def _percent(interval: Interval) -> str:
    return f"{100 * interval.low:.0f}–{100 * interval.high:.0f} %"


def _list(title: str, changes: Sequence[Change], *, every: bool) -> None:
    if not changes:
        return
    print(f"\n{title} ({len(changes)})")
    for one in changes if every else changes[:_SHOWN]:
        before, after = (" ".join(text.split()) for text in (one.before, one.after))
        print(terminal_safe(f"  {one.question.instruction}"))
        print(terminal_safe(f"    {say('전', 'before')}: {before}"))
        print(terminal_safe(f"    {say('후', 'after')}: {after}"))
        if one.why:
            print(terminal_safe(f"    {say('까닭', 'why')}: {one.why}"))
    if not every and len(changes) > _SHOWN:
        print(say(f"  … {len(changes) - _SHOWN}개 더 (--all)", f"  … {len(changes) - _SHOWN} more (--all)"))


def _tell(parts: Sequence[Part], narration: Narration) -> None:
    graders = {
        "known": say("정답이 정해진 질문의 오프라인 채점", "offline, by known answers"),
        "judge": say("채점자가 순서를 바꾸어 두 번 비교", "a judge, asked in both orders"),
        "vote": say("이름을 가린 투표", "a blind vote"),
        "": say("아직 가리지 않음", "nobody yet"),
    }
    for part in parts:
        narration.note(f"{set_title(part.name)}: {graders[part.grader]}")
    narration.note(
        say(
            "차이는 질문마다 나아지면 1, 나빠지면 −1이고, 구간과 p는 부호 뒤집기 검정 하나에서 나와요. 온도 0으로 물었어요.",
            "each question counts 1 where it got better and −1 where it got worse; interval and p come from one test, by flipping "
            "signs. Asked at temperature 0.",
        )
    )
    if before_after.is_open(parts):
        narration.note(
            say(
                "같은 명령에 --judge나 --vote를 붙이면 남은 것을 가려요. 답은 다시 받지 않아요.",
                "the same command with --judge or --vote decides the rest; no answer is asked for again.",
            )
        )
