"""An evaluation as it is kept: judges' words in the store → the paper's table; what never mixes; who judges itself."""

import csv
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from evaluator.answer_store import Answer, System, keep_answer, kept_answers
from evaluator.evaluation import Evaluation, evaluation_items, judges_itself, keep_run, load_run, results
from evaluator.judge import Judge
from evaluator.questions import Question, QuestionSet
from evaluator.report import score_table, table_lines, table_notes
from evaluator.rubric import Rubric, load_rubric
from evaluator.verdict import JudgeReply
from evaluator.verdicts import VerdictStore
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import ConfigError
from kullm_tui.studies.paper_table import ITEMS, TABLE_1
from tests.evaluator.judge_server import FORM
from tests.evaluator.test_report import integers

PAPER = load_rubric("kullm-2023-ko")
JUDGE = Judge(Endpoint("openai", "http://127.0.0.1:1/v1"), "gpt-4", "paper", {"temperature": 0})
RESULT = (
    "- 이해 가능성 (0 - 1): {}\n- 자연스러움 (1 - 3): {}\n- 맥락 유지 (1 - 3): {}\n- 흥미롭기 (1 - 3): {}\n"
    "- {} 사용 (0 - 1): {}\n- 전반적인 품질  (1 - 5): {}"
)


def evaluation_of(*names: str, count: int = ITEMS, judge: Judge = JUDGE, rubric: Rubric = PAPER) -> Evaluation:
    questions = QuestionSet("세트", tuple(Question(f"q{number}", f"지시 {number}") for number in range(count)))
    return Evaluation("세트", questions, tuple(System(name) for name in names), judge, rubric, rubric.name)


def judged(evaluation: Evaluation, store: VerdictStore, texts: Mapping[str, list[str]], **reply: Any) -> None:
    """Answers of all systems, and the judge's words on each."""
    for system in evaluation.systems:
        for question in evaluation.questions.questions:
            keep_answer(store, system, question, Answer(f"{system.name}의 답 {question.id}"))
    for item in evaluation_items(evaluation, store):
        name, _, number = item.id.partition("\x1f")
        answer = JudgeReply(texts[name][int(number[1:])], **{"model": "gpt-4-0613", **reply})
        key = evaluation.judge.key(evaluation.rubric, item)
        store.keep(key, answer, judge=evaluation.judge, rubric=evaluation.rubric, item=item, repeat=0, cost=0.01)


def result_texts(means: tuple[float, ...]) -> list[str]:
    """252 of a judge's replies whose integer scores sum to the paper's cells; criterion five under both its names in turn."""
    columns = [integers(criterion, mean) for criterion, mean in zip(PAPER.criteria, means, strict=True)]
    rows = zip(*columns, strict=True)
    return [RESULT.format(*row[:4], ("Instruction", "지시어")[place % 2], *row[4:]) for place, row in enumerate(rows)]


def test_a_judges_words_in_the_store_give_the_papers_table(store: VerdictStore) -> None:
    two = {name: TABLE_1[name] for name in ("KoAlpaca 12.8b", "KULLM 12.8b")}
    evaluation = evaluation_of(*two)
    judged(evaluation, store, {name: result_texts(means) for name, means in two.items()})
    table = score_table(evaluation, results(evaluation, store))
    assert table_lines(table)[1:] == [
        [name, *(f"{cell:.3f}" for cell in cells), "252/252"] for name, cells in two.items()
    ]
    assert table.answered_by == "gpt-4-0613"


@pytest.mark.shared_data
def test_every_published_cell_is_a_sum_of_whole_scores(shared_file: Callable[[str], Path]) -> None:
    with shared_file("kullm/table1.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 7
    for row in rows:
        for criterion in PAPER.criteria:
            assert len(integers(criterion, float(row[criterion.name]))) == ITEMS, row["model"]


def test_verdicts_of_another_version_of_the_judge_are_never_averaged_in(store: VerdictStore) -> None:
    evaluation = evaluation_of("가", "나", count=6)
    judged(evaluation_of("가", count=6), store, {"가": [FORM] * 6})
    judged(
        evaluation_of("나", count=6), store, {"나": [FORM.replace("(1 - 5): 4", "(1 - 5): 1")] * 6}, model="gpt-4-1106"
    )
    judged(evaluation_of("나", count=2), store, {"나": [FORM] * 2})  # kept as they were first
    with store.database.transaction() as connection:
        connection.execute("UPDATE verdicts SET model = 'gpt-4-0613' WHERE response LIKE '나의 답 q0'")
    found = results(evaluation, store)
    table = score_table(evaluation, found)
    rows = {row.name: row for row in table.rows}
    assert (table.answered_by, rows["가"].scored, rows["나"].scored) == ("gpt-4-0613", 6, 1)
    assert rows["나"].unscored["other-judge"] == 5
    assert rows["나"].unscored["missing"] == 0
    assert table.differences["가", "나"].items == 1
    assert any("다른 버전" in note for note in table_notes(table))


def test_another_judge_another_mode_or_another_rubric_has_its_own_verdicts(store: VerdictStore) -> None:
    judged(evaluation_of("가", count=3), store, {"가": [FORM] * 3})
    others = [
        evaluation_of("가", count=3, judge=Judge(JUDGE.endpoint, "gpt-4.1", "paper", {"temperature": 0})),
        evaluation_of("가", count=3, judge=Judge(JUDGE.endpoint, "gpt-4", "strict", {"temperature": 0})),
        evaluation_of(
            "가", count=3, judge=Judge(Endpoint("x", "http://127.0.0.1:2/v1"), "gpt-4", "paper", {"temperature": 0})
        ),
        evaluation_of("가", count=3, rubric=load_rubric("kullm-2023-ko-fixed")),
    ]
    for other in others:
        (row,) = score_table(other, results(other, store)).rows
        assert (row.scored, row.unscored["missing"]) == (0, 3)


def test_a_rubric_file_that_changed_is_not_mixed_with_its_old_verdicts(store: VerdictStore, tmp_path: Path) -> None:
    path, questions = tmp_path / "mine.toml", tmp_path / "q.jsonl"
    form = (
        'system = "{}"\nuser = "{{instruction}}{{input}}{{response}}"\n[[criteria]]\nname = "품질"\nlow = 1\nhigh = 5\n'
    )
    questions.write_text('{"id": "a", "instruction": "지시"}\n')
    path.write_text(form.format("채점하세요"))
    known = QuestionSet("q", (Question("a", "지시"),))
    number = keep_run(
        Evaluation(str(questions), known, (System("가"),), JUDGE, load_rubric(str(path)), str(path)), store
    )
    assert load_run(store, number).rubric_name == str(path)
    path.write_text(form.format("엄격하게 채점하세요"))
    with pytest.raises(ConfigError, match="바뀌어"):
        load_run(store, number)


@pytest.mark.parametrize(
    ("judge", "system", "itself"),
    [
        ("gpt-4", System("openai/gpt-4", {"model": "gpt-4"}), True),
        ("gpt-4.1-2025-04-14", System("openai/gpt-4.1", {"model": "gpt-4.1"}), True),
        ("gpt-4.1", System("x", {"model": "gpt-4.1-2025-04-14"}), True),
        ("gpt-4", System("GPT-4", {"file": "answers.jsonl"}), True),
        ("openai/gpt-4", System("gpt-4-0613", {}), True),
        ("gpt-4.1", System("openai/gpt-4.1-mini", {"model": "gpt-4.1-mini"}), False),
        ("gpt-4", System("kullm", {"model": "kullm"}), False),
    ],
)
def test_a_judge_that_is_the_judged_model_is_found_under_its_other_names(
    judge: str, system: System, itself: bool
) -> None:
    questions = QuestionSet("세트", (Question("q", "지시"),))
    evaluation = Evaluation("세트", questions, (system,), Judge(JUDGE.endpoint, judge, "paper"), PAPER, PAPER.name)
    assert judges_itself(evaluation) == ([system.name] if itself else [])


def test_a_system_whose_files_changed_is_another_system(store: VerdictStore) -> None:
    question = Question("q", "지시")
    before, after = (System("m+mine", {"model": "m", "adapter": "mine", "adapter_files": mark}) for mark in ("a", "b"))
    keep_answer(store, before, question, Answer("전의 답"))
    assert kept_answers(store, before, [question])
    assert not kept_answers(store, after, [question])
