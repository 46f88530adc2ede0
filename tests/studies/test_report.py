"""A report's words and numbers, from scores that are known: that mixtures differ is said where they do, and that they do not where not."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from evaluator.answer_store import Answer, System, keep_answer
from evaluator.evaluation import Evaluation
from evaluator.preparation import nobody
from evaluator.questions import load_questions
from evaluator.report import score_table
from evaluator.rubric import load_rubric
from evaluator.verdict_file import open_verdicts
from kullm_tui.core.errors import UsageError
from kullm_tui.feedback import known_answers
from kullm_tui.studies.document import Document, Figure, Notes, Plain, Section, Table
from kullm_tui.studies.evidence import Graded
from kullm_tui.studies.report import differing, verdict_line
from kullm_tui.studies.report_html import html
from kullm_tui.studies.report_latex import escaped, latex
from kullm_tui.studies.report_markdown import markdown
from kullm_tui.studies.stages import Stage

_STAGE = Stage("scores/known", "scores", "known", "0" * 64, ())


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KULLM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("KULLM_LANG", "en")


def questions_file(folder: Path, count: int, *, known: bool = True) -> Path:
    rows = [{"id": str(one), "instruction": f"질문 {one}", **({"accepted": ["서울"], "rejected": ["부산"]} if known else {})} for one in range(count)]  # fmt: skip
    file = folder / "questions.jsonl"
    file.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")
    return file


def graded(file: Path, right: Mapping[str, int]) -> Graded:
    """Of systems that answer so many of the first questions right, and the others wrong."""
    systems = tuple(System(name, {"model": name}) for name in right)
    evaluation = Evaluation(str(file), load_questions(str(file)), systems, nobody(), load_rubric("kullm-2023-ko"), "kullm-2023-ko")  # fmt: skip
    with open_verdicts(print) as store:
        for system in systems:
            for place, question in enumerate(evaluation.questions.questions):
                text = "서울이에요." if place < right[system.name] else "서울이 아니라 부산이에요."
                keep_answer(store, system, question, Answer(text))
        by_known, found = known_answers.graded(evaluation, store)
    return Graded(_STAGE, score_table(by_known, found), found, is_judge=False)


def test_known_answers_make_a_table_of_shares_with_wilson_intervals(tmp_path: Path) -> None:
    table = graded(questions_file(tmp_path, 10), {"a": 9, "b": 2}).table

    assert [row.cells["정답"].mean for row in table.rows] == [0.9, 0.2]
    assert table.rows[0].cells["정답"].interval.low == pytest.approx(0.5958, abs=1e-4)
    assert table.rows[0].cells["정답"].interval.high == pytest.approx(0.9821, abs=1e-4)
    assert "offline" in table.judge


def test_questions_without_right_answers_are_not_graded_by_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="accepted"):
        graded(questions_file(tmp_path, 3, known=False), {"a": 1})


def test_that_mixtures_differ_is_said_only_where_they_do(tmp_path: Path) -> None:
    far = graded(questions_file(tmp_path, 40), {"base": 0, "one": 38, "two": 10})
    near = graded(questions_file(tmp_path, 40), {"base": 0, "one": 20, "two": 21})

    assert [(a, b) for a, b, _ in differing(far, ["one", "two"])] == [("one", "two")]
    assert "1 differ beyond their intervals: one − two +0.700" in verdict_line(far, ["one", "two"])
    assert differing(near, ["one", "two"]) == []
    assert "none differs" in verdict_line(near, ["one", "two"])


_HOSTILE = 'A & B <img src="https://x.example/y.png"> | 100% _~^\\ {x} $5 #1'


def _document() -> Document:
    table = Table(["model", "a", "b", "c", "d"], [[_HOSTILE, "1", "2", "3", "4"]], _HOSTILE)
    return Document(_HOSTILE, [_HOSTILE], [Section(_HOSTILE, [_HOSTILE, table, Notes([_HOSTILE]), Plain("```\n" + _HOSTILE), Figure("f", [_HOSTILE])])])  # fmt: skip


def test_what_a_model_says_is_no_markup_of_the_report() -> None:
    page = html(_document())

    assert "<img" not in page
    assert page.count("&lt;img") >= 6
    assert "\\|" in markdown(_document())
    assert "````" in markdown(_document())


def test_latex_takes_every_letter_as_it_is() -> None:
    assert escaped("50% & _x_ #1 $2 {a} ~ ^ \\") == (
        r"50\% \& \_x\_ \#1 \$2 \{a\} \textasciitilde{} \textasciicircum{} \textbackslash{}"
    )
    text = latex(_document())
    assert text.count(r"\begin{tabular}{lrrrr}") == text.count(r"\end{tabular}") == 1
