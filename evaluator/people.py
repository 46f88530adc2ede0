"""What people give to answers: kept by content, rater by rater, in the rubric's own scores.

A rater is to an answer what a judge is, so a rater's scores make the same table (`rated_results`).
"""

import hashlib
import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.evaluation import Evaluation, SystemResult
from evaluator.questions import Question
from evaluator.rubric import Rubric
from evaluator.turns import is_askable, judged_item
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.text import nfc

Scores = Mapping[str, float]  # by the criterion's name
Texts = tuple[str, str, str]  # instruction, input, response
# By system and question, and then by rater: as `agreement` reads them.
Ratings = Mapping[tuple[str, str], Mapping[str, Scores]]


@dataclass(frozen=True)
class Unrated:
    """An answer that waits for a rater, who is not told whose it is."""

    system: str
    question: Question
    response: str

    @property
    def texts(self) -> Texts:
        return (self.question.instruction, self.question.input, self.response)


def keep_rating(store: VerdictStore, rubric: Rubric, texts: Texts, rater: str, scores: Scores) -> None:
    """Rating again replaces."""
    row = (
        _key(rubric, texts, rater),
        time.time(),
        nfc(rater),
        rubric.name,
        rubric.sha256,
        *texts,
        json.dumps(dict(scores), ensure_ascii=False),
    )
    with store.database.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO ratings (key, created, rater, rubric, rubric_sha256, instruction, input, response,"
            " scores) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            row,
        )


def ratings_of(evaluation: Evaluation, results: Sequence[SystemResult], store: VerdictStore) -> Ratings:
    """Everybody's, of the answers of this evaluation."""
    given: dict[Texts, dict[str, Scores]] = {}
    with store.database.reading() as connection:
        rows = connection.execute(
            "SELECT rater, instruction, input, response, scores FROM ratings WHERE rubric_sha256 = ? ORDER BY created",
            (evaluation.rubric.sha256,),
        )
        for row in rows:
            texts = (row["instruction"], row["input"], row["response"])
            given.setdefault(texts, {})[row["rater"]] = json.loads(row["scores"])
    found = {}
    for result in results:
        for question in evaluation.questions.questions:
            rated = _texts(result, question, evaluation.rubric)
            if rated and rated in given:
                found[result.system.name, question.id] = given[rated]
    return found


def raters_of(ratings: Ratings) -> list[str]:
    return sorted({rater for given in ratings.values() for rater in given})


def rated_results(
    evaluation: Evaluation, results: Sequence[SystemResult], ratings: Ratings, rater: str
) -> tuple[Evaluation, list[SystemResult]]:
    """The same evaluation with this rater in the judge's place."""
    seen = replace(evaluation, judge=replace(evaluation.judge, model=rater))
    names = [one.name for one in evaluation.rubric.criteria]
    found = []
    for result in results:
        verdicts = {}
        for question in evaluation.questions.questions:
            scores = ratings.get((result.system.name, question.id), {}).get(rater)
            if scores and all(name in scores for name in names):
                verdicts[question.id] = Verdict(
                    question.id, "ok", scores, model=rater, rubric=evaluation.rubric.name, kept=True
                )
        found.append(SystemResult(result.system, result.answers, verdicts))
    return seen, found


def unrated(
    evaluation: Evaluation, results: Sequence[SystemResult], ratings: Ratings, rater: str
) -> tuple[Unrated, ...]:
    """What this rater has not rated, in an order of the rater's own that tells nothing of who answered; the same each time."""
    waiting: dict[Texts, Unrated] = {}
    for result in results:
        for question in evaluation.questions.questions:
            texts = _texts(result, question, evaluation.rubric)
            if texts and rater not in ratings.get((result.system.name, question.id), {}):
                waiting.setdefault(
                    texts, Unrated(result.system.name, replace(question, instruction=texts[0]), texts[2])
                )
    shuffled = sorted(waiting.values(), key=lambda one: json.dumps(one.texts, ensure_ascii=False))
    random.Random(f"{rater} {evaluation.questions.sha256}").shuffle(shuffled)
    return tuple(shuffled)


def _texts(result: SystemResult, question: Question, rubric: Rubric) -> Texts | None:
    """What a rater sees, with the conversation before it; None where there is no answer."""
    if question.id not in result.answers or not is_askable(question, result.answers):
        return None
    item = judged_item(question.id, question, result.answers, rubric)
    return (item.instruction, item.input, item.response)


def _key(rubric: Rubric, texts: Texts, rater: str) -> str:
    parts = [nfc(rater), rubric.sha256, *texts]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
