"""`kullm compare`: the same question to two to four models, side by side; votes, ratings and preference pairs.

Answers go to stdout and everything else to stderr. Text of the models' never reaches a terminal unfiltered.
"""

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kullm_tui.commands.cli import arguments as question
from kullm_tui.commands.cli.confirm import can_ask
from kullm_tui.commands.cli.consent import obtain_consent
from kullm_tui.commands.cli.progress import Narration
from kullm_tui.commands.compare.verdicts import Verdicts, judged_rounds, print_verdicts
from kullm_tui.commands.compare.view import View, finished_of, view_for
from kullm_tui.commands.compare.votes import ask_for_vote, export_pairs, print_ratings, print_votes
from kullm_tui.commands.feedback.export import add_writing_arguments
from kullm_tui.commands.judge import option
from kullm_tui.core import paths
from kullm_tui.core.asking.live_replies import LiveReplies
from kullm_tui.core.asking.question import Answerer
from kullm_tui.core.compare.resolve import Entrant, entrants, usual_contestants
from kullm_tui.core.compare.runner import Competitors, Contest, Lane, Round
from kullm_tui.core.compare.schedule import Plan, plan_contest
from kullm_tui.core.config.settings import Config, load_config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.store.store import Store
from kullm_tui.core.text import terminal_safe, terminal_safe_json

_EXAMPLE = 'kullm compare -m kullm-5.8b,koalpaca-5.8b "대한민국의 수도는?"'


def add_arguments(parser: argparse.ArgumentParser) -> None:
    question.add_prompt_arguments(parser)
    question.add_decoding_arguments(parser)
    add = parser.add_argument
    add(
        "-m",
        "--models",
        action="append",
        metavar="A,B,C",
        help=say(
            "둘에서 넷까지: 모델, 어댑터, 베이스+어댑터, 엔드포인트/모델",
            "two to four: models, adapters, BASE+ADAPTER, endpoint/model",
        ),
    )
    add(
        "--set",
        metavar="FILE",
        help=say(
            "한 줄에 질문 하나인 글, JSONL, 또는 human-eval-ko 같은 질문 모음을 차례로 물어요",
            "questions asked in one go: a text with one a line, JSONL, or a set such as human-eval-ko",
        ),
    )
    add("--blind", action="store_true", help=say("투표할 때까지 이름을 가려요", "hide the names until the vote"))
    add("--vote", action="store_true", help=say("답마다 투표해요", "vote on each round"))
    add("--json", action="store_true", help=say("질문마다 JSON 하나", "one JSON object a question"))
    option.add_arguments(parser)
    kept = parser.add_argument_group(say("지난 투표", "votes so far")).add_mutually_exclusive_group()
    kept.add_argument("--votes", action="store_true", help=say("투표를 표시해요", "show the votes"))
    kept.add_argument(
        "--ratings",
        action="store_true",
        help=say("투표로 매긴 점수를 구간과 함께 표시해요", "ratings from the votes, with intervals"),
    )
    kept.add_argument(
        "--export",
        metavar="FILE",
        help=say(
            '투표에서 나온 선호 쌍을 내보내요. "-"이면 표준 출력',
            'write the preference pairs that votes make; "-" is stdout',
        ),
    )
    add_writing_arguments(parser, form="trl")


def run(args: argparse.Namespace) -> int:
    with Store(paths.database_file()) as store:
        if args.votes:
            return print_votes(store, as_json=args.json)
        if args.ratings:
            return print_ratings(store, as_json=args.json)
        if args.export is not None:
            return export_pairs(store, args.export, args)
        return _compare(store, args)


def _compare(store: Store, args: argparse.Namespace) -> int:
    voting = args.vote or args.blind
    _require_voter(args, voting=voting)
    questions = _questions(args)
    decoding = question.decoding(args)
    config, narration = load_config(), Narration()
    if store.notice and narration.live:
        narration.note(store.notice)
    competing = entrants(_names(args, narration), config.endpoints)
    for entrant in competing:
        if entrant.target.endpoint:
            obtain_consent(entrant.target.endpoint, "kullm compare", leaving="question", agreed_now=args.yes)
    judging = option.prepared(args, "kullm compare", narration)
    competitors = _competitors(competing, config, decoding, args.system)
    plan = competitors.plan
    if narration.live or not plan.together:
        narration.note(plan.why)
    rounds = [Round(one) for one in questions]
    view = None if args.json else view_for(len(competing), narration, together=plan.together, blind=args.blind)
    show = _Show(store, rounds, competitors, args.blind, config, view, narration)
    try:
        asyncio.run(show.play(voting=voting, as_json=args.json and not judging))
    finally:
        narration.clear()
    verdicts = judged_rounds(judging, rounds, narration) if judging else {}
    if judging and not args.json:
        print_verdicts(rounds, verdicts)
    elif judging:
        for number, one in enumerate(rounds):
            _print_json(one, plan, number, verdicts)
    failed = any(lane.state != "complete" or lane.error for one in rounds for lane in one.lanes)
    return 1 if failed or any(verdict.status == "error" for verdict in verdicts.values()) else 0


def _require_voter(args: argparse.Namespace, *, voting: bool) -> None:
    if not voting:
        return
    if args.json or not (can_ask() and sys.stdout.isatty()):
        raise UsageError(
            say(
                "--vote와 --blind는 터미널에서 사람이 고를 때 써요. --json이나 파이프와 함께 쓸 수 없어요.",
                "--vote and --blind are for a person at a terminal, and not for --json or a pipe.",
            )
        )


def _questions(args: argparse.Namespace) -> list[Message]:
    if args.set is None:
        return [question.read(args, example=_EXAMPLE)]
    if args.prompt is not None or args.input is not None:
        raise UsageError(say("--set과 질문을 함께 줄 수 없어요.", "give either --set or a question, not both."))
    from evaluator.questions import load_questions

    return [Message("user", one.instruction, one.input) for one in load_questions(args.set).questions if not one.before]


def _names(args: argparse.Namespace, narration: Narration) -> list[str]:
    if args.models:
        return [name.strip() for part in args.models for name in part.split(",") if name.strip()]
    names = [contestant.label for contestant in usual_contestants()]
    listed = ", ".join(names)
    narration.note(say(f"{listed}에 물어요. -m A,B,C로 고를 수 있어요.", f"Asking {listed}. -m A,B,C chooses others."))
    return names


def _competitors(competing: Sequence[Entrant], config: Config, decoding: Mapping[str, Any], system: str) -> Competitors:
    plan = plan_contest([entrant.contestant for entrant in competing], config)
    answerers = {
        one.contestant: Answerer(one.target.name, one.contestant.adapter, one.target, decoding) for one in competing
    }
    return Competitors(answerers, plan, system)


@dataclass(frozen=True)
class _Show:
    """The rounds are answered ahead of who reads them; they are shown, and voted on, in order."""

    store: Store
    rounds: Sequence[Round]
    competitors: Competitors
    blind: bool
    config: Config
    view: View | None
    narration: Narration
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, *, voting: bool, as_json: bool) -> None:
        running = asyncio.create_task(self._contest().run())
        running.add_done_callback(lambda _: self._changed.set())
        try:
            for number, one in enumerate(self.rounds, start=1):
                if self.view and len(self.rounds) > 1:
                    self.narration.clear()
                    print(terminal_safe(f"[{number}/{len(self.rounds)}] {one.question.content}"), flush=True)
                await self._follow(one, running)
                if voting:
                    await ask_for_vote(self.store, one, self.narration)
                if as_json:
                    _print_json(one, self.competitors.plan)
            await running
        finally:
            await _end(running)

    def _contest(self) -> Contest:
        return Contest(
            rounds=self.rounds,
            waves=len(self.competitors.plan.waves),
            store=self._opened,
            replies=LiveReplies(lambda *_: self._changed.set()),
            thinking=self.config.thinking,
            begin=lambda store, one: one.begin(store, self.competitors, blind=self.blind),
            at_once=max(1, self.config.engine.max_rows // len(self.competitors.answerers)),
            opened=self._look,
            ended=self._look,
        )

    async def _opened(self) -> Store:
        return self.store

    async def _look(self, _: Lane) -> None:
        self._changed.set()

    async def _follow(self, one: Round, running: "asyncio.Task[None]") -> None:
        try:
            while True:
                self._changed.clear()
                if self.view:
                    self.view.draw(one)
                if one.is_over:
                    return None
                if running.done():
                    return await running  # what went wrong is raised here
                await self._changed.wait()
        except asyncio.CancelledError:
            await _end(running)  # so that each reply says that it was stopped
            raise
        finally:
            if self.view:
                self.view.close(one)


async def _end(running: "asyncio.Task[None]") -> None:
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _print_json(one: Round, plan: Plan, number: int = 0, verdicts: Verdicts | None = None) -> None:
    replies = [_facts_of(lane) for lane in one.lanes]
    if verdicts is not None:
        for place, reply in enumerate(replies):
            verdict = verdicts.get((number, place))
            reply["verdict"] = option.verdict_facts(verdict) if verdict else None
    facts = {
        "comparison": one.comparison and one.comparison.id,
        "prompt": one.question.content,
        "input": one.question.input,
        "plan": plan.why,
        "replies": replies,
    }
    print(terminal_safe_json(facts), flush=True)


def _facts_of(lane: Lane) -> dict[str, Any]:
    contestant, finished = lane.contestant, finished_of(lane)
    return {
        "name": contestant.label,
        "model": contestant.model,
        "adapter": contestant.adapter or None,
        "text": lane.text,
        "state": lane.state,
        "error": lane.error or None,
        "finish_reason": finished.reason,
        "usage": asdict(finished.usage),
        "timings": dict(finished.timings),
    }
