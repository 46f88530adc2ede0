"""The paper's Table 1 from integer verdicts, and what a table must not hide."""

import csv
import io
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from evaluator.answer_store import Answer, System
from evaluator.chart import chart_rows
from evaluator.evaluation import Evaluation, SystemResult
from evaluator.figure import figure_bytes
from evaluator.judge import Judge
from evaluator.questions import Question, QuestionSet
from evaluator.report import Table, csv_text, interval_lines, markdown, score_table, table_lines, table_notes
from evaluator.rubric import Criterion, load_rubric
from evaluator.verdict import Verdict
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.plot.rows import plain
from kullm_tui.studies.paper_table import ITEMS, TABLE_1

PAPER = load_rubric("kullm-2023-ko")


def integers(criterion: Criterion, mean: float) -> list[int]:
    """252 whole scores in range whose mean rounds to the cell."""
    total = round(mean * ITEMS)
    assert f"{total / ITEMS:.3f}" == f"{mean:.3f}"
    scores, left = [], total - criterion.low * ITEMS
    for _ in range(ITEMS):
        more = min(left, criterion.high - criterion.low)
        scores.append(criterion.low + more)
        left -= more
    assert left == 0
    return scores


def evaluation_of(systems: dict[str, list[Verdict]]) -> tuple[Evaluation, list[SystemResult]]:
    questions = QuestionSet("세트", tuple(Question(f"q{number}", f"지시 {number}") for number in range(ITEMS)))
    judge = Judge(Endpoint("openai", "http://127.0.0.1:1/v1"), "gpt-4", "paper")
    evaluation = Evaluation("세트", questions, tuple(System(name) for name in systems), judge, PAPER, PAPER.name)
    answers = {question.id: Answer("서울은 " * (1 + number % 5)) for number, question in enumerate(questions.questions)}
    found = [
        SystemResult(System(name), answers, {verdict.id: verdict for verdict in verdicts})
        for name, verdicts in systems.items()
    ]
    return evaluation, found


@pytest.fixture(scope="module")
def table() -> Table:
    systems = {}
    for name, means in TABLE_1.items():
        columns = [integers(criterion, mean) for criterion, mean in zip(PAPER.criteria, means, strict=True)]
        names = [criterion.name for criterion in PAPER.criteria]
        systems[name] = [
            Verdict(f"q{number}", "ok", dict(zip(names, scores, strict=True)))
            for number, scores in enumerate(zip(*columns, strict=True))
        ]
    return score_table(*evaluation_of(systems))


def test_integer_verdicts_give_every_cell_of_table_1_in_its_layout(table: Table) -> None:
    heading, *lines = table_lines(table)
    assert heading[1:] == ["이해 가능성", "자연스러움", "맥락 유지", "흥미롭기", "지시어 사용", "전반적인 품질", "n"]
    assert lines == [[name, *(f"{mean:.3f}" for mean in means), "252/252"] for name, means in TABLE_1.items()]


def test_the_binary_criteria_have_wilsons_interval(table: Table) -> None:
    rows = {row.name: row for row in table.rows}
    interval = rows["KULLM 12.8b"].cells["이해 가능성"].interval
    assert (round(interval.low, 3), round(interval.high, 3)) == (0.748, 0.846)
    assert "| KULLM 12.8b | 0.802 [0.748–0.846] | 2.480 [" in markdown(table)
    assert "| 252/252 |" in markdown(table)
    assert interval_lines(table)[-1][:2] == ["", "0.748–0.846"]


def test_figure_1_is_drawn_on_its_scale(table: Table) -> None:
    rows = {row.name: row for row in table.rows}
    assert rows["KULLM 12.8b"].cells["전반적인 품질"].scaled == pytest.approx((838 / 252 - 1) / 4 * 100)
    ruler, criterion, first, *_ = lines = [plain(row) for row in chart_rows(table, 80)]
    assert len(lines) == 1 + 6 * (1 + 6) + 1
    assert ruler.endswith(" 100")
    assert criterion == "이해 가능성"
    assert first == f"GPT-3.5-turbo   {'█' * 54}▓▓┤   98.0"
    assert {len(line) for line in lines[:-1] if line.startswith("GPT")} == {80}


def test_the_svg_is_well_formed_and_holds_every_bar(table: Table) -> None:
    root = ElementTree.fromstring(figure_bytes(table, "svg"))
    titles = [title.text for title in root.iter("{http://www.w3.org/2000/svg}title")]
    assert len(titles) == 36
    assert "KULLM 12.8b: 80.2 (n = 252)" in titles


def test_csv_holds_full_precision(table: Table) -> None:
    rows = list(csv.DictReader(io.StringIO(csv_text(table))))
    assert len(rows) == 36
    assert rows[-1]["mean"] == f"{838 / 252:.6f}"
    assert {row["items"] for row in rows} == {"252"}


def test_systems_are_compared_item_by_item(table: Table) -> None:
    difference = table.differences["KULLM 5.8b", "KULLM 12.8b"]
    assert difference.mean == pytest.approx((763 - 838) / 252, abs=1e-9)
    assert any(note.startswith("KULLM 5.8b − KULLM 12.8b: -0.298") for note in table_notes(table))
    assert "| KULLM 5.8b − KULLM 12.8b | -0.298 | [" in markdown(table)
    assert difference.p_among_all is not None
    assert difference.p_among_all >= difference.p


def test_a_systems_name_stays_a_name_in_markdown_and_in_a_spreadsheet() -> None:
    scores = {criterion.name: criterion.high for criterion in PAPER.criteria}
    name = "=a|b*[x](y)"
    table = score_table(*evaluation_of({name: [Verdict("q0", "ok", scores)]}))
    row = next(line for line in markdown(table).splitlines() if "1/252" in line)
    assert row.startswith("| =a\\|b\\*[x]\\(y) |")
    assert csv_text(table).splitlines()[1].startswith("'=a|b")


def test_what_was_not_scored_is_counted_and_never_zero() -> None:
    scores = {criterion.name: criterion.high for criterion in PAPER.criteria}
    verdicts = [Verdict(f"q{number}", "ok", scores) for number in range(200)]
    verdicts += [Verdict(f"q{number}", "unparsed", flags=("asks-for-marks",)) for number in range(200, 240)]
    verdicts += [Verdict(f"q{number}", "refused") for number in range(240, 245)]
    evaluation, results = evaluation_of({"모델": verdicts})
    table = score_table(
        evaluation, [SystemResult(results[0].system, {**results[0].answers, "q1": Answer("###")}, results[0].verdicts)]
    )
    row = table.rows[0]
    assert row.cells["전반적인 품질"].mean == 5.0
    assert table_lines(table)[1][-1] == "200/252"
    assert row.unscored == {"unparsed": 40, "refused": 5, "error": 0, "missing": 7}
    assert (row.flagged, row.faults) == (40, {"markup": 1})
    notes = "\n".join(table_notes(table))
    assert "못 읽음 40" in notes
    assert "markup 1" in notes


def test_a_system_without_any_score_has_empty_cells() -> None:
    table = score_table(*evaluation_of({"모델": [Verdict("q0", "unparsed")]}))
    assert table_lines(table)[1] == ["모델", *["–"] * 6, "0/252"]
    assert "<title>" not in figure_bytes(table, "svg").decode()


def test_each_bar_and_key_says_how_many_scores_it_rests_on() -> None:
    scores = {criterion.name: criterion.high for criterion in PAPER.criteria}
    fewer, more = ([Verdict(f"q{number}", "ok", scores) for number in range(count)] for count in (180, 224))
    table = score_table(*evaluation_of({"가": fewer, "나": more}))
    drawn = figure_bytes(table, "svg").decode()
    assert "가 (n = 180)</text>" in drawn
    assert "나: 100.0 (n = 224)</title>" in drawn
    assert "n = 252" not in drawn
    assert "질문 252개" in drawn
    assert plain(chart_rows(table, 80)[-1]) == "가 n = 180 · 나 n = 224"


def test_the_table_says_by_which_test_systems_are_compared(table: Table) -> None:
    assert "부호 뒤집기" in "\n".join(table_notes(table))
    assert "부호 뒤집기" in markdown(table)


def test_answers_that_left_korean_are_told_below_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_LANG", "en")
    evaluation, (one,) = evaluation_of({"kullm": []})
    answers = dict(one.answers) | {f"q{number}": Answer("서울은 首都예요.") for number in range(12)}

    notes = table_notes(score_table(evaluation, [replace(one, answers=answers)]))

    assert "kullm: 12 of 252 answers left Korean, 4.8% [2.7%, 8.1%]" in notes
    assert not any("left Korean" in note for note in table_notes(score_table(evaluation, [one])))
