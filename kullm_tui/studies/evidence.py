"""What a study has brought to light: each grader's table under the study's own names, answers, judges on the frozen answers, the price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from evaluator.answer_store import System
from evaluator.evaluation import Evaluation, SystemResult, load_run, results
from evaluator.provenance import provenance
from evaluator.questions import QuestionSet
from evaluator.report import Table, score_table
from evaluator.rows import read_rows
from evaluator.unread import counted_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.feedback import known_answers
from kullm_tui.studies import anchors
from kullm_tui.studies.marks import Mark, mark_of
from kullm_tui.studies.stages import KNOWN, Plan, Stage, model_name


@dataclass(frozen=True)
class Graded:
    """By one grader."""

    stage: Stage
    table: Table
    found: Sequence[SystemResult]  # under the study's names
    is_judge: bool
    asked: str = ""  # how the judge was, and what it cost
    dollars: float = 0.0


@dataclass(frozen=True)
class Evidence:
    plan: Plan
    marks: Mapping[str, Mark]  # by the stage's id
    questions: QuestionSet
    graded: Sequence[Graded]
    anchors: Mapping[str, Mapping[str, Mapping[str, float]]]  # judge → frozen answer → scores by criterion

    @property
    def trained(self) -> list[str]:
        """The names of what this study trained, in its order."""
        return [label(self.plan, one) for one in self.plan.of("training")]

    @property
    def answers(self) -> Sequence[SystemResult]:
        return self.graded[0].found


def gathered(plan: Plan, store: VerdictStore) -> Evidence:
    """From what is kept alone; KullmError where a grader has not come to its end yet."""
    marks = {one.id: mark for one in plan.stages if (mark := mark_of(plan.study.name, one))}
    missing = [one.id for one in plan.of("scores", "anchors") if one.id not in marks]
    if missing:
        listed = ", ".join(missing)
        raise KullmError(
            say(
                f"보고서를 쓰기에는 아직 일러요. 끝나지 않은 단계: {listed}",
                f"it is too early for a report: not at their end yet are {listed}",
            )
        )
    graded = [_graded(plan, one, marks[one.id], store) for one in plan.of("scores")]
    frozen = {one.stage.title: _anchor_scores(one, marks, store) for one in graded if one.is_judge}
    questions = load_run(store, _run_of(marks, plan.of("scores")[0])).questions
    return Evidence(plan, marks, questions, graded, frozen)


def label(plan: Plan, stage: Stage) -> str:
    """Of something trained: its mixture, with its base where there are several."""
    return stage.mixture if len(plan.study.bases) == 1 else f"{stage.base} · {stage.mixture}"


def _graded(plan: Plan, stage: Stage, mark: Mark, store: VerdictStore) -> Graded:
    number = int(mark.result["run"])
    evaluation = load_run(store, number)
    is_judge = stage.id != f"scores/{KNOWN}"
    if is_judge:
        origin = provenance(evaluation, store, number)["judge"]
        found: Sequence[SystemResult] = results(evaluation, store)
    else:
        origin = {}
        evaluation, found = known_answers.graded(evaluation, store)
    evaluation, found = _under_our_names(plan, evaluation, found)
    asked = f"{origin['model']}, {origin['address']}, {origin['mode']}" if origin else ""
    return Graded(stage, score_table(evaluation, found), found, is_judge, asked, float(origin.get("dollars") or 0.0))


def _under_our_names(
    plan: Plan, evaluation: Evaluation, found: Sequence[SystemResult]
) -> tuple[Evaluation, list[SystemResult]]:
    ours = {model_name(plan.study, one): label(plan, one) for one in plan.of("training")}

    def named(system: System) -> System:
        return replace(system, name=ours.get(system.name, system.name))

    renamed = [replace(one, system=named(one.system)) for one in found]
    return replace(evaluation, systems=tuple(map(named, evaluation.systems))), renamed


def _anchor_scores(graded: Graded, marks: Mapping[str, Mark], store: VerdictStore) -> dict[str, Mapping[str, float]]:
    evaluation = load_run(store, _run_of(marks, graded.stage))
    rows = read_rows(anchors.FILE.read_text(encoding="utf-8").splitlines())
    items = [one.item for one in rows]
    verdicts = counted_verdicts(items, judge=evaluation.judge, rubric=evaluation.rubric, store=store)
    return {str(one.id): verdicts[one.item.id].scores for one in rows if one.item.id in verdicts and verdicts[one.item.id].status == "ok"}  # fmt: skip


def _run_of(marks: Mapping[str, Mark], stage: Stage) -> int:
    return int(marks[stage.id].result["run"])
