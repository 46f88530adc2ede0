"""Question sets: the paper's 252, Vicuna-80, or the user's own JSON lines.

    KULLM's form     {id, instruction, instances: [{input, output}]}
    FastChat's form  {question_id, category, turns: [text, …], reference: [text, …]}
    LogicKor's form  {id, category, questions: [text, …], references: [text, …]}
    plain            {id, instruction, input, category, reference}

Each turn after the first becomes a question of its own, which says what was asked before. A gold output is kept to recognise it where
somebody offers it as a model's answer, and is the reference of a rubric that asks for one where the row has no other.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluator.question_fetch import HELD_OUT_SETS, PUBLIC_SETS, PublicSet, cached_place, public_text
from kullm_tui.core import foreign_json, paths
from kullm_tui.core.causes import cause_of
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.records import Message
from kullm_tui.core.text import is_whole, nfc

__all__ = [
    "PUBLIC_SETS",
    "BadQuestions",
    "PublicSet",
    "Question",
    "QuestionSet",
    "is_at_hand",
    "load_public",
    "load_questions",
    "parse_questions",
    "parts_of",
    "turn_id",
]

_FAULTS_SHOWN = 5


class BadQuestions(KullmError):
    pass


@dataclass(frozen=True)
class Question:
    id: str
    instruction: str
    input: str = ""
    gold: str = ""
    category: str = ""
    reference: str = ""
    before: tuple[str, ...] = ()  # what was asked in the turns before this one
    history: tuple[Message, ...] = ()  # what was said before all that, by whomever: asked after it as it stands

    @property
    def sha256(self) -> str:
        asked: list[object] = [self.instruction, self.input]
        asked += [self.reference, self.before] if self.before or self.reference else []
        asked += [_said(self.history)] if self.history else []
        return hashlib.sha256(json.dumps(asked, ensure_ascii=False).encode()).hexdigest()

    @property
    def asked(self) -> list[object]:
        """All that an answer depends on, but for the answers of the turns before it."""
        asked: list[object] = [self.instruction, self.input]
        asked += [self.before] if self.before else []
        return [*asked, _said(self.history)] if self.history else asked

    @property
    def right_answer(self) -> str:
        return self.reference or self.gold

    @property
    def turn(self) -> int:
        return len(self.before) + 1

    @property
    def first(self) -> str:
        """The id of the conversation's first question."""
        return self.id.rpartition("/")[0] if self.before else self.id

    @property
    def earlier(self) -> tuple[str, ...]:
        """The ids of the questions before it in its conversation."""
        return tuple(turn_id(self.first, number) for number in range(1, self.turn))


def _said(messages: tuple[Message, ...]) -> list[list[str]]:
    return [[one.role, one.content, one.input] for one in messages]


@dataclass(frozen=True)
class QuestionSet:
    name: str
    questions: tuple[Question, ...]

    @property
    def sha256(self) -> str:
        return hashlib.sha256("".join(sorted(one.sha256 for one in self.questions)).encode()).hexdigest()


def parts_of(questions: QuestionSet) -> dict[str, tuple[Question, ...]]:
    """The questions of each category and each turn, where there are several."""
    found: dict[str, tuple[Question, ...]] = {}
    for name_of in (lambda one: one.category, _turn_name):
        parts: dict[str, tuple[Question, ...]] = {}
        for one in questions.questions:
            parts[name_of(one)] = (*parts.get(name_of(one), ()), one)
        found |= {name: some for name, some in parts.items() if name} if len(parts) > 1 else {}
    return found


def _turn_name(question: Question) -> str:
    return say(f"{question.turn}번째 차례", f"turn {question.turn}")


def turn_id(first: str, turn: int) -> str:
    return first if turn == 1 else f"{first}/{turn}"


def load_questions(name: str) -> QuestionSet:
    """A public set by its name, fetched if it is not in the cache, or a file."""
    public = next((one for one in (*PUBLIC_SETS, *HELD_OUT_SETS) if one.name == name), None)
    if public:
        return load_public(public)
    path = paths.typed(name)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        listed = ", ".join(one.name for one in PUBLIC_SETS)
        raise BadQuestions(
            say(
                f"질문 파일을 읽을 수 없어요: {name}({cause_of(error)}). 있는 것: {listed}, 또는 .jsonl 파일.",
                f"the questions {name} cannot be read ({error}). There are {listed}; or give a .jsonl file.",
            )
        ) from error
    if path.suffix.lower() in (".json", ".jsonl") or text.lstrip().startswith("{"):
        return parse_questions(text, path.stem)
    return _of_lines(text, path.stem)


def _of_lines(text: str, name: str) -> QuestionSet:
    lines = ((number, nfc(line).strip()) for number, line in enumerate(text.split("\n"), start=1))
    questions = tuple(Question(str(number), line) for number, line in lines if line)
    if not questions:
        raise BadQuestions(f"{name}: {say('질문이 없어요', 'there are no questions')}")
    return QuestionSet(name, questions)


def is_at_hand(public: PublicSet) -> bool:
    """Whether it was fetched already."""
    return cached_place(public).exists()


def load_public(public: PublicSet) -> QuestionSet:
    return parse_questions(public_text(public, lambda text: _is_whole(text, public)), public.name)


def _is_whole(text: str, public: PublicSet) -> bool:
    try:
        found = parse_questions(text, public.name)
    except BadQuestions:
        return False
    return (len(found.questions), found.sha256) == (public.questions, public.sha256)


def parse_questions(text: str, name: str) -> QuestionSet:
    questions: list[Question] = []
    faults: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            questions += _questions(foreign_json.parsed(line), number)
        except (ValueError, KeyError, TypeError, LookupError, AttributeError) as error:
            faults.append(say(f"{number}행: {_fault(error)}", f"line {number}: {_fault(error)}"))
    twice = [one for one, times in Counter(one.id for one in questions).items() if times > 1]
    faults += [say(f"id {one}: 두 번 나와요", f"id {one} occurs twice") for one in twice]
    if faults or not questions:
        listed = "\n".join(faults[:_FAULTS_SHOWN]) or say("질문이 없어요", "there are no questions")
        raise BadQuestions(f"{name}: {listed}")
    return QuestionSet(name, tuple(questions))


def _fault(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return say("JSON이 아니에요", "this is no JSON")
    if isinstance(error, KeyError):
        name = str(error.args[0])
        return say(f"{name} 항목이 없어요", f"{name} is missing")
    if isinstance(error, ValueError):
        return str(error)
    return say("질문 형식이 아니에요", "this is not the form of a question")


def _questions(row: Mapping[str, Any], number: int) -> list[Question]:
    turns = row.get("turns", row.get("questions"))
    if turns is None:
        return [_question(row, number)]
    first = str(row.get("question_id", row.get("id", number)))
    if not isinstance(turns, list) or not turns:
        raise ValueError(say("turns에 질문이 없어요", "turns holds no question"))
    texts = [_text(turn) for turn in turns]
    given = row.get("reference", row.get("references"))
    references = [_text(one or "") for one in (given if isinstance(given, list) else [given])]
    references += [""] * len(texts)
    return [
        Question(
            turn_id(first, place + 1),
            text,
            category=_text(row.get("category") or ""),
            reference=references[place],
            before=tuple(texts[:place]),
        )
        for place, text in enumerate(texts)
    ]


def _question(row: Mapping[str, Any], number: int) -> Question:
    instance = row["instances"][0] if "instances" in row else row
    gold = instance.get("output", "")
    return Question(
        str(row.get("id", number)),
        _text(row["instruction"]),
        _text(instance.get("input") or ""),
        _text(gold) if isinstance(gold, str) else "",
        _text(row.get("category") or ""),
        _text(row.get("reference") or ""),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(say("글이 아닌 것이 있어요", "something is not text"))
    if not is_whole(value):
        raise ValueError(say("깨진 글자가 있어요", "there is a broken character"))
    return nfc(value)
