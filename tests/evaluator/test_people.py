"""People's ratings: kept by content, blind in their order, and read as a judge's are."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluator.answer_store import Answer, System, keep_answer
from evaluator.evaluation import Evaluation, results
from evaluator.judge import Judge
from evaluator.people import keep_rating, rated_results, raters_of, ratings_of, unrated
from evaluator.questions import Question, QuestionSet
from evaluator.report import score_table
from evaluator.rubric import load_rubric
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.endpoint import Endpoint
from tests.evaluator.judge_server import FORM_SCORES

RUBRIC = load_rubric("kullm-2023-ko")
QUESTIONS = QuestionSet("세트", tuple(Question(f"q{number}", f"지시 {number}") for number in range(3)))
SYSTEMS = (System("가"), System("나"))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VerdictStore]:
    with VerdictStore(tmp_path / "evaluation.db") as opened:
        for system in SYSTEMS:
            for question in QUESTIONS.questions:
                # Both say the same to the last question.
                words = "같은 답" if question.id == "q2" else f"{system.name}의 답 {question.id}"
                keep_answer(opened, system, question, Answer(words))
        yield opened


@pytest.fixture
def evaluation() -> Evaluation:
    return Evaluation("q.jsonl", QUESTIONS, SYSTEMS, Judge(Endpoint("", ""), "", "paper"), RUBRIC, RUBRIC.name)


def test_an_answer_that_two_systems_gave_is_rated_once_and_counts_for_both(
    store: VerdictStore, evaluation: Evaluation
) -> None:
    found = results(evaluation, store)
    waiting = unrated(evaluation, found, {}, "지은")
    assert len(waiting) == 5
    same = next(one for one in waiting if one.response == "같은 답")
    keep_rating(store, RUBRIC, same.texts, "지은", FORM_SCORES)
    ratings = ratings_of(evaluation, found, store)
    assert ratings == {("가", "q2"): {"지은": FORM_SCORES}, ("나", "q2"): {"지은": FORM_SCORES}}
    assert same not in unrated(evaluation, found, ratings, "지은")
    assert len(unrated(evaluation, found, ratings, "민수")) == 5


def test_the_order_is_the_raters_own_and_the_same_each_time(store: VerdictStore, evaluation: Evaluation) -> None:
    found = results(evaluation, store)
    orders = {rater: unrated(evaluation, found, {}, rater) for rater in ("지은", "민수", "하나", "둘")}
    assert unrated(evaluation, found, {}, "지은") == orders["지은"]
    assert len(set(orders.values())) > 1


def test_a_rater_makes_the_same_table_as_a_judge(store: VerdictStore, evaluation: Evaluation) -> None:
    found = results(evaluation, store)
    for one in unrated(evaluation, found, {}, "지은"):
        keep_rating(store, RUBRIC, one.texts, "지은", {**FORM_SCORES, "전반적인 품질": 5 if one.system == "나" else 1})
    keep_rating(store, RUBRIC, ("지시 0", "", "가의 답 q0"), "민수", {"전반적인 품질": 3})
    ratings = ratings_of(evaluation, found, store)
    assert raters_of(ratings) == ["민수", "지은"]
    table = score_table(*rated_results(evaluation, found, ratings, "지은"))
    assert table.judge == "지은"
    assert [(row.name, row.scored) for row in table.rows] == [("가", 3), ("나", 3)]
    half_rated = score_table(*rated_results(evaluation, found, ratings, "민수"))
    assert [row.scored for row in half_rated.rows] == [0, 0]


def test_rating_again_replaces_and_another_rubric_has_its_own(store: VerdictStore, evaluation: Evaluation) -> None:
    texts = ("지시 0", "", "가의 답 q0")
    keep_rating(store, RUBRIC, texts, "지은", {"전반적인 품질": 2})
    keep_rating(store, RUBRIC, texts, "지은", {"전반적인 품질": 3})
    keep_rating(store, load_rubric("kullm3-2024-en"), texts, "지은", {"Fluency": 1})
    found = results(evaluation, store)
    assert ratings_of(evaluation, found, store) == {("가", "q0"): {"지은": {"전반적인 품질": 3}}}
