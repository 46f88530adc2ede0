"""What a run would do and cost, before it does anything: answers that are missing, calls to the judge, tokens, money and time.

What is kept costs nothing. An answer that is not there yet is taken to be as long as the others are. Time is told where it was
measured here before, from when earlier answers and verdicts of the same system or judge were written down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evaluator.answer_store import Answer, System, kept_answers
from evaluator.cost import Estimate
from evaluator.either_way import Missing, missing_of
from evaluator.evaluation import Evaluation
from evaluator.judge import Judge
from evaluator.questions import PUBLIC_SETS, Question, QuestionSet, is_at_hand, load_questions
from evaluator.rounds import repeated
from evaluator.rubric import Rubric
from evaluator.turns import is_askable, judged_item
from evaluator.verdict import Item
from evaluator.verdicts import VerdictStore

_USUAL_ANSWER = "가" * 180  # characters that an answer takes where none is there to go by
_USUAL_QUESTION = "가" * 60
_LATEST = 200  # of what was written down
_PAUSE_SECONDS = 60.0  # a longer one was no part of the work
_FEWEST = 3


@dataclass(frozen=True)
class RunPlan:
    questions: int
    at_hand: bool  # False: the questions will be fetched first
    answers: Mapping[str, int] = field(default_factory=dict)  # missing, by system
    unsaid: Missing | None = None  # verdicts; None: no judge
    answer_seconds: float | None = None  # None: not measured here yet
    judge_seconds: float | None = None

    @property
    def estimate(self) -> Estimate | None:
        """Of the verdicts that would have to be bought."""
        return self.unsaid.estimate if self.unsaid else None

    @property
    def handed_in(self) -> int:
        return self.unsaid.handed_in if self.unsaid else 0

    @property
    def missing_answers(self) -> int:
        return sum(self.answers.values())


def questions_for_planning(name: str) -> QuestionSet:
    """The set itself, or, as long as it has not been fetched, one of its size."""
    public = next((one for one in PUBLIC_SETS if one.name == name), None)
    if public is None or is_at_hand(public):
        return load_questions(name)
    return QuestionSet(
        name, tuple(Question(str(number), f"{number} {_USUAL_QUESTION}") for number in range(public.questions))
    )


def plan_run(
    evaluation: Evaluation,
    store: VerdictStore,
    imported: Mapping[str, Mapping[str, Answer]] | None = None,
    *,
    at_hand: bool = True,
    in_batches: bool = False,
) -> RunPlan:
    """`imported` are answers that are not in the store yet, by system and question. `in_batches`: how it is judged."""
    questions = evaluation.questions.questions
    missing: dict[str, int] = {}
    answer_seconds: float | None = 0.0
    items: list[Item] = []
    for system in evaluation.systems:
        answers = {**kept_answers(store, system, questions), **(imported or {}).get(system.name, {})}
        expected = [one for one in questions if one.id in answers or "model" in system.source]
        missing[system.name] = sum(one.id not in answers for one in expected)
        if missing[system.name]:
            rate = answers_a_second(store, system)
            known = rate is not None and answer_seconds is not None
            answer_seconds = (answer_seconds or 0.0) + missing[system.name] / rate if known and rate else None
        items += _items(system, expected, answers, evaluation.rubric)
    if not evaluation.judge.model:
        return RunPlan(len(questions), at_hand, missing, None, answer_seconds, 0.0)
    judge, rubric = evaluation.judge, evaluation.rubric
    rounds = repeated(items, evaluation.repeats)
    unsaid = missing_of(rounds, judge=judge, rubric=rubric, store=store, in_batches=in_batches)
    rate = None if in_batches else verdicts_a_second(store, judge)
    judge_seconds = 0.0 if not unsaid.estimate.calls else unsaid.estimate.calls / rate if rate else None
    return RunPlan(len(questions), at_hand, missing, unsaid, answer_seconds, judge_seconds)


def answers_a_second(store: VerdictStore, system: System) -> float | None:
    """Of this system, as it answered here before; None where too little was measured."""
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT created FROM answers WHERE system = ? ORDER BY created DESC LIMIT ?", (system.name, _LATEST)
        ).fetchall()
    return _rate([row["created"] for row in rows])


def verdicts_a_second(store: VerdictStore, judge: Judge) -> float | None:
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT created FROM verdicts WHERE judge = ? AND endpoint = ? ORDER BY created DESC LIMIT ?",
            (judge.model, judge.endpoint.base_url, _LATEST),
        ).fetchall()
    return _rate([row["created"] for row in rows])


def _items(system: System, expected: Sequence[Question], answers: Mapping[str, Answer], rubric: Rubric) -> list[Item]:
    """What would be judged. Stand-ins differ from each other, so that none is taken for another's verdict."""
    known = [len(answer.response) for answer in answers.values()]
    usual = "가" * (sum(known) // len(known)) if known else _USUAL_ANSWER
    whole = {one.id: answers.get(one.id) or Answer(f"{system.name} {one.id} {usual}") for one in expected}
    return [judged_item(f"{system.name} {one.id}", one, whole, rubric) for one in expected if is_askable(one, whole)]


def _rate(latest_first: Sequence[float]) -> float | None:
    """Over the time in which one came after the other."""
    gaps = [later - earlier for later, earlier in zip(latest_first, latest_first[1:], strict=False)]
    worked = [gap for gap in gaps if gap < _PAUSE_SECONDS]
    total = sum(worked)
    return len(worked) / total if len(worked) >= _FEWEST and total > 0 else None
