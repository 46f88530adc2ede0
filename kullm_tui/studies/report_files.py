"""A study's report as files: one HTML, Markdown, LaTeX tables, the figure where it can be drawn, and the numbers as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evaluator.manner import manner_of
from evaluator.report import table_lines
from evaluator.verdict_file import open_verdicts
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.files import publish, publish_bytes
from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe_json
from kullm_tui.studies.document import Document, Figure
from kullm_tui.studies.evidence import Evidence, gathered
from kullm_tui.studies.report import differing, document_of, grader_text, verdict_line
from kullm_tui.studies.report_html import html
from kullm_tui.studies.report_latex import latex
from kullm_tui.studies.report_markdown import markdown
from kullm_tui.studies.stages import Plan

_READABLE = 0o644


@dataclass(frozen=True)
class Written:
    folder: Path
    facts: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def page(self) -> Path:
        return self.folder / "report.html"


def write_report(plan: Plan) -> Written:
    folder = paths.private_dir(paths.study_dir(plan.study.name) / "report")
    notes: list[str] = []
    with open_verdicts(notes.append) as store:
        evidence = gathered(plan, store)
        document = document_of(evidence)
    facts = numbers(evidence)
    for number, figure in enumerate(_figures(document), start=1):
        if figure.svg:
            publish_bytes(folder / f"figure-{number}.svg", figure.svg, mode=_READABLE)
    publish(folder / "report.md", markdown(document), mode=_READABLE)
    publish(folder / "tables.tex", latex(document), mode=_READABLE)
    publish(folder / "numbers.json", f"{terminal_safe_json(facts)}\n", mode=_READABLE)
    publish(folder / "report.html", html(document), mode=_READABLE)
    return Written(folder, facts, (*notes, *_without_figure(document)))


def written_report(plan: Plan) -> Written:
    """As it was written last."""
    folder = paths.study_dir(plan.study.name) / "report"
    return Written(folder, foreign_json.fields(folder / "numbers.json"))


def numbers(evidence: Evidence) -> dict[str, Any]:
    """What a second run has to bring out again, to the digit: no times, no dates."""
    return {
        "graders": [
            {
                "grader": one.table.judge,
                "rubric": one.table.rubric.name,
                "table": table_lines(one.table, intervals=True),
                "says": verdict_line(one, evidence.trained),
                "rows": {
                    row.name: {name: [cell.mean, cell.interval.low, cell.interval.high] for name, cell in row.cells.items()} | {"n": row.scored}
                    for row in one.table.rows
                },
                "differing": [[a, b, found.mean] for a, b, found in differing(one, evidence.trained)],
                "title": grader_text(one),
            }
            for one in evidence.graded
        ],
        "manner": {one.system.name: asdict(manner_of(one.answers, evidence.questions.questions)) for one in evidence.answers},
    }  # fmt: skip


def _figures(document: Document) -> list[Figure]:
    return [block for section in document.sections for block in section.blocks if isinstance(block, Figure)]


def _without_figure(document: Document) -> list[str]:
    if all(one.svg for one in _figures(document)):
        return []
    return [
        say(
            "그림을 글자로 그렸어요. 그림 파일에는 matplotlib이 더 필요해요: pip install 'kullm[plot]'",
            "the figure was drawn in letters. A file of it needs matplotlib too: pip install 'kullm[plot]'",
        )
    ]
