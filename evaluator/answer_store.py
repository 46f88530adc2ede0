"""Answers as they are kept, by content, and those of other systems as they are brought in from files."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from evaluator.answer_faults import CUT, answer_fault
from evaluator.questions import Question, QuestionSet, turn_id
from evaluator.rows import GOLD_SHARE, response_of
from evaluator.verdicts import VerdictStore
from kullm_tui.core import foreign_json
from kullm_tui.core.errors import KullmError
from kullm_tui.core.language import say
from kullm_tui.core.text import is_whole, nfc


class GoldAnswers(KullmError):
    pass


@dataclass(frozen=True)
class System:
    """What answers: its name in the tables, and all that decides its answers."""

    name: str
    source: Mapping[str, Any] = field(default_factory=dict)  # model, adapter, template, decoding; or {"file": …}

    def key(self, question: Question) -> str:
        parts = [self.name, dict(self.source), *question.asked]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Answer:
    response: str
    finish_reason: str = "stop"
    prompt_sha256: str = ""
    completion_tokens: int | None = None

    def fault(self, question: Question) -> str:
        fault = answer_fault(self.response, question.instruction)
        return fault or (CUT if self.finish_reason == "length" else "")


def keep_answer(store: VerdictStore, system: System, question: Question, answer: Answer) -> None:
    with store.database.transaction() as connection:
        connection.execute(
            "INSERT OR REPLACE INTO answers (key, created, system, source, response, finish_reason, prompt_sha256,"
            " completion_tokens) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                system.key(question),
                time.time(),
                system.name,
                json.dumps(dict(system.source), ensure_ascii=False, sort_keys=True),
                answer.response,
                answer.finish_reason,
                answer.prompt_sha256,
                answer.completion_tokens,
            ),
        )


def kept_answers(store: VerdictStore, system: System, questions: Sequence[Question]) -> dict[str, Answer]:
    """By the question's id."""
    found: dict[str, Answer] = {}
    with store.database.reading() as connection:
        for question in questions:
            row = connection.execute(
                "SELECT response, finish_reason, prompt_sha256, completion_tokens FROM answers WHERE key = ?",
                (system.key(question),),
            ).fetchone()
            if row:
                found[question.id] = Answer(*row)
    return found


def imported_answers(lines: Iterable[str], questions: QuestionSet, name: str) -> dict[str, Answer]:
    """Another system's answers, `{id, response}` or `{instruction, input, response}`; GoldAnswers for the set's own outputs.

    `answer` is as good a name as `response`, and an instruction is the same whatever blanks stand around it. A list answers the turns
    of one conversation; so do LogicKor's `outputs` and FastChat's `choices: [{turns}]`.
    """
    by_id = {question.id: question for question in questions.questions}
    by_text = {(question.instruction.strip(), question.input.strip()): question for question in questions.questions}
    answers: dict[str, Answer] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _row(line, number, name)
        asked = (nfc(str(row.get("instruction", ""))).strip(), nfc(str(row.get("input") or "")).strip())
        question = by_id.get(str(row.get("id", row.get("question_id", "")))) or by_text.get(asked)
        if question is None or (row.get("instruction") and asked[0] != question.instruction.strip()):
            raise KullmError(
                say(
                    f"{name} {number}행: {questions.name}에 없는 질문이에요.",
                    f"{name}, line {number}: {questions.name} has no such question.",
                )
            )
        for turn, response in enumerate(row["responses"], start=question.turn):
            place = turn_id(question.first, turn)
            _refuse_stranger(place, by_id, answers, f"{name} {number}", questions.name)
            answers[place] = Answer(nfc(response))
    if not answers:
        raise KullmError(
            say(
                f"{name}: {questions.name}의 질문에 답한 것이 하나도 없어요.",
                f"{name} answers none of the questions of {questions.name}.",
            )
        )
    _refuse_gold(answers, by_id, name)
    return answers


def _refuse_stranger(
    place: str, questions: Mapping[str, Question], answers: Mapping[str, Answer], where: str, set_name: str
) -> None:
    if place not in questions:
        raise KullmError(
            say(
                f"{where}행: {set_name}에는 {place} 차례의 질문이 없어요.",
                f"{where}: {set_name} has no question {place}.",
            )
        )
    if place in answers:
        raise KullmError(say(f"{where}행: {place}의 답이 두 번 나와요.", f"{where}: a second answer to {place}."))


def _row(line: str, number: int, name: str) -> dict[str, Any]:
    """With `responses`, one for each turn that it answers."""
    try:
        row = foreign_json.parsed(line)
    except ValueError:
        row = None
    responses = _responses(row) if isinstance(row, dict) else []
    if responses:
        if not all(map(is_whole, responses)):
            raise KullmError(
                say(f"{name} {number}행: 깨진 글자가 있어요.", f"{name}, line {number}: there is a broken character.")
            )
        return {**row, "responses": responses}
    if isinstance(row, dict) and ("instances" in row or "output" in row):
        raise GoldAnswers(
            say(
                f"{name} {number}행: 정답(output)은 답으로 받지 않아요. 모델의 답은 response에 넣어 주세요.",
                f"{name}, line {number}: gold answers (output) are no responses. Put a model's answer under response.",
            )
        )
    raise KullmError(say(f"{name} {number}행: response가 있어야 해요.", f"{name}, line {number} needs a response."))


def _responses(row: Mapping[str, Any]) -> list[str]:
    given: object = response_of(row)
    if given is None:
        given = row.get("outputs")
    if given is None and isinstance(choices := row.get("choices"), list) and choices and isinstance(choices[0], dict):
        given = choices[0].get("turns")
    listed = given if isinstance(given, list) else [given]
    texts = [one for one in listed if isinstance(one, str)]
    return texts if len(texts) == len(listed) else []


def _refuse_gold(answers: Mapping[str, Answer], questions: Mapping[str, Question], name: str) -> None:
    same = sum(bool(questions[one].gold) and answer.response.strip() == questions[one].gold.strip() for one, answer in answers.items())  # fmt: skip
    if answers and same / len(answers) > GOLD_SHARE:
        raise GoldAnswers(
            say(
                f"{name}: 답 {len(answers)}개 중 {same}개가 질문 모음의 정답과 같아요. 모델의 답을 주세요.",
                f"{name}: {same} of {len(answers)} answers are the set's own gold answers. Give a model's.",
            )
        )
