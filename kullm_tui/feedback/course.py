"""What a job is taught by its user's feedback: the lessons' training part with rows of the original mixture, and what is held out of it.

    lessons.jsonl    pairs and rows, and behind them the rows that are learnt again
    held-out.jsonl   the pairs and rows of other questions, for `kullm eval before-after`
    lessons.json     from which conversations, how many of each kind, what was left out and why: it goes into the adapter's card

They lie in the job's own folder, so that they go with it when it is removed. Fewer pairs than a model can learn from are refused, unless told.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data.folded import plain
from data.never import Never
from kullm_tui.core.asking.target import Target, resolve_here
from kullm_tui.core.config.settings import Config
from kullm_tui.core.errors import UsageError
from kullm_tui.core.files import publish
from kullm_tui.core.language import say
from kullm_tui.core.models.resolve import resolve
from kullm_tui.core.paths import private_dir
from kullm_tui.core.store.store import Store
from kullm_tui.feedback import forms
from kullm_tui.feedback.keeping import chat_model
from kullm_tui.feedback.lessons import FEWEST_PAIRS, Lesson, Lessons, shortage
from kullm_tui.feedback.replay import original_mixture, rows_again
from kullm_tui.feedback.results import own_adapter
from trainer.jobs.agent.directory import JobDirectory
from trainer.jobs.agent.files import discard
from trainer.jobs.registry import directory_of, new_id
from trainer.recipe import sources_of

# Lessons are repeated up to so many rows: beside fewer, what is learnt again would be the same handful of rows over and over.
_LEAST_ROWS = 100

Row = dict[str, Any]


@dataclass(frozen=True)
class Student:
    """The model that is taught: its base, and the adapter that it starts from."""

    target: Target
    base: str
    adapter: str  # empty: a fresh one

    @property
    def template(self) -> str:
        return self.target.template or ""


@dataclass(frozen=True)
class Course:
    train: tuple[Row, ...]  # lessons first
    held_out: tuple[Row, ...]
    facts: Mapping[str, Any]  # for the card

    @property
    def has_pairs(self) -> bool:
        return bool(self.facts["pairs"])

    @property
    def rows_again(self) -> int:
        return int(self.facts["replay"]["rows"])


def student(name: str, config: Config) -> Student:
    """`name`, or the chat's model where none is named. UsageError for one that does not run here; a KullmError where its base is gone."""
    target = resolve_here(name or chat_model(config), config.endpoints)
    if target.endpoint:
        raise UsageError(
            say(
                f"{target.name}: 엔드포인트의 모델은 학습할 수 없어요. --from으로 이 컴퓨터의 모델을 정해 주세요.",
                f"{target.name} answers at an endpoint and cannot be trained. Name a model of this machine with --from.",
            )
        )
    profile = resolve(target.model).profile
    if profile.kind == "adapter":
        return Student(target, profile.base or "", target.model)
    return Student(target, target.model, target.adapter)


def require_enough(found: Lessons, *, few: bool) -> None:
    """UsageError where there is nothing to learn, or so little that it would be chance."""
    taught = found.train
    if not taught.pairs and not taught.rows:
        raise UsageError(
            say(
                "학습할 피드백이 아직 없어요. 대화에서 답을 고치거나 좋은 답으로 표시하고, 비교에 투표해 주세요.",
                "There is no feedback to learn from yet. Correct replies or keep good ones in the chat, and vote on comparisons.",
            )
        )
    pairs = len(found.pairs)
    if pairs < FEWEST_PAIRS and not few:
        advice = say("그래도 학습하려면 --few를 붙이세요.", "To train all the same, add --few.")
        raise UsageError(f"{shortage(pairs)}\n{advice}")


def course(found: Lessons, learner: Student, store: Store, *, share: float, source: str = "") -> Course:
    """`share`: of all rows, those that are learnt again; `source`: where they come from, if not from what the model was trained on first."""
    lessons = _without_doubled_rows(found.train)
    mixture = source or original_mixture(learner.base, learner.template, own_adapter(learner.adapter))
    asked = frozenset(plain(one.prompt[-1].content) for one in found.every)
    never = Never(store.never_texts())
    times = math.ceil(_LEAST_ROWS / len(lessons))
    again = rows_again(mixture, times * len(lessons), share=share, never=never, taught=asked) if mixture else []
    held = [{"id": f"lesson-{number}", **_row(one)} for number, one in enumerate(found.held_out.every, start=1)]
    facts = {
        "kinds": dict(Counter(kind for kind, _ in {(one.of.kind, one.of.where) for one in found.train.every})),
        "conversations": sorted({one.of.where.conversation for one in found.every}),
        "pairs": sum(one.rejected is not None for one in lessons),
        "rows": sum(one.rejected is None for one in lessons),
        "times": times,
        "held_out": len(held),
        "left_out": dict(found.reasons),
        "templates": dict(Counter(one.of.template for one in found.train.every if one.of.template)),
        "replay": {"source": mixture, "share": share, "rows": len(again)},
    }
    return Course((*map(_row, times * lessons), *again), tuple(held), facts)


def _without_doubled_rows(taught: Lessons) -> list[Lesson]:
    """The chosen reply of a pair is imitated with it (`sft_weight`): the same reply alone would count twice."""
    paired = {(one.prompt, one.chosen) for one in taught.pairs}
    return [*taught.pairs, *(one for one in taught.rows if (one.prompt, one.chosen) not in paired)]


def _row(lesson: Lesson) -> Row:
    """As the trainer reads it."""
    return forms.written(lesson, "kullm")


def notes(taught: Course, learner: Student, found: Lessons) -> list[str]:
    """What somebody should know before it is trained."""
    told = [
        say(
            f"배울 것: 쌍 {taught.facts['pairs']}개, 답만 있는 행 {taught.facts['rows']}개, {taught.facts['times']}번씩. "
            f"떼어 둔 것 {taught.facts['held_out']}개.",
            f"to learn: {taught.facts['pairs']} pairs, {taught.facts['rows']} rows with an answer alone, {taught.facts['times']} times each; "
            f"{taught.facts['held_out']} held out.",
        ),
        *_of_replay(taught),
    ]
    others = {name: count for name, count in taught.facts["templates"].items() if name != learner.template}
    if others:
        listed = ", ".join(f"{name} {count}" for name, count in others.items())
        told.append(
            say(
                f"다른 템플릿으로 받은 답이 있어요({listed}). 글은 그대로 {learner.template} 템플릿으로 학습해요.",
                f"Some replies came in another template ({listed}); their texts are trained in {learner.template}.",
            )
        )
    if found.conflicts:
        told.append(
            say(
                f"서로 어긋나는 피드백 {len(found.conflicts)}개는 나중 것만 배워요.",
                f"of feedback that contradicts itself ({len(found.conflicts)}), the newer word counts.",
            )
        )
    if found.train.personal:
        told.append(
            say(
                f"개인 정보로 보이는 것이 든 행이 {len(found.train.personal)}개 있어요. `kullm feedback list`에서 확인하세요.",
                f"{len(found.train.personal)} lessons seem to hold personal data. Look at them with `kullm feedback list`.",
            )
        )
    return told


def _of_replay(taught: Course) -> Iterator[str]:
    replay = taught.facts["replay"]
    again_from = ", ".join(sources_of(replay["source"]))
    if taught.rows_again:
        yield say(
            f"잊지 않도록 처음 배운 데이터({again_from})에서 {taught.rows_again}행을 다시 배워요(--replay {replay['share']:g}).",
            f"{taught.rows_again} rows of what it was trained on first ({again_from}) are learnt again, so that it does not "
            f"forget (--replay {replay['share']:g}).",
        )
    elif replay["share"]:
        yield say(
            "처음 배운 데이터를 몰라서 다시 배울 행이 없어요. 다른 것을 잊을 수 있어요(--replay-from으로 알려 주세요).",
            "What it was trained on first is not known, so nothing is learnt again and it may forget (name it with --replay-from).",
        )


@contextmanager
def written(taught: Course) -> Iterator[JobDirectory]:
    """The folder of a job that is about to be made, with the course in it; where the job is not made, the folder goes again."""
    job = directory_of(new_id())
    private_dir(job.path)
    try:
        for file, rows in ((job.lessons, taught.train), (job.held_out, taught.held_out)):
            text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            if text:
                publish(file, text, mode=0o600)
        publish(job.lesson_facts, json.dumps(dict(taught.facts), ensure_ascii=False, indent=1) + "\n", mode=0o600)
        yield job
    finally:
        if not job.spec.is_file():
            discard(job.path)
