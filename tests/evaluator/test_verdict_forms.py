"""A table of judges' forms by hand: no score is ever wrong, and hardly one that a person reads is left unread."""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluator.rubric import Criterion, Rubric, load_rubric, parse_rubric, shipped_rubrics
from evaluator.verdict_text import Scores, read_free_text

_FORMS = tomllib.loads(Path(__file__).with_name("verdict_forms.toml").read_text(encoding="utf-8"))
REMARKS: Mapping[str, Any] = _FORMS["remarks"]
_NEEDLESS = 0.01


@dataclass(frozen=True)
class Case:
    form: str  # as it stands in the table
    text: str
    rubric: Rubric
    read: tuple[float, ...] | None  # what a careful person reads
    unread: str = ""  # why the reader leaves it
    response: str = ""


def rubric_of(row: Mapping[str, Any]) -> Rubric:
    if "rubric" in row:
        return load_rubric(row["rubric"])
    table = {"system": "", "user": "{instruction}{input}{response}", "criteria": row["criteria"]}
    return parse_rubric(table, "own")


def line_cases() -> Iterator[Case]:
    for row in _FORMS["lines"]:
        for name in row["rubrics"]:
            rubric = load_rubric(name)
            for scores in _score_rows(rubric):
                for form in row["read"]:
                    yield Case(form, filled(form, rubric, scores), rubric, scores)
                for form, _why in row["doubt"]:
                    yield Case(form, filled(form, rubric, scores), rubric, None)


def remark_cases() -> Iterator[Case]:
    for name in shipped_rubrics():
        rubric = load_rubric(name)
        for scores in _score_rows(rubric):
            for remark in REMARKS["harmless"]:
                text = filled("- {n}: {s}" + remark, rubric, scores)
                yield Case(remark, text, rubric, scores, REMARKS["unread"].get(remark, ""))
            for remark in REMARKS["doubtful"]:
                yield Case(remark, filled("- {n}: {s}" + remark, rubric, scores), rubric, None)


def text_cases() -> Iterator[Case]:
    for row in _FORMS.get("texts", ()):
        read = tuple(row["read"]) if "read" in row else None
        assert (read is None) == ("why" in row), row["text"]
        yield Case(row["text"], row["text"], rubric_of(row), read, row.get("unread", ""), row.get("response", ""))


def filled(form: str, rubric: Rubric, scores: Sequence[float]) -> str:
    return "\n".join(
        form.format(n=one.name, s=score, o=_other(one, score), l=one.low, h=one.high, i=place)
        for place, (one, score) in enumerate(zip(rubric.criteria, scores, strict=True), start=1)
    )


def _score_rows(rubric: Rubric) -> list[tuple[float, ...]]:
    """The highest, the lowest, and one between that goes up and down."""
    criteria = rubric.criteria
    mixed = tuple(one.choices[-(place % 3) % len(one.choices)] for place, one in enumerate(criteria, start=1))
    return [tuple(one.high for one in criteria), tuple(one.low for one in criteria), mixed]


def _other(criterion: Criterion, score: float) -> float:
    return criterion.low if score == criterion.high else criterion.high


def values(case: Case) -> tuple[float, ...] | None:
    read = read_free_text(case.text, case.rubric, response=case.response)
    return tuple(read.values.values()) if isinstance(read, Scores) else None


def test_no_form_is_read_wrongly_and_hardly_one_is_needlessly_unread() -> None:
    cases = [*line_cases(), *remark_cases(), *text_cases()]
    results = [(case, values(case)) for case in cases]
    wrong = [(case.text, case.read, got) for case, got in results if got is not None and got != case.read]
    needless = {case.form: case.unread for case, got in results if got is None and case.read is not None}
    unexplained = [form for form, why in needless.items() if not why]
    readable = sum(case.read is not None for case in cases)
    forms = {case.form for case in cases}
    print(
        f"{len(forms)} forms, {len(cases)} texts; {readable} readable, {len(needless)} forms unread; {len(wrong)} wrong"
    )
    print("\n".join(f"  unread: {form!r}: {why}" for form, why in needless.items()))
    assert len(forms) >= 300
    assert wrong == []
    assert unexplained == []
    assert len(needless) <= _NEEDLESS * len({case.form for case in cases if case.read is not None})
