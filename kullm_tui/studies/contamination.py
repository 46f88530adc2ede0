"""Whether what a study asks stands in what was learnt: counted in the files that were trained on, or as the build counted it."""

from dataclasses import dataclass
from pathlib import Path

from data.decontaminate import Decontaminate, held_out_texts
from data.folded import folded
from data.row import Rejection, Row
from data.shelf import facts_in
from data.sources.catalogue import file_source
from data.sources.read import read
from evaluator.questions import QuestionSet
from kullm_tui.studies.stages import Plan, Stage


@dataclass(frozen=True)
class Overlap:
    """Of one mixture."""

    mixture: str
    rows: int
    word_for_word: int
    near: int  # with a word or a few letters changed; the same words are among them


@dataclass(frozen=True)
class LeftOut:
    """What the build found near the evaluations' questions, and kept out."""

    source: str
    rows: int


def overlaps(plan: Plan, questions: QuestionSet) -> list[Overlap]:
    """None where the build itself kept clear of these questions."""
    (build,) = plan.of("mixtures")
    if plan.study.questions in plan.study.made_mixtures.steps.decontaminate:
        return []
    step = Decontaminate(held_out_texts((one.instruction, one.input) for one in questions.questions))
    asked = {folded(f"{one.instruction}\n{one.input}") for one in questions.questions}
    return [_overlap(one, step, asked) for one in _files(build)]


def left_out(plan: Plan) -> list[LeftOut]:
    (build,) = plan.of("mixtures")
    facts = facts_in(Path(build.makes))
    steps = facts.steps if facts else ()
    return [LeftOut(one.source, one.counts.lost) for one in steps if one.step == Decontaminate.name]


def _files(build: Stage) -> list[Path]:
    facts = facts_in(Path(build.makes))
    return [one.lines for one in facts.outputs] if facts else []


def _overlap(file: Path, step: Decontaminate, asked: set[str]) -> Overlap:
    rows = [one for one in read(file_source(file)) if isinstance(one, Row)]
    same = sum(
        any(said.role == "user" and folded(f"{said.content}\n{said.input}") in asked for said in row.messages)
        for row in rows
    )
    return Overlap(file.stem, len(rows), same, sum(isinstance(step(row), Rejection) for row in rows))
