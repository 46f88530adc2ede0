"""The items of an evaluation, question by question: every system's answer, what the judge and people gave it, and what stands out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from evaluator.agreement import Agreement, agreement
from evaluator.answer_faults import CUT
from evaluator.answer_store import Answer
from evaluator.evaluation import Evaluation, SystemResult, load_run, results
from evaluator.people import Ratings, Scores, rated_results, raters_of, ratings_of
from evaluator.provenance import provenance
from evaluator.questions import Question
from evaluator.report import Table, score_table
from evaluator.rubric import Criterion
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.language import say
from kullm_tui.core.text import nfc

_APART = 50.0  # of 100: two steps of the paper's five


@dataclass(frozen=True)
class Given:
    """One system's answer to one question, and what it was given."""

    system: str
    answer: Answer | None
    verdict: Verdict | None
    fault: str  # why the answer is none
    ratings: Mapping[str, Scores]  # by rater
    by_another: bool = False  # the verdict is another version of the judge's, and counts in no mean

    @property
    def scored(self) -> bool:
        return self.verdict is not None and self.verdict.status == "ok" and not self.by_another

    def overall(self, criterion: Criterion) -> float | None:
        return self.verdict.scores[criterion.name] if self.verdict and self.scored else None


@dataclass(frozen=True)
class Item:
    number: int  # from 1, in the set's order
    question: Question
    given: tuple[Given, ...]  # in the order of the systems
    criteria: tuple[Criterion, ...]

    @property
    def criterion(self) -> Criterion:
        """The last one, which says how good it is in all."""
        return self.criteria[-1]

    @property
    def overall(self) -> tuple[float | None, ...]:
        return tuple(one.overall(self.criterion) for one in self.given)

    @property
    def unscored(self) -> bool:
        return any(one.answer is not None and not one.scored for one in self.given)

    @property
    def faulty(self) -> bool:
        """An answer says nothing."""
        return any(one.fault not in ("", CUT) for one in self.given)

    @property
    def cut(self) -> bool:
        return any(one.fault == CUT for one in self.given)

    @property
    def flagged(self) -> bool:
        return any(one.verdict is not None and one.verdict.flags for one in self.given)

    @property
    def spread(self) -> bool:
        """Systems far apart."""
        scores = [self.criterion.scaled(one) for one in self.overall if one is not None]
        return bool(scores) and max(scores) - min(scores) >= _APART

    @property
    def disputed(self) -> bool:
        """People and the judge far apart."""
        return any(_is_disputed(one, self.criterion) for one in self.given)

    @property
    def searched(self) -> str:
        texts = [self.question.instruction, self.question.input]
        return " ".join([*texts, *(one.answer.response for one in self.given if one.answer)]).casefold()


@dataclass(frozen=True)
class Filter:
    korean: str
    english: str
    takes: Callable[[Item], bool]

    @property
    def name(self) -> str:
        return say(self.korean, self.english)


FILTERS = (
    Filter("모두", "all", lambda _: True),
    Filter("점수 없음", "without scores", lambda item: item.unscored),
    Filter("비정상 답변", "answers that are none", lambda item: item.faulty),
    Filter("길이 한도에서 잘린 답변", "cut at the length limit", lambda item: item.cut),
    Filter("채점자에게 말을 거는 답변", "speak to the judge", lambda item: item.flagged),
    Filter("시스템끼리 크게 다름", "systems far apart", lambda item: item.spread),
    Filter("사람과 채점자가 다름", "people and judge far apart", lambda item: item.disputed),
)


@dataclass(frozen=True)
class RunFacts:
    """Everything that is kept of a run, read once; its methods reckon, so they are called in a thread."""

    number: int
    evaluation: Evaluation
    results: Sequence[SystemResult]
    ratings: Ratings
    items: tuple[Item, ...]
    provenance: Mapping[str, object]
    _tables: dict[str, Table] = field(default_factory=dict)  # by rater; one takes seconds, and two views show it

    @property
    def raters(self) -> list[str]:
        return raters_of(self.ratings)

    def table(self, rater: str = "") -> Table:
        """The judge's, or that of one rater."""
        if rater not in self._tables:
            rated = rated_results(self.evaluation, self.results, self.ratings, rater) if rater else None
            self._tables[rater] = score_table(*(rated or (self.evaluation, self.results)))
        return self._tables[rater]

    def agreements(self) -> dict[str, Agreement]:
        verdicts = {
            (result.system.name, question): verdict.scores
            for result in self.results
            for question, verdict in result.verdicts.items()
            if verdict.status == "ok"
        }
        return {one.name: agreement(one.name, verdicts, self.ratings) for one in self.evaluation.rubric.criteria}


def facts_of(store: VerdictStore, number: int) -> RunFacts:
    """ConfigError where its questions or its rubric have changed since."""
    evaluation = load_run(store, number)
    judged = results(evaluation, store)
    ratings = ratings_of(evaluation, judged, store)
    criteria = evaluation.rubric.criteria
    items = tuple(
        Item(place, question, tuple(_given(one, question, ratings) for one in judged), criteria)
        for place, question in enumerate(evaluation.questions.questions, start=1)
    )
    return RunFacts(number, evaluation, judged, ratings, items, provenance(evaluation, store, number))


def found(items: Sequence[Item], chosen: Filter, words: str) -> list[Item]:
    """Those that the filter takes and that hold every word. A bare number narrows nothing: it is a place to jump to."""
    wanted = [] if number_in(words) is not None else nfc(words).casefold().split()
    return [item for item in items if chosen.takes(item) and all(word in item.searched for word in wanted)]


def number_in(words: str) -> int | None:
    words = words.strip()
    return int(words) if words.isascii() and words.isdecimal() else None


def _given(result: SystemResult, question: Question, ratings: Ratings) -> Given:
    answer = result.answers.get(question.id)
    return Given(
        result.system.name,
        answer,
        result.verdicts.get(question.id) or result.others.get(question.id),
        answer.fault(question) if answer else "",
        ratings.get((result.system.name, question.id), {}),
        question.id in result.others,
    )


def _is_disputed(one: Given, criterion: Criterion) -> bool:
    judged = one.overall(criterion)
    if judged is None:
        return False
    people = [scores[criterion.name] for scores in one.ratings.values() if criterion.name in scores]
    return any(abs(criterion.scaled(score) - criterion.scaled(judged)) >= _APART for score in people)
