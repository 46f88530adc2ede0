"""What a model before and one after are both asked: questions that neither was trained on, and what is known to be right.

    demo          the demo model's own held-out questions, the fixed set against forgetting
    FILE          questions in any form that an evaluation takes, each perhaps with `accepted` (and `rejected`): texts of which an
                  answer must hold one (and none); or pairs in any form that feedback is read in (forms.py), whose `chosen` is the answer wished for

Where nothing is known to be right, people or a judge have to say which answer is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from data.demo.questions import heldout, says_right
from evaluator.questions import BadQuestions, Question, QuestionSet, load_questions
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.language import say
from kullm_tui.core.records import BadRecord
from kullm_tui.core.text import nfc
from kullm_tui.feedback import forms
from trainer.jobs.registry import KnownJob

DEMO = "demo"
DEMO_BASE = "demo-base"
MOST = 200  # of the demo's questions: enough for an interval of some five points to either side

HELD_OUT_FILE = "held-out.jsonl"  # in a job's folder


@dataclass(frozen=True)
class KnownAnswer:
    """By which an answer is graded offline, without a judge."""

    accepted: tuple[str, ...] = ()  # any of these makes it right
    rejected: tuple[str, ...] = ()  # any of these makes it wrong
    wished: str = ""  # the words of a correction: said again, they are right

    def grades(self, answer: str) -> bool:
        if self.wished and _folded(answer) == _folded(self.wished):
            return True
        return says_right(answer, self.accepted, self.rejected)


@dataclass(frozen=True)
class HeldOut:
    name: str
    questions: QuestionSet
    known: Mapping[str, KnownAnswer] = field(default_factory=dict)  # by the question's id


def held_out(name: str, *, limit: int = 0) -> HeldOut:
    """The demo's, or a file's. `limit`: the first so many; 0: all of a file, and as many of the demo's as are usual."""
    found = _demo(limit or MOST) if name == DEMO else _of_file(name)
    if not limit:
        return found
    return replace(found, questions=QuestionSet(found.questions.name, found.questions.questions[:limit]))


def usual_sets(base: str, job: KnownJob | None) -> list[str]:
    """What is asked where nobody says: what the job held out of its lessons, and what the demo model should not forget."""
    own = [str(job.directory.held_out)] if job and job.directory.held_out.is_file() else []
    return [*own, DEMO] if base == DEMO_BASE else own


def _demo(limit: int) -> HeldOut:
    asked = {f"demo-{number}": one for number, one in enumerate(heldout(limit), start=1)}
    questions = tuple(Question(name, one.text, category=one.topic) for name, one in asked.items())
    known = {name: KnownAnswer(one.accepted, one.rejected) for name, one in asked.items()}
    return HeldOut(DEMO, QuestionSet(DEMO, questions), known)


def _of_file(name: str) -> HeldOut:
    rows = _rows(name)
    if any("chosen" in row for row in rows.values()):
        return _of_pairs(name, rows)
    questions = load_questions(name)
    known = {one.id: _accepted(rows[one.id], one.id, name) for one in questions.questions if one.id in rows}
    return HeldOut(_shown(name), questions, {identity: one for identity, one in known.items() if one.accepted})


def _of_pairs(name: str, rows: Mapping[str, Mapping[str, Any]]) -> HeldOut:
    """What led there stands as it was said, the last message of it is what is asked."""
    questions, known = list[Question](), dict[str, KnownAnswer]()
    for identity, row in rows.items():
        try:
            taught = forms.read(row)
        except BadRecord as error:
            raise BadQuestions(f"{name}: {identity}: {error}") from error
        *history, last = taught.prompt
        questions.append(Question(identity, last.content, last.input, reference=taught.chosen, history=tuple(history)))
        known[identity] = KnownAnswer(_texts(row.get("accepted"), identity, name), wished=taught.chosen)
    return HeldOut(_shown(name), QuestionSet(paths.typed(name).stem, tuple(questions)), known)


def _shown(name: str) -> str:
    """A file without its folders, which are nobody's who reads the adapter's card; a public set as it is called."""
    return paths.typed(name).name if paths.typed(name).is_file() else name


def _rows(name: str) -> dict[str, dict[str, Any]]:
    """The objects of a file of JSON lines, by their ids; none where it is another file, or the name of a public set."""
    path = paths.typed(name)
    if path.suffix.lower() not in (".json", ".jsonl") or not path.is_file():
        return {}
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
        rows = [(number, foreign_json.parsed(line)) for number, line in enumerate(lines, start=1) if line.strip()]
    except (OSError, ValueError):
        return {}  # whoever reads it as questions says what is wrong
    return {str(row.get("id", number)): row for number, row in rows if isinstance(row, dict)}


def _accepted(row: Mapping[str, Any], identity: str, name: str) -> KnownAnswer:
    return KnownAnswer(_texts(row.get("accepted"), identity, name), _texts(row.get("rejected"), identity, name))


def _texts(given: object, identity: str, name: str) -> tuple[str, ...]:
    listed: Sequence[object] = given if isinstance(given, list) else [] if given is None else [given]
    texts = tuple(nfc(one) for one in listed if isinstance(one, str) and one.strip())
    if len(texts) != len(listed):
        raise BadQuestions(
            say(
                f"{name}: {identity}의 accepted나 rejected에 글이 아닌 것이 있어요.",
                f"{name}: accepted or rejected of {identity} holds something that is no text.",
            )
        )
    return texts


def _folded(text: str) -> str:
    return " ".join(nfc(text).split()).rstrip(".!?…")


def set_title(name: str) -> str:
    """Of a set, for people: the demo's questions, what a job held out of its lessons, or the file's name."""
    if name == DEMO:
        return say("데모의 확인 질문", "the demo's questions")
    path = paths.typed(name)
    return say("피드백에서 떼어 둔 질문", "held out of the feedback") if path.name == HELD_OUT_FILE else path.name
