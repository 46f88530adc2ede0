"""A study as its stages: each is one command that a person could give, under the key of everything that decides what comes of it.

    sources → mixtures → a training for each base and mixture → each model's answers → each grader's scores → the report

A key is the hash of what a stage is told and of the keys that it needs, so a change at one place makes anew what stands on it, and
nothing else. Where a stage's folder or adapter lies, and what it is called, follows from its key.
"""

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data.demo import corpus
from data.making import source_of
from data.manifest import Mixture, mixture_file
from data.sources.files import digest_of
from evaluator.rubric import load_rubric
from kullm_tui.core import paths
from kullm_tui.core.config.settings import load_config
from kullm_tui.core.language import say
from kullm_tui.core.text import safe_line
from kullm_tui.studies import anchors, questions
from kullm_tui.studies.names import names_begun, trained_name
from kullm_tui.studies.shelf import as_typed
from kullm_tui.studies.study import Base, Study
from trainer.jobs.machines import machine_settings
from trainer.recipe import Recipe, recipe_dict

Kind = Literal["sources", "mixtures", "training", "answers", "scores", "anchors", "report"]

KNOWN = "known"  # the grader that is no judge
_SHORT = 6
_LAYOUT = 1  # of the report: what changes it makes every report anew


@dataclass(frozen=True)
class Stage:
    id: str
    kind: Kind
    title: str  # within its kind: a mixture, a model, a grader
    key: str
    command: tuple[str, ...]  # behind `kullm`
    needs: tuple[str, ...] = ()  # ids
    makes: str = ""  # a folder's path, or the name of an adapter or model
    base: str = ""  # of a training or a trained model, as the study calls it
    mixture: str = ""

    @property
    def shown_command(self) -> str:
        """As a person would give it."""
        return safe_line(shlex.join(("kullm", *(word for word in self.command if word != "--json"))))

    @property
    def spends(self) -> bool:
        """It may send text away and cost money; who runs it unattended has agreed to that."""
        return "--yes" in self.command


@dataclass(frozen=True)
class Plan:
    study: Study
    stages: tuple[Stage, ...]
    judges: tuple[str, ...]  # empty text: the strongest that the key offers

    def of(self, *kinds: Kind) -> tuple[Stage, ...]:
        return tuple(one for one in self.stages if one.kind in kinds)

    def stage(self, identity: str) -> Stage:
        return next(one for one in self.stages if one.id == identity)


def kind_text(kind: Kind) -> str:
    return {
        "sources": say("소스", "sources"),
        "mixtures": say("혼합", "mixtures"),
        "training": say("학습", "trainings"),
        "answers": say("답", "answers"),
        "scores": say("점수", "scores"),
        "anchors": say("기준 답", "anchors"),
        "report": say("보고서", "report"),
    }[kind]


def plan_of(study: Study, *, judges: Sequence[str] = ()) -> Plan:
    """`judges`: asked beside those that the study names. Nothing is begun, fetched or sent."""
    named = (*study.judges, *judges) or (("",) if study.judged else ())
    asked = tuple(dict.fromkeys(named))
    made = list(_data(study))
    made += _trainings(study, made[-1])
    made += _answers(study, made)
    made += _scores(study, asked, made)
    known = "".join(one.key for one in made)
    needs = tuple(one.id for one in made if one.kind in ("scores", "anchors"))
    options = tuple(word for judge in judges for word in ("--judge", judge))
    report = Stage(
        "report",
        "report",
        say("표, 그림, 보고서", "table, figure, report"),
        _key(known, _LAYOUT, say("ko", "en")),
        ("paper", "--study", as_typed(study), *options, "--report"),
        needs,
        str(paths.study_dir(study.name) / "report"),
    )
    return Plan(study, (*made, report), asked)


def whole_command(study: str, *, judges: Sequence[str] = (), machine: str = "") -> str:
    """What carries all of it out in a shell. `study`: as `--study` takes it."""
    on = ("--on", machine) if machine else ()
    asked = (word for judge in judges for word in ("--judge", judge))
    return safe_line(shlex.join(("kullm", "paper", "--study", study, *on, *asked)))


def _data(study: Study) -> Iterator[Stage]:
    mixture = study.made_mixtures
    key = _key(mixture_file(study.mixture).read_text(encoding="utf-8-sig"), *_sources_of(mixture))
    folder = paths.study_dir(study.name) / f"data-{key[:_SHORT]}"
    yield Stage("sources", "sources", mixture.name, _key("sources", key), ("data", "estimate", study.mixture, "--json"))
    agreed = ("--yes",) if is_translated(mixture) else ()
    build = ("data", "build", study.mixture, "--out", str(folder), *agreed, "--json")
    yield Stage("mixtures", "mixtures", mixture.name, key, build, ("sources",), str(folder))


def is_translated(mixture: Mixture) -> bool:
    """Some of it goes to a translator, which costs money."""
    return any((choice.language or ",".join(source_of(choice).languages)) != "ko" for choice in mixture.sources)


def _sources_of(mixture: Mixture) -> Iterator[object]:
    """What decides the rows that are read, as far as it is known before anything is fetched."""
    for choice in mixture.sources:
        source = source_of(choice)
        yield source.as_json()
        if source.own.startswith("demo"):
            yield digest_of(corpus.made_from())
        elif not (source.own or source.repository or source.url):
            yield digest_of([paths.typed(name) for name in source.files if paths.typed(name).is_file()])


def _trainings(study: Study, build: Stage) -> Iterator[Stage]:
    begun = names_begun()
    for base in study.bases:
        for mixture in study.mixtures_of(base):
            data = Path(build.makes) / f"{mixture}.jsonl"
            recipe = base.recipe_over(data)
            told = {**recipe_dict(recipe), "data": {**recipe_dict(recipe)["data"], "source": mixture}}
            key = _key("training", told, build.key)
            name = trained_name((study.name, base.name, mixture), key, begun)
            yield Stage(
                f"training/{base.name}/{mixture}",
                "training",
                f"{base.name} · {mixture}",
                key,
                _train_command(base, data, name),
                (build.id,),
                name,
                base.name,
                mixture,
            )


def _train_command(base: Base, data: Path, name: str) -> tuple[str, ...]:
    settings = [word for one in (*base.set, f"data.source={data}") for word in ("--set", one)]
    machine = ("--on", base.on) if base.on else ()
    agreed = ("--yes",) if _costs(base.on) else ()
    return ("train", base.recipe, *settings, *machine, "--name", name, *agreed, "--json")


def _costs(machine: str) -> bool:
    """Its hours are paid for."""
    found = machine_settings(machine)
    return found is not None and (found.is_rented or found.price_per_hour is not None)


def _answers(study: Study, before: Sequence[Stage]) -> Iterator[Stage]:
    asked = ("--set", questions.asked_for(study), *_decoding(study))
    told = (questions.digest(study), study.decoding)
    endpoints = [one.name for one in load_config().endpoints]
    for model in study.models:
        agreed = ("--yes",) if model.partition("/")[0] in endpoints else ()
        command = ("eval", "run", "-m", model, *asked, "--answers-only", *agreed, "--json")
        yield Stage(f"answers/{model}", "answers", model, _key("answers", model, *told), command)
    for one in before:
        if one.kind == "training":
            command = ("eval", "run", "-m", model_name(study, one), *asked, "--answers-only", "--json")
            key = _key("answers", one.key, *told)
            identity = f"answers/{one.base}/{one.mixture}"
            yield Stage(identity, "answers", one.title, key, command, (one.id,), base=one.base, mixture=one.mixture)


def _scores(study: Study, judges: Sequence[str], before: Sequence[Stage]) -> Iterator[Stage]:
    answered = [one for one in before if one.kind == "answers"]
    trained = {(one.base, one.mixture): one for one in before if one.kind == "training"}
    models = ",".join(model_name(study, trained[one.base, one.mixture]) if one.base else one.title for one in answered)
    asked = ("eval", "run", "-m", models, "--set", questions.asked_for(study), *_decoding(study))
    keys, needs = [one.key for one in answered], tuple(one.id for one in answered)
    if study.known:
        title = say("알려진 정답(오프라인)", "known answers (offline)")
        yield Stage("scores/known", "scores", title, _key(KNOWN, keys), (*asked, "--known", "--json"), needs)
    for judge in judges:
        title = judge or say("가장 강한 채점자", "the strongest judge")
        named = ("--judge-model", judge) if judge else ()
        by = ("--rubric", study.rubric, *named, "--yes", "--json")
        told = (judge, load_rubric(study.rubric).sha256)
        yield Stage(f"scores/{judge}", "scores", title, _key("scores", keys, *told), (*asked, *by), needs)
        frozen = ("judge", str(anchors.FILE), *by)
        yield Stage(f"anchors/{judge}", "anchors", title, _key("anchors", anchors.digest(), *told), frozen)


def _decoding(study: Study) -> tuple[str, ...]:
    return ("--decoding", study.decoding) if study.decoding else ()


def model_name(study: Study, training: Stage) -> str:
    """As `-m` takes what was trained."""
    recipe = recipe_of(study, training)
    return training.makes if recipe.method.kind == "full" else f"{recipe.model.base}+{training.makes}"


def recipe_of(study: Study, training: Stage) -> Recipe:
    base = next(one for one in study.bases if one.name == training.base)
    return base.recipe_over(training.mixture)


def _key(*parts: object) -> str:
    told = json.dumps(parts, ensure_ascii=False, sort_keys=True, default=_as_plain)
    return hashlib.sha256(told.encode()).hexdigest()


def _as_plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else list(value) if isinstance(value, Sequence) else str(value)
