"""The same questions to the model before and the model after, at the same time, and whether they differ.

Two adapters over one base answer in one batch of the engine. Each question says one thing: better afterwards (1), worse (−1), neither (0),
or nothing as long as nobody has said. What is known to be right is graded here, offline; a judge or a vote says the rest. One
paired test (evaluator/statistics.py) gives the mean with its interval and p. Decoding is greedy, so that what differs is the model.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from evaluator.answer_store import Answer, System
from evaluator.answers import answer_questions, target_system
from evaluator.decodings import DECODINGS
from evaluator.pairwise import Pair, winner
from evaluator.questions import Question
from evaluator.statistics import Difference, Interval, sign_test, wilson
from evaluator.turns import shown_instruction
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import Target
from kullm_tui.core.asking.target import resolve as target_of
from kullm_tui.core.compare.resolve import entrants
from kullm_tui.core.compare.schedule import plan_contest
from kullm_tui.core.config.settings import Config
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import EngineGone, KullmError, UsageError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import resolve
from kullm_tui.feedback.held_out import HeldOut

BASE = "base"  # names what the other one was trained over

Grader = Literal["known", "judge", "vote", ""]
Side = Literal["before", "after"]
StartEngine = Callable[[Callable[[str], None]], Endpoint]


@dataclass(frozen=True)
class Sides:
    """Who is asked."""

    before: Target
    after: Target
    systems: Mapping[Side, System]
    together: bool  # False: both bases do not fit into memory, and one answers after the other

    @property
    def targets(self) -> Mapping[Side, Target]:
        return {"before": self.before, "after": self.after}


@dataclass(frozen=True)
class Change:
    """One question with both answers."""

    question: Question
    before: str
    after: str
    gain: float | None = None  # 1: better afterwards, −1: worse, 0: neither; None: nobody has said
    right: tuple[bool, bool] | None = None  # before and after, where what is right is known
    why: str = ""  # the judge's words


@dataclass(frozen=True)
class Part:
    """One set of questions."""

    name: str
    grader: Grader
    changes: tuple[Change, ...]

    @property
    def graded(self) -> list[float]:
        return [one.gain for one in self.changes if one.gain is not None]

    @property
    def difference(self) -> Difference | None:
        """The mean gain; None where nothing is graded."""
        return sign_test(self.graded, furthest=1.0) if self.graded else None

    def right(self, side: Side) -> int:
        return sum(one.right[side == "after"] for one in self.changes if one.right)

    @property
    def kept(self) -> tuple[int, Interval]:
        """How many of those that were right before still are, and the interval of their share."""
        still = sum(all(one.right) for one in self.changes if one.right)
        return still, wilson(still, self.right("before"))

    @property
    def worst_first(self) -> list[Change]:
        """What got worse, then what nobody has said anything of, then what is as it was, then what got better."""
        return sorted(self.changes, key=lambda one: (one.gain is not None and one.gain >= 0, one.gain or 0.0))


def sides(before: str, after: str, config: Config) -> Sides:
    """Both can be asked: their files are here. KullmError for a name that nothing has, or a base that is gone."""
    names = [_named(before, after, config), _named(after, before, config)]
    if names[0] == names[1]:
        raise UsageError(
            say(
                f"{before}와 {after}는 같은 모델이에요. 서로 다른 둘을 적어 주세요.",
                f"{before} and {after} are the same model. Name two that differ.",
            )
        )
    first, second = entrants(names, config.endpoints)
    precision = config.engine.precision
    systems: dict[Side, System] = {
        "before": target_system(first.target, DECODINGS["greedy"], precision=precision),
        "after": target_system(second.target, DECODINGS["greedy"], precision=precision),
    }
    plan = plan_contest([first.contestant, second.contestant], config)
    return Sides(first.target, second.target, systems, plan.together)


def _named(name: str, other: str, config: Config) -> str:
    if name != BASE:
        return name
    target = target_of(other, config.endpoints)
    base = base_of(target)
    if base and base != target.name or target.adapter:
        return base
    raise UsageError(
        say(
            f"{other}: 어댑터가 아니라서 {BASE}가 무엇인지 알 수 없어요. 모델의 이름을 적어 주세요.",
            f"{other} is no adapter, so it is not known what {BASE} is. Name the model.",
        )
    )


def base_of(target: Target) -> str:
    """The model that is loaded for it; empty for an endpoint's."""
    if target.endpoint:
        return ""
    profile = resolve(target.model).profile
    return profile.base or "" if profile.kind == "adapter" else target.model


@dataclass(frozen=True)
class Asking:
    """What it takes to ask: where answers are kept, how the engine is started, who hears how many have come."""

    store: VerdictStore
    start_engine: StartEngine
    told: Callable[[Side, int], None]
    narrate: Callable[[str], None]


async def both_answers(held: HeldOut, both: Sides, asking: Asking) -> dict[Side, dict[str, Answer]]:
    """By the question's id. What was answered before by the same files is not asked again."""
    work = {side: partial(_answers, held, both, side, asking) for side in both.targets}
    if not both.together:
        return {side: await begin() for side, begin in work.items()}
    try:
        async with asyncio.TaskGroup() as group:
            tasks = {side: group.create_task(begin()) for side, begin in work.items()}
    except* KullmError as failures:
        raise failures.exceptions[0] from None
    return {side: task.result() for side, task in tasks.items()}


async def _answers(held: HeldOut, both: Sides, side: Side, asking: Asking) -> dict[str, Answer]:
    """Through the engine, started anew if it dies once, or through an endpoint."""
    target, told = both.targets[side], partial(asking.told, side)
    for last in (False, True):
        endpoint = target.endpoint
        if endpoint is None:
            endpoint = await asyncio.to_thread(asking.start_engine, asking.narrate)
        try:
            return await answer_questions(held.questions, both.systems[side], endpoint, store=asking.store, told=told)
        except EngineGone:
            if last or target.endpoint:
                raise
    raise AssertionError("unreachable")


def graded_offline(held: HeldOut, answers: Mapping[Side, Mapping[str, Answer]]) -> Part:
    """By the answers that are known. Where none are, every gain is left open."""
    changes = tuple(
        _change(question, held, answers["before"][question.id].response, answers["after"][question.id].response)
        for question in held.questions.questions
    )
    return Part(held.name, "known" if held.known else "", changes)


def _change(question: Question, held: HeldOut, before: str, after: str) -> Change:
    known = held.known.get(question.id)
    if known is None:
        return Change(question, before, after, gain=0.0 if before == after else None)
    right = (known.grades(before), known.grades(after))
    return Change(question, before, after, float(right[1] - right[0]), right)


def pairs_to_judge(part: Part, answers: Mapping[Side, Mapping[str, Answer]]) -> dict[str, Pair]:
    """Of what is not graded, by the question's id; the answer of before stands left."""
    return {
        one.question.id: Pair(
            one.question.id,
            shown_instruction(one.question, answers["before"], "ko"),
            one.question.input,
            one.before,
            one.after,
        )
        for one in part.changes
        if one.gain is None
    }


def items_to_judge(pairs: Mapping[str, Pair]) -> list[Item]:
    return [item for pair in pairs.values() for item in pair.items]


def judged(part: Part, pairs: Mapping[str, Pair], verdicts: Mapping[str, Verdict]) -> Part:
    """Both orders have to agree; where they do not, neither is better. What was not judged stays open."""
    gains: Mapping[str, float | None] = {"left": -1.0, "right": 1.0, "tie": 0.0, "unscored": None}

    def with_verdict(change: Change) -> Change:
        pair = pairs.get(change.question.id)
        found = [verdicts[item.id] for item in pair.items if item.id in verdicts] if pair else []
        if len(found) != 2:
            return change
        return replace(change, gain=gains[winner(*found)], why=found[0].reason)

    return Part(part.name, "judge", tuple(map(with_verdict, part.changes)))


def voted(part: Part, gains: Mapping[str, float]) -> Part:
    """With what somebody said who did not know which was which, by the question's id."""
    changes = (replace(one, gain=gains.get(one.question.id, one.gain)) for one in part.changes)
    return Part(part.name, "vote", tuple(changes))


def is_open(parts: Sequence[Part]) -> bool:
    """Somebody still has to say something."""
    return any(one.gain is None for part in parts for one in part.changes)
