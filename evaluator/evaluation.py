"""An evaluation: systems, their answers to one question set, and one judge's verdicts by one rubric. Kept as a plan that runs again."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from evaluator.answer_store import Answer, System, kept_answers
from evaluator.buying import UnderWay
from evaluator.cost import Budget
from evaluator.either_way import judge_either_way
from evaluator.judge import Judge, is_its_own_judge
from evaluator.judging import Outcome
from evaluator.questions import QuestionSet, load_questions
from evaluator.rounds import Rounds, judges_version, repeated
from evaluator.rubric import Rubric, load_rubric
from evaluator.turns import is_askable, judged_item
from evaluator.unread import counted_verdicts
from evaluator.verdict import Item, Verdict
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import JudgingSettings
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import ConfigError, KullmError
from kullm_tui.core.language import say

_BETWEEN = "\x1f"  # system and question in an item's id; in neither of them


@dataclass(frozen=True)
class Evaluation:
    set_name: str  # a public set, or a file
    questions: QuestionSet
    systems: tuple[System, ...]
    judge: Judge
    rubric: Rubric
    rubric_name: str  # as it was asked for: a shipped one, or a file
    repeats: int = 1  # how often the judge is asked about each answer


@dataclass(frozen=True)
class SystemResult:
    system: System
    answers: Mapping[str, Answer]  # by the question's id
    verdicts: Mapping[str, Verdict]
    others: Mapping[str, Verdict] = field(
        default_factory=dict
    )  # by another version of the judge, so never averaged with these


def evaluation_items(evaluation: Evaluation, store: VerdictStore) -> list[Item]:
    """Every answer that is there, as something to judge."""
    items = []
    for system in evaluation.systems:
        answers = kept_answers(store, system, evaluation.questions.questions)
        items += [
            judged_item(f"{system.name}{_BETWEEN}{one.id}", one, answers, evaluation.rubric)
            for one in evaluation.questions.questions
            if one.id in answers and is_askable(one, answers)
        ]
    return items


def evaluation_rounds(evaluation: Evaluation, store: VerdictStore) -> Rounds:
    """What is judged, as often as it is."""
    return repeated(evaluation_items(evaluation, store), evaluation.repeats)


def system_of(item_id: str) -> str:
    """Whose answer an item is."""
    return item_place(item_id)[0]


async def judge_evaluation(
    evaluation: Evaluation,
    *,
    store: VerdictStore,
    budget: Budget | None = None,
    in_batches: bool = False,
    calls: JudgingSettings | None = None,
    under_way: UnderWay | None = None,
    told: Callable[[Verdict], None] | None = None,
    narrate: Callable[[str], None] = lambda _words: None,
) -> Outcome:
    return await judge_either_way(
        await asyncio.to_thread(evaluation_rounds, evaluation, store),
        judge=evaluation.judge,
        rubric=evaluation.rubric,
        store=store,
        budget=budget or Budget(),
        in_batches=in_batches,
        calls=calls,
        under_way=under_way,
        told=told,
        narrate=narrate,
    )


def results(evaluation: Evaluation, store: VerdictStore) -> list[SystemResult]:
    """What is kept, system by system, and why what could not be had is missing; nothing is asked."""
    items = evaluation_items(evaluation, store)
    verdicts = counted_verdicts(
        items, judge=evaluation.judge, rubric=evaluation.rubric, store=store, repeats=evaluation.repeats
    )
    version = judges_version(verdicts.values())
    found = []
    for system in evaluation.systems:
        answers = kept_answers(store, system, evaluation.questions.questions)
        own = {item_place(name)[1]: verdict for name, verdict in verdicts.items() if system_of(name) == system.name}
        others = {name: one for name, one in own.items() if one.answered_by not in (version, "")}
        same = {name: one for name, one in own.items() if name not in others}
        found.append(SystemResult(system, answers, same, others))
    return found


def judges_itself(evaluation: Evaluation) -> list[str]:
    """Systems that are the judge: it favours its own words."""
    judge = evaluation.judge.model
    named = {system.name: (system.name, str(system.source.get("model", ""))) for system in evaluation.systems}
    return [name for name, models in named.items() if any(is_its_own_judge(judge, model) for model in models)]


def without_reference(evaluation: Evaluation) -> str:
    """What to know where the rubric shows a reference and some questions have none; empty where nothing is amiss."""
    questions = evaluation.questions.questions
    bare = sum(not one.right_answer for one in questions)
    if not (evaluation.rubric.uses_reference and bare):
        return ""
    return say(
        f"질문 {len(questions)}개 중 {bare}개에는 reference가 없어요. 그 질문은 모범 답안 없이 채점돼요.",
        f"{bare} of {len(questions)} questions have no reference; their answers are judged without one.",
    )


def item_place(item_id: str) -> tuple[str, str]:
    """An item's system and question."""
    system, _, question = item_id.partition(_BETWEEN)
    return system, question


def keep_run(evaluation: Evaluation, store: VerdictStore) -> int:
    """The plan under a number; the same plan keeps its number."""
    plan = json.dumps(_plan(evaluation), ensure_ascii=False, sort_keys=True)
    with store.database.transaction() as connection:
        known = connection.execute("SELECT id FROM runs WHERE plan = ?", (plan,)).fetchone()
        if known:
            connection.execute("UPDATE runs SET created = ? WHERE id = ?", (time.time(), known["id"]))
            return int(known["id"])
        row = connection.execute("INSERT INTO runs (created, plan) VALUES (?, ?)", (time.time(), plan))
    return int(row.lastrowid or 0)


def change_judge(evaluation: Evaluation, judge: Judge, store: VerdictStore, number: int) -> Evaluation:
    """The run as its judge really was asked, under its number; an older run with the same plan gives way to it."""
    changed = replace(evaluation, judge=judge)
    plan = json.dumps(_plan(changed), ensure_ascii=False, sort_keys=True)
    with store.database.transaction() as connection:
        connection.execute("DELETE FROM runs WHERE plan = ? AND id != ?", (plan, number))
        connection.execute("UPDATE runs SET plan = ? WHERE id = ?", (plan, number))
    return changed


def load_run(store: VerdictStore, number: int | None = None) -> Evaluation:
    """The run of that number, or the last one. ConfigError where its questions or rubric have changed since."""
    which = "ORDER BY created DESC LIMIT 1" if number is None else "WHERE id = ?"
    with store.database.reading() as connection:
        row = connection.execute(f"SELECT plan FROM runs {which}", () if number is None else (number,)).fetchone()
    if row is None:
        raise KullmError(
            say(
                "평가가 없어요. `kullm eval run`으로 시작하세요.",
                "there is no evaluation. Start one with `kullm eval run`.",
            )
        )
    plan = json.loads(row["plan"])
    questions, rubric = load_questions(plan["set"]), load_rubric(plan["rubric"])
    for kind, now, then in (
        (plan["set"], questions.sha256, plan["set_sha256"]),
        (plan["rubric"], rubric.sha256, plan["rubric_sha256"]),
    ):
        if now != then:
            raise ConfigError(
                say(
                    f"{kind}: 평가한 뒤로 내용이 바뀌어 그때의 점수와 섞을 수 없어요. `kullm eval run`으로 새로 평가하세요.",
                    f"{kind} has changed since, and its scores are not mixed with those of then. Run it anew with `kullm eval run`.",
                )
            )
    systems = tuple(System(one["name"], one["source"]) for one in plan["systems"])
    judge = Judge(Endpoint(plan["endpoint"], plan["base_url"]), plan["judge"], plan["mode"], plan["parameters"])
    return Evaluation(plan["set"], questions, systems, judge, rubric, plan["rubric"], plan.get("repeats", 1))


def refuse_same_names(systems: Sequence[System]) -> None:
    names = [system.name for system in systems]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise KullmError(say(f"{twice}: 두 번 나와요.", f"{twice} is named twice."))


def _plan(evaluation: Evaluation) -> dict[str, Any]:
    judge = evaluation.judge
    return {
        "set": evaluation.set_name,
        "set_sha256": evaluation.questions.sha256,
        "systems": [{"name": one.name, "source": dict(one.source)} for one in evaluation.systems],
        "rubric": evaluation.rubric_name,
        "rubric_sha256": evaluation.rubric.sha256,
        "judge": judge.model,
        "endpoint": judge.endpoint.name,
        "base_url": judge.endpoint.base_url,
        "mode": judge.mode,
        "parameters": dict(judge.parameters),
        **({"repeats": evaluation.repeats} if evaluation.repeats > 1 else {}),
    }
