"""What a study will take, before it begins: characters, calls, hours, memory, money, disk, each figure with where it comes from.

Done stages take nothing any more. Nothing is fetched or sent for it: what was measured is read, what is recorded is looked up, and the
rest is assumed and says so.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from data.making import source_of
from data.manifest import SourceChoice
from evaluator.answer_store import System
from evaluator.cost import estimated
from evaluator.evaluation import Evaluation
from evaluator.judge import Judge
from evaluator.judge_choice import judge_address
from evaluator.judge_table import judge_parameters, judge_table
from evaluator.questions import QuestionSet
from evaluator.rows import read_rows
from evaluator.rubric import load_rubric
from evaluator.run_plan import plan_run as plan_evaluation
from evaluator.run_plan import questions_for_planning
from evaluator.verdict_file import open_verdicts
from evaluator.verdicts import VerdictStore
from kullm_tui.core.config.settings import MachineSettings, load_config
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.prices import character_price
from kullm_tui.studies import anchors, questions
from kullm_tui.studies.marks import mark_of
from kullm_tui.studies.stages import Plan, Stage, is_translated, recipe_of
from kullm_tui.studies.study import Base
from trainer.estimate.estimate import Plan as TrainingPlan
from trainer.estimate.estimate import plan_run as plan_training
from trainer.estimate.figures import Basis
from trainer.estimate.machines import Machine, machine_named, this_machine
from trainer.estimate.tokens import Lengths, recorded_lengths
from trainer.jobs.machines import known_machines, machine_settings
from trainer.jobs.prospect import price_of_an_hour
from trainer.jobs.tokenising import cached_lengths
from trainer.recipe import Recipe

Unit = Literal[
    "rows", "characters", "calls", "tokens", "answers", "seconds", "gpu-seconds", "bytes", "memory", "dollars"
]

_USUAL_ROW = 900  # characters of a row of which nobody counted any
_BYTES_A_CHARACTER = 3
_COPIES = 4  # of the rows: as read, cleaned, translated and filtered, and as files
_ANSWER_SECONDS = {True: 1.0, False: 20.0}  # of the demo, of a model of billions on a processor
_JUDGE_SECONDS = 1.0
_KULLM = "nlpai-lab/kullm-v2"  # whose rows are those of the paper's sources, translated
_BASES: Mapping[str, Basis] = {"counted": "measured", "card": "recorded", "paper": "recorded", "listing": "recorded", "others": "recorded"}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """One figure of one stage. `value` None: nobody knows it."""

    stage: str
    unit: Unit
    value: float | None
    basis: Basis
    about: str = ""


@dataclass(frozen=True)
class Bill:
    items: tuple[Item, ...]
    notes: tuple[str, ...] = ()

    def total(self, unit: Unit) -> tuple[float, bool]:
        """The sum of what is known, and whether all is. Of memory it is the most at once."""
        values = [one.value for one in self.items if one.unit == unit]
        known = [value for value in values if value is not None]
        return (max(known, default=0.0) if unit == "memory" else sum(known)), len(known) == len(values)

    def as_json(self) -> dict[str, Any]:
        units = dict.fromkeys(one.unit for one in self.items)
        totals = {unit: dict(zip(("value", "complete"), self.total(unit), strict=True)) for unit in units}
        return {"items": [asdict(one) for one in self.items], "totals": totals, "notes": list(self.notes)}


def bill_of(plan: Plan) -> Bill:
    items, notes = list[Item](), list[str]()
    waiting = [one for one in plan.stages if mark_of(plan.study.name, one) is None]
    for stage in waiting:
        if stage.kind == "mixtures":
            items += _of_mixtures(plan, stage)
        elif stage.kind == "training":
            items += _of_training(plan, stage, notes)
        elif stage.kind == "answers":
            items += _of_answers(plan, stage)
    with open_verdicts(notes.append) as store:
        for stage in waiting:
            if stage.kind in ("scores", "anchors") and "--known" not in stage.command:
                items += _of_judge(plan, stage, store)
    return Bill(tuple(items), tuple(dict.fromkeys(notes)))


def _of_mixtures(plan: Plan, stage: Stage) -> Iterator[Item]:
    mixture = plan.study.made_mixtures
    rows = sum(rows_of(one) for one in mixture.sources)
    yield Item(stage.id, "rows", rows, "recorded")
    if not is_translated(mixture):
        return
    service, dollars = mixture.translation.translator, 0.0
    worst: Basis = "recorded"
    mark = mark_of(plan.study.name, plan.stage("sources"))
    if mark and "to_pay" in mark.result:  # everything up to the translation was done for it
        yield Item(stage.id, "characters", mark.result["to_pay"], "measured", service)
        yield Item(stage.id, "dollars", mark.result.get("dollars"), "measured", service)
        return
    price = character_price(service)
    for choice in mixture.sources:
        count, basis = characters_of(choice)
        if count:
            yield Item(stage.id, "characters", count, basis, f"{choice.name} → {service}")
            worst = "assumed" if basis == "assumed" else worst
            dollars += count * price.characters / 1e6 if price else 0.0
    about = f"{service}, {price.as_of}" if price else service
    yield Item(stage.id, "dollars", dollars if price else None, worst if price else "assumed", about)
    characters = sum(characters_of(one)[0] for one in mixture.sources)
    yield Item(stage.id, "bytes", characters * _BYTES_A_CHARACTER * _COPIES, "assumed", say("데이터", "data"))


def rows_of(choice: SourceChoice) -> int:
    known = source_of(choice).rows
    return min(choice.rows, known) if choice.rows and known else choice.rows or known


def characters_of(choice: SourceChoice) -> tuple[float, Basis]:
    """To translate of a source; 0 of a Korean one."""
    source = source_of(choice)
    if (choice.language or ",".join(source.languages)) == "ko":
        return 0, "recorded"
    share = rows_of(choice) / source.rows if source.rows else 1.0
    if source.characters:
        return source.characters * share, _BASES.get(source.characters_from, "assumed")
    if source.bytes:
        return source.bytes * share, "assumed"
    return rows_of(choice) * _USUAL_ROW, "assumed"


def _of_training(plan: Plan, stage: Stage, notes: list[str]) -> Iterator[Item]:
    base = next(one for one in plan.study.bases if one.name == stage.base)
    recipe = recipe_of(plan.study, stage)
    machine, settings = machine_of(base)
    if machine is None:
        notes.append(_unknown_cards(base))
        yield Item(stage.id, "seconds", None, "assumed", base.on)
        return
    try:
        lengths = _lengths(plan, stage, recipe)
        found = plan_training(
            recipe, machine, lengths=lengths, measure=lambda _facts: None
        )  # what was measured is read
    except KullmError as error:
        notes.append(f"{stage.id}: {error}")
        yield Item(stage.id, "seconds", None, "assumed", machine.name)
        return
    if not found.fit.fits:
        notes.append(_does_not_fit(stage, found))
        if not base.on:
            notes.append(_machines_of_the_configuration())
    duration = found.duration.seconds
    yield Item(stage.id, "tokens", found.tokens.value, found.tokens.basis, base.recipe)
    yield Item(stage.id, "memory", found.fit.memory.total, "computed", f"{machine.name}")
    yield Item(stage.id, "seconds", duration.value, duration.basis, machine.name)
    if machine.gpu:
        yield Item(stage.id, "gpu-seconds", duration.value * machine.count, duration.basis, machine.name)
    if settings:
        hour = price_of_an_hour(settings)
        price = None if hour is None else hour * duration.value / 3600
        yield Item(stage.id, "dollars", price, duration.basis if price is not None else "assumed", settings.name)
    yield from _disk(plan, stage, found)


def _disk(plan: Plan, stage: Stage, found: TrainingPlan) -> Iterator[Item]:
    """The base once, whatever is trained over it."""
    first = next(one for one in plan.of("training") if one.base == stage.base) == stage
    for name, figure in found.disk.items():
        if first or name not in ("download", "quantised"):
            yield Item(stage.id, "bytes", figure.value, figure.basis, name)


def _does_not_fit(stage: Stage, found: TrainingPlan) -> str:
    card = found.fit.advice.card
    return say(
        f"{stage.id}: {found.machine.name}의 메모리에 들어가지 않아요."
        + (f" 들어가는 장비: --on {card}" if card else ""),
        f"{stage.id}: does not fit the memory of {found.machine.name}." + (f" This would: --on {card}" if card else ""),
    )


def _machines_of_the_configuration() -> str:
    listed = ", ".join(f"--on {one.name}" for one in known_machines())
    if listed:
        return say(
            f"설정에 있는 장비에서 학습하려면: {listed}", f"To train on a machine of the configuration: {listed}"
        )
    return say(
        "다른 장비에서 학습하려면 `kullm machines add`로 추가한 다음 --on으로 고르세요.",
        "To train on another machine, add it with `kullm machines add` and name it with --on.",
    )


def _unknown_cards(base: Base) -> str:
    return say(
        f'{base.on}: 설정에 gpus가 없어서 걸릴 시간을 몰라요. 예: gpus = "4xA100-80GB"',
        f'{base.on}: its hours are not known, since the configuration names no gpus for it, as in gpus = "4xA100-80GB"',
    )


def machine_of(base: Base) -> tuple[Machine | None, MachineSettings | None]:
    """Of the configuration, by its cards as they are written there; or this one; or one that is only reckoned with."""
    settings = machine_settings(base.on) if base.on else None
    if settings:
        return (machine_named(settings.gpus) if settings.gpus else None), settings
    return (machine_named(base.on) if base.on else this_machine()), None


def _lengths(plan: Plan, stage: Stage, recipe: Recipe) -> Lengths:
    """Of the made rows where they were made into tokens, else of what is recorded of their sources."""
    (build,) = plan.of("mixtures")
    base = next(one for one in plan.study.bases if one.name == stage.base)
    file = Path(build.makes) / f"{stage.mixture}.jsonl"
    if file.is_file():
        measured = cached_lengths(base.recipe_over(file), resolve(recipe.model.base).folder)
        if measured:
            return measured
    mixture = plan.study.made_mixtures
    names = mixture.outputs.get(stage.mixture) or tuple(one.name for one in mixture.sources)
    parts = [_recorded(one, recipe) for one in mixture.sources if one.name in names]
    return _together(parts)


def _recorded(choice: SourceChoice, recipe: Recipe) -> Lengths:
    own = source_of(choice).own
    known = own.replace("demo-", "demo:") if own.startswith("demo-") else "demo:kullm" if own == "demo" else _KULLM
    lengths = recorded_lengths(replace(recipe, data=replace(recipe.data, source=known)))
    rows = rows_of(choice) or lengths.rows
    return replace(lengths, rows=rows, basis=lengths.basis if own or choice.name == _KULLM else "assumed")


def _together(parts: Sequence[Lengths]) -> Lengths:
    rows = sum(one.rows for one in parts)

    def mean(values: Sequence[float]) -> float:
        return sum(one.rows * value for one, value in zip(parts, values, strict=True)) / max(rows, 1)

    return replace(
        parts[0],
        rows=rows,
        mean=mean([one.mean for one in parts]),
        mean_square=mean([one.mean_square for one in parts]),
        longest=max(one.longest for one in parts),
        trained_share=mean([one.trained_share for one in parts]),
        basis="assumed" if any(one.basis == "assumed" for one in parts) else "recorded",
    )


def _of_answers(plan: Plan, stage: Stage) -> Iterator[Item]:
    count = questions.count(plan.study)
    yield Item(stage.id, "answers", count, "recorded")
    done = [mark for one in plan.of("answers") if (mark := mark_of(plan.study.name, one))]
    if done:
        yield Item(stage.id, "seconds", sum(one.seconds for one in done) / len(done), "measured")
        return
    is_small = any(recipe_of(plan.study, one).model.base == "demo-base" for one in plan.of("training"))
    yield Item(stage.id, "seconds", count * _ANSWER_SECONDS[is_small], "assumed")


def _of_judge(plan: Plan, stage: Stage, store: VerdictStore) -> Iterator[Item]:
    """By stand-ins as long as answers usually are; no list of models is asked for."""
    name = stage.id.partition("/")[2]
    settings, model = judge_address(name, load_config().endpoints)
    model = model or judge_table().preferred[0]
    rubric = load_rubric(plan.study.rubric)
    judge = Judge(Endpoint(settings.name, settings.base_url), model, rubric.mode, judge_parameters(model))
    if stage.kind == "anchors":
        rows = read_rows(anchors.FILE.read_text(encoding="utf-8").splitlines())
        estimate = estimated(judge, rubric, [one.item for one in rows])
    else:
        asked = _questions(plan)
        systems = tuple(System(one.title, {"model": one.title}) for one in plan.of("answers"))
        found = plan_evaluation(Evaluation(asked.name, asked, systems, judge, rubric, plan.study.rubric), store)
        assert found.estimate
        estimate = found.estimate
    yield Item(stage.id, "calls", estimate.calls, "computed", model)
    yield Item(stage.id, "tokens", estimate.input_tokens + estimate.output_tokens, "assumed", model)
    about = f"{model}, {estimate.as_of}" if estimate.as_of else model
    yield Item(stage.id, "dollars", estimate.dollars, "assumed", about)
    yield Item(stage.id, "seconds", estimate.calls * _JUDGE_SECONDS, "assumed", model)


def _questions(plan: Plan) -> QuestionSet:
    return questions_for_planning(questions.asked_for(plan.study))
