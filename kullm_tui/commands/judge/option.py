"""`--judge` beside an answer (`kullm ask`, `kullm compare`): what could refuse comes first, the verdicts once the answers are there.

The evaluator is imported only where somebody asked for verdicts.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.judge.arguments import add_calls, add_choice, add_spending
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.money import money
from kullm_tui.core.records import Message

if TYPE_CHECKING:
    from evaluator.judge import Judge
    from evaluator.rubric import Rubric
    from evaluator.verdict import Item, Verdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """--judge with what belongs to it, --yes among them."""
    parser.add_argument(
        "--judge", action="store_true", help=say("답을 채점자에게 채점받아요", "have the answer judged")
    )
    add_choice(parser)
    add_spending(parser)
    add_calls(parser)


@dataclass(frozen=True)
class Judging:
    """A judge to whose host somebody agreed to send, and the words that decide what may be spent."""

    judge: Judge
    rubric: Rubric
    args: argparse.Namespace

    def verdict(self, question: Message, answer: str, model: str, narration: Narration) -> Verdict:
        """Of one answer, and a word where `model` judges itself."""
        from evaluator.verdict import Item

        self.warn_of_itself([model], narration)
        item = Item("answer", question.content, question.input, answer)
        return self.verdicts([item], narration)[item.id]

    def verdicts(self, items: Sequence[Item], narration: Narration) -> Mapping[str, Verdict]:
        """By the items' ids. What was not reached, or declined, is an error that says why: the answers are there all the same."""
        try:
            return self._judged(items, narration)
        except KullmError as fault:
            from evaluator.reading import failed_verdict

            narration.clear()
            return {one.id: failed_verdict(one, str(fault), judge=self.judge, rubric=self.rubric) for one in items}

    def _judged(self, items: Sequence[Item], narration: Narration) -> Mapping[str, Verdict]:
        from evaluator.verdict_file import open_verdicts
        from kullm_tui.commands.judge.run import judged

        with open_verdicts(narration.note) as store:
            return judged(
                items, judge=self.judge, rubric=self.rubric, store=store, args=self.args, narration=narration
            ).verdicts

    def warn_of_itself(self, models: Sequence[str], narration: Narration) -> None:
        from evaluator.judge import is_its_own_judge

        for model in (one for one in models if is_its_own_judge(self.judge.model, one)):
            narration.note(
                say(
                    f"{model}: 채점자가 자기 답을 채점해요. 점수가 후할 수 있어요.",
                    f"{model} judges itself: its scores may be generous.",
                )
            )


def prepared(args: argparse.Namespace, command: str, narration: Narration) -> Judging | None:
    """None without --judge. Key, host and leave to spend are settled here, before anybody waits for an answer."""
    if not args.judge:
        return None
    from evaluator.cost import estimated
    from evaluator.rubric import load_rubric
    from evaluator.verdict import Item
    from kullm_tui.commands.cli import spending
    from kullm_tui.commands.judge.run import agreed_judge

    rubric = load_rubric(args.rubric)
    narration.progress(say("채점자를 찾는 중", "looking for a judge"))
    judge = agreed_judge(args, rubric, command)
    narration.clear()
    spending.refuse_unattended(estimated(judge, rubric, [Item("", "", "", "")]), judge.model, args)
    return Judging(judge, rubric, args)


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """For --json: the object that `kullm judge --json` prints, without its row's id."""
    return {
        "status": verdict.status,
        "scores": dict(verdict.scores),
        "text": verdict.text,
        "reason": verdict.reason,
        "model": verdict.model,
        "answered_by": verdict.answered_by,
        "rubric": verdict.rubric,
        "cost": 0.0 if verdict.kept else verdict.cost,
        "flags": list(verdict.flags),
        "kept": verdict.kept,
    }


def verdict_line(verdict: Verdict) -> str:
    """For people: the scores, or why there are none. Not yet safe for a terminal."""
    flags = f"  [{', '.join(verdict.flags)}]" if verdict.flags else ""
    if verdict.status == "ok":
        return " · ".join(f"{name} {score}" for name, score in verdict.scores.items()) + flags
    word = {
        "unparsed": say("읽을 수 없음", "unreadable"),
        "refused": say("거절함", "refused"),
        "error": say("오류", "error"),
    }[verdict.status]
    return " ".join(f"{word}: {verdict.reason or verdict.text}".split()) + flags


def verdict_note(verdict: Verdict) -> str:
    """Beside an answer: who judged, by which rubric, the scores, the reason and what it cost."""
    if verdict.cost is None:
        cost = say("비용 모름", "cost unknown")
    else:
        cost = say("전에 받아 둔 것", "kept from before") if verdict.kept else money(verdict.cost)
    head = f"{say('채점', 'verdict')} {verdict.model} · {verdict.rubric} · {cost}\n{verdict_line(verdict)}"
    return f"{head}\n{verdict.reason}" if verdict.status == "ok" and verdict.reason else head
