"""How often each system of an evaluation is found better than one of them, the baseline: pair by pair in both orders, over the whole set.

A win counts 1, a tie ½, a loss 0; where the two orders disagree it is a tie. Beside the plain rate stands the one at equal length.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evaluator.answer_store import Answer, kept_answers
from evaluator.evaluation import Evaluation
from evaluator.length_control import controlled_rate
from evaluator.pairwise import Pair, Winner, is_flipped, winner
from evaluator.questions import Question, parts_of
from evaluator.statistics import Interval, holm, sign_test
from evaluator.turns import is_askable, shown_instruction
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say

_WORTH: Mapping[Winner, float] = {"left": 1.0, "tie": 0.5, "right": 0.0}
_FEWEST = 10  # pairs, below which nothing can be said of the pull of length


@dataclass(frozen=True)
class Duel:
    """A system's answer and the baseline's to one question; the system's stands left."""

    system: str
    question: Question
    pair: Pair
    longer_by: int  # characters


@dataclass(frozen=True)
class WinRate:
    system: str
    wins: int
    ties: int
    losses: int
    flipped: int  # of the ties, those where the judge went by the place
    unscored: int  # pairs that the judge did not decide, or that were not judged
    missing: int  # questions to which one of the two has no answer
    rate: float  # 0–1
    interval: Interval
    p: float  # against 0.5
    p_among_all: float
    longer_by: float  # characters, on average
    at_equal_length: float | None  # None: too few pairs, or a group
    equal_length_interval: Interval | None

    @property
    def decided(self) -> int:
        return self.wins + self.ties + self.losses


@dataclass(frozen=True)
class WinRates:
    baseline: str
    rows: tuple[WinRate, ...]
    groups: Mapping[str, tuple[WinRate, ...]] = field(default_factory=dict)  # by category and turn


def duels_against(baseline: str, evaluation: Evaluation, store: VerdictStore) -> list[Duel]:
    """Every other system's answers beside the baseline's. UsageError where the evaluation has no such system."""
    names = [one.name for one in evaluation.systems]
    if baseline not in names or len(names) < 2:
        listed = ", ".join(names)
        raise UsageError(
            say(
                f"{baseline}: 이 평가에서 비교할 수 없어요. 시스템이 두 개는 있어야 하고, 그중 하나를 골라야 해요: {listed}.",
                f"{baseline} cannot be compared with here: it takes two systems, and one of them as the baseline: {listed}.",
            )
        )
    questions = evaluation.questions.questions
    answers = {one.name: kept_answers(store, one, questions) for one in evaluation.systems}
    return [
        _duel(name, question, answers[name], answers[baseline])
        for name in names
        for question in questions
        if name != baseline and all(_is_whole(question, one) for one in (answers[name], answers[baseline]))
    ]


def win_rates(
    baseline: str, evaluation: Evaluation, duels: Sequence[Duel], verdicts: Mapping[str, Verdict]
) -> WinRates:
    """What the verdicts of the duels' items, by their ids, come to."""
    questions = evaluation.questions.questions
    systems = [one.name for one in evaluation.systems if one.name != baseline]
    groups = {name: _rows(systems, some, duels, verdicts) for name, some in parts_of(evaluation.questions).items()}
    return WinRates(baseline, _rows(systems, questions, duels, verdicts, controlled=True), groups)


def _rows(
    systems: Sequence[str],
    questions: Sequence[Question],
    duels: Sequence[Duel],
    verdicts: Mapping[str, Verdict],
    *,
    controlled: bool = False,
) -> tuple[WinRate, ...]:
    asked = {one.id for one in questions}
    found = []
    for system in systems:
        own = [one for one in duels if one.system == system and one.question.id in asked]
        found.append(_row(system, own, verdicts, len(questions), controlled=controlled))
    corrected = holm([one.p for one in found])
    return tuple(replace(one, p_among_all=p) for one, p in zip(found, corrected, strict=True))


def _row(
    system: str, duels: Sequence[Duel], verdicts: Mapping[str, Verdict], questions: int, *, controlled: bool
) -> WinRate:
    decided: list[tuple[Duel, float]] = []
    flipped = 0
    for one in duels:
        straight, swapped = (verdicts.get(item.id) for item in one.pair.items)
        if straight and swapped and (outcome := winner(straight, swapped)) in _WORTH:
            decided.append((one, _WORTH[outcome]))
            flipped += is_flipped(straight, swapped)
    worths, lengths = [worth for _, worth in decided], [one.longer_by for one, _ in decided]
    tested = sign_test([worth - 0.5 for worth in worths], furthest=0.5) if worths else None
    enough = controlled and len(worths) >= _FEWEST
    even, even_interval = controlled_rate(worths, lengths) if enough else (None, None)
    return WinRate(
        system,
        wins=worths.count(1.0),
        ties=worths.count(0.5),
        losses=worths.count(0.0),
        flipped=flipped,
        unscored=len(duels) - len(decided),
        missing=questions - len(duels),
        rate=0.5 + tested.mean if tested else 0.5,
        interval=Interval(0.5 + tested.interval.low, 0.5 + tested.interval.high) if tested else Interval(0.0, 1.0),
        p=tested.p if tested else 1.0,
        p_among_all=1.0,
        longer_by=sum(lengths) / len(lengths) if lengths else 0.0,
        at_equal_length=even,
        equal_length_interval=even_interval,
    )


def _is_whole(question: Question, answers: Mapping[str, Answer]) -> bool:
    return question.id in answers and is_askable(question, answers)


def _duel(system: str, question: Question, own: Mapping[str, Answer], other: Mapping[str, Answer]) -> Duel:
    left, right = own[question.id].response, other[question.id].response
    asked = "\n\n".join((*question.before, question.instruction))
    pair = Pair(
        f"{system}\x1f{question.id}", asked, question.input, _told(question, own, left), _told(question, other, right)
    )
    return Duel(system, question, pair, len(left) - len(right))


def _told(question: Question, answers: Mapping[str, Answer], response: str) -> str:
    """An answer; in a later turn the whole conversation that it ends, since each system's went another way."""
    if not question.before:
        return response
    number = question.turn
    return f"{shown_instruction(question, answers, 'ko')}\n[답 {number}]\n{response}"
