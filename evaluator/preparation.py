"""From wishes, of the app's form or of `kullm eval run`, to an evaluation that can begin, with what it will do and cost.

All of it blocks: files, keys, the judge's list of models. It asks nobody and says nothing: whom text goes to (`leaving`), what may be
spent (`budget`) and what is amiss (`warnings`) are told to whoever prepares, and nothing is written before `keep_imported`.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from evaluator.answer_store import Answer, System, imported_answers, keep_answer, kept_answers
from evaluator.cost import Budget
from evaluator.decodings import DECODINGS, Decoding
from evaluator.either_way import require_batches
from evaluator.evaluation import Evaluation, judges_itself, refuse_same_names, without_reference
from evaluator.judge import Judge
from evaluator.judge_choice import chosen_judge, judge_again, judge_endpoint
from evaluator.judge_end import end_note
from evaluator.questions import PUBLIC_SETS, QuestionSet, is_at_hand, load_questions
from evaluator.rubric import Mode, Rubric, load_rubric
from evaluator.run_plan import RunPlan, plan_run, questions_for_planning
from evaluator.systems import answering_again, answering_system, imported_system
from evaluator.verdicts import VerdictStore
from kullm_tui.core import paths
from kullm_tui.core.asking.target import Target
from kullm_tui.core.config.settings import Config
from kullm_tui.core.endpoints.consent_text import Leaving
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.prices import users_prices_file

# What an estimate may fall short by before a run stops and asks again.
_ROOM = 1.5
_LEAST_DOLLARS = 0.05


@dataclass(frozen=True)
class Pick:
    """Something to evaluate: a model, with an adapter or without, or a file of answers."""

    model: str = ""
    adapter: str = ""
    file: str = ""
    name: str = ""  # of the system whose answers are in the file
    sha256: str = ""  # of a file that was read for an earlier run: its answers were kept, whatever became of it

    @property
    def title(self) -> str:
        if self.file:
            return self.name
        return f"{self.model}+{self.adapter}" if self.adapter else self.model


@dataclass(frozen=True)
class Wishes:
    questions: str = PUBLIC_SETS[0].name
    picks: tuple[Pick, ...] = ()
    decoding: Decoding = ""
    rubric: str = "kullm-2023-ko"
    judge: str | None = ""  # empty: the strongest that the key offers; None: nobody judges
    limit: float | None = None  # dollars
    mode: Mode | None = None  # the judge's, insisted on; None: the rubric's, or what the judge's server takes
    repeats: int = 1  # how often the judge is asked about each answer
    in_batches: bool = False  # it is judged within a day, at a part of the price


@dataclass(frozen=True)
class Prepared:
    """An evaluation that can begin."""

    evaluation: Evaluation
    targets: Mapping[str, Target]  # of the systems that still have to answer
    imported: Mapping[str, Mapping[str, Answer]]
    plan: RunPlan
    limit: float | None
    warnings: tuple[str, ...] = ()
    in_batches: bool = False

    @property
    def budget(self) -> Budget:
        """The user's limit, else a little more than what was shown before the run: nobody agreed to more. What is handed in as a
        batch cannot be stopped by what it turns out to cost, so without a limit all of what was shown is handed in."""
        shown = self.plan.estimate.dollars if self.plan.estimate else None
        if self.limit is not None or shown is None or self.in_batches:
            return Budget(self.limit)
        return Budget(max(shown * _ROOM, _LEAST_DOLLARS) if shown else None)

    @property
    def asks_the_judge(self) -> bool:
        return self.plan.unsaid is not None and self.plan.unsaid.asks_the_judge

    @property
    def leaving(self) -> list[tuple[Endpoint, Leaving]]:
        """Whom text will be sent to, and what: questions to a system, the answers with them to the judge."""
        asked = [target.endpoint for target in self.targets.values()]
        judged = [self.evaluation.judge.endpoint] if self.asks_the_judge else []
        sent: list[tuple[Endpoint, Leaving]] = [(one, "question") for one in asked if one and not one.local]
        return [*sent, *((one, "answer") for one in judged)]


@dataclass
class Preparing:
    """Prepares wish after wish; remembers what does not change between them."""

    config: Config
    store: VerdictStore
    _judges: dict[tuple[object, ...], Judge] = field(default_factory=dict)
    _ends: dict[tuple[str, str], str] = field(default_factory=dict)
    _systems: dict[tuple[Pick, Decoding], tuple[Target, System]] = field(default_factory=dict)

    def prepared(self, wishes: Wishes, *, fetch: bool = False) -> Prepared:
        """KullmError for what is missing or wrong. With `fetch` a public set is fetched if need be."""
        if not wishes.picks:
            raise UsageError(say("평가할 시스템을 하나 이상 골라 주세요.", "Choose one system or more to evaluate."))
        rubric = load_rubric(wishes.rubric)
        imports = any(pick.file for pick in wishes.picks)  # by their question, so the questions are needed
        questions = (load_questions if fetch or imports else questions_for_planning)(wishes.questions)
        targets: dict[str, Target] = {}
        imported: dict[str, Mapping[str, Answer]] = {}
        systems = []
        for pick in wishes.picks:
            if pick.file:
                system, imported[pick.title] = self._imported(pick, questions)
            else:
                target, system = self._answering(pick, wishes.decoding)
                targets[system.name] = target
            systems.append(system)
        refuse_same_names(systems)
        judge = nobody() if wishes.judge is None else self._judge(wishes.judge, wishes.mode, rubric)
        names = (paths.lasting(wishes.questions), paths.lasting(wishes.rubric))
        evaluation = Evaluation(names[0], questions, tuple(systems), judge, rubric, names[1], wishes.repeats)
        at_hand = _at_hand(wishes.questions)
        plan = plan_run(evaluation, self.store, imported, at_hand=at_hand, in_batches=wishes.in_batches)
        _refuse_unknown_price(wishes, judge, plan)
        asked = {name: target for name, target in targets.items() if plan.answers.get(name)}
        warnings = self._warnings(evaluation, plan)
        prepared = Prepared(evaluation, asked, imported, plan, wishes.limit, warnings, wishes.in_batches)
        if plan.unsaid:
            require_batches(plan.unsaid, judge)  # before an hour of answers, not after
        return prepared

    def _imported(self, pick: Pick, questions: QuestionSet) -> tuple[System, Mapping[str, Answer]]:
        if not pick.sha256:
            return answers_of_file(pick, questions)
        system = imported_system(pick.name, Path(pick.file), pick.sha256)
        return system, kept_answers(self.store, system, questions.questions)

    def again(self, evaluation: Evaluation) -> Prepared:
        """A run that is taken up: whoever has answers missing is asked as before, and the judge with today's key. One of which
        something is handed in is judged in batches to its end."""
        plan = plan_run(evaluation, self.store)
        in_batches = bool(plan.handed_in)
        if in_batches:
            plan = plan_run(evaluation, self.store, in_batches=True)
        asked = [one for one in evaluation.systems if plan.answers.get(one.name)]
        targets = {one.name: target for one in asked if (target := answering_again(one, self.config))}
        if plan.unsaid and plan.unsaid.asks_the_judge:
            evaluation = with_key(evaluation, self.config)
        return Prepared(evaluation, targets, {}, plan, None, self._warnings(evaluation, plan), in_batches)

    def _answering(self, pick: Pick, decoding: Decoding) -> tuple[Target, System]:
        if (pick, decoding) not in self._systems:
            fields = DECODINGS[decoding]
            self._systems[pick, decoding] = answering_system(pick.model, self.config, fields, adapter=pick.adapter)
        return self._systems[pick, decoding]

    def _judge(self, name: str, mode: Mode | None, rubric: Rubric) -> Judge:
        endpoint, _ = judge_endpoint(name, self.config.endpoints)
        known = (name, mode, rubric.mode, endpoint)
        if known not in self._judges:
            chosen = chosen_judge(name, mode or rubric.mode, self.config.endpoints, insists=mode is not None)
            self._judges[known] = asyncio.run(chosen)
        return self._judges[known]

    def _warnings(self, evaluation: Evaluation, plan: RunPlan) -> tuple[str, ...]:
        judge = evaluation.judge
        if not judge.model:
            return ()
        known = (judge.model, judge.endpoint.base_url)
        if known not in self._ends and plan.estimate and plan.estimate.calls:
            self._ends[known] = asyncio.run(end_note(judge))
        of_itself = (
            say(
                f"{name}: 채점자가 자기 답을 채점해요. 점수가 후할 수 있어요.",
                f"{name} judges itself: its scores may be generous.",
            )
            for name in judges_itself(evaluation)
        )
        return tuple(filter(None, (self._ends.get(known, ""), *of_itself, without_reference(evaluation))))


def nobody() -> Judge:
    """The judge of an evaluation that people alone rate."""
    return Judge(Endpoint("", ""), "", "paper")


def keep_imported(prepared: Prepared, store: VerdictStore) -> None:
    for system in prepared.evaluation.systems:
        for question in prepared.evaluation.questions.questions:
            answer = prepared.imported.get(system.name, {}).get(question.id)
            if answer:
                keep_answer(store, system, question, answer)


def with_key(evaluation: Evaluation, config: Config) -> Evaluation:
    """The judge as it was, with the key that is there now. ConfigError where that key is for another address."""
    return replace(evaluation, judge=judge_again(evaluation.judge, config.endpoints))


def wishes_of(plan: Mapping[str, Any]) -> Wishes:
    """The form as it would have been filled in for a run with this plan."""
    systems = [(str(one["name"]), one["source"]) for one in plan["systems"]]
    said = [source.get("decoding") for _, source in systems]
    decoding: Decoding = next((name for name, fields in DECODINGS.items() if name and fields in said), "")
    picks = tuple(_pick(name, source) for name, source in systems)
    named = plan["judge"] if plan["endpoint"] == "openai" else f"{plan['endpoint']}/{plan['judge']}"
    judge = named if plan["judge"] else None
    return Wishes(plan["set"], picks, decoding, plan["rubric"], judge, repeats=plan.get("repeats", 1))


def _pick(name: str, source: Mapping[str, Any]) -> Pick:
    if "model" not in source:
        return Pick(file=str(source["file"]), name=name, sha256=str(source["sha256"]))
    if "adapter" not in source:
        return Pick(name)
    model = str(source["model"])
    return Pick(model, name.removeprefix(f"{model}+"))


def answers_of_file(pick: Pick, questions: QuestionSet) -> tuple[System, Mapping[str, Answer]]:
    path = paths.typed(pick.file)
    try:
        content = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{pick.file}: {error}") from error
    digest = hashlib.sha256(content.encode()).hexdigest()
    return imported_system(pick.name, path, digest), imported_answers(content.split("\n"), questions, pick.file)


def _refuse_unknown_price(wishes: Wishes, judge: Judge, plan: RunPlan) -> None:
    if wishes.limit is not None and plan.estimate and plan.estimate.dollars is None:
        raise UsageError(
            say(
                f"{judge.model}의 가격을 몰라서 예산을 지킬 수 없어요. {users_prices_file()}에 적거나 예산을 비워 주세요.",
                f"The price of {judge.model} is not known, so the budget cannot be kept. Put it into "
                f"{users_prices_file()}, or leave the budget empty.",
            )
        )


def _at_hand(name: str) -> bool:
    return all(is_at_hand(one) for one in PUBLIC_SETS if one.name == name)
