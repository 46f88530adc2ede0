"""Verdicts that somebody had bought elsewhere, from files, to stand where bought ones would. Every fault of a file is told together.

    FastChat       {question_id, turn, model, judge: [name, prompt], judgment, score, tstamp}
    KULLM's script {id, instruction, input, response, response_scores}
    others         {id, instruction, answer, chatgpt, score}
    kullm          a row of `kullm eval items --json` or of a report's items.jsonl

Only the judge's words count; they are read as any other's. Whose answer a row judges stands in it, or is told for the whole file.
Two-sided annotations (FastChat's pairs, AlpacaEval's) are refused: half a comparison, in letters that a lost prompt explains.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluator.answer_store import Answer
from evaluator.questions import Question, QuestionSet, turn_id
from evaluator.rows import BadRows, json_lines, line_faults, response_of
from evaluator.rubric import Rubric
from evaluator.turns import is_askable, judged_item
from evaluator.verdict import JudgeReply, Status, status_of
from evaluator.verdicts import BroughtIn
from kullm_tui.core.errors import UsageError
from kullm_tui.core.language import say
from kullm_tui.core.text import is_whole, nfc

Answers = Mapping[str, Answer]  # one system's, by the question's id
_WORDS = ("judgment", "response_scores", "chatgpt", "text")
_TWO_SIDED = ("output_1", "model_1", "g1_judgment")
_NO_VERDICT = ("error", "missing")  # our own rows that hold no judge's words
_FAILED_CALL = "$ERROR$"  # as FastChat writes it


@dataclass(frozen=True)
class BoughtRow:
    line: int
    question: Question
    system: str
    judge: str  # as the file names it; empty where it does not
    words: str  # empty: the call failed, or nobody judged
    response: str | None  # what was judged, where the row has it
    score: float | None  # as the file's own reader had it
    created: float


@dataclass(frozen=True)
class BoughtFile:
    name: str
    sha256: str
    rows: tuple[BoughtRow, ...]
    system: str = ""  # whose answers, where the rows do not say

    @property
    def judges(self) -> list[str]:
        return sorted({row.judge for row in self.rows if row.judge})

    @property
    def answers(self) -> dict[str, dict[str, Answer]]:
        """By system and question, those that stand beside their verdicts."""
        found: dict[str, dict[str, Answer]] = {}
        for row in self.rows:
            if row.response is not None:
                found.setdefault(row.system, {})[row.question.id] = Answer(row.response)
        return found


@dataclass(frozen=True)
class Placed:
    """A file's verdicts, each on its answer, and what became of the other rows."""

    verdicts: tuple[BroughtIn, ...]
    statuses: Mapping[Status, int]
    without_words: int
    without_answers: int  # of systems whose answers nobody gave
    other_judges: int
    read_otherwise: int  # scores that the file's own reader had as others


def read_bought(
    lines: Iterable[str], questions: QuestionSet, rubric: Rubric, *, name: str, sha256: str, system: str = ""
) -> BoughtFile:
    by_id = {question.id: question for question in questions.questions}
    rows: list[BoughtRow] = []
    faults: list[tuple[int, str]] = []
    seen: dict[str, int] = {}
    for number, value, broken in json_lines(lines):
        row = broken or _bought_row(number, value, by_id, rubric, system)
        earlier = seen.setdefault(repr(value), number)
        if isinstance(row, BoughtRow) and earlier != number:
            row = say(f"{earlier}행과 똑같아요", f"is line {earlier} again")
        if isinstance(row, str):
            faults.append((number, row))
        else:
            rows.append(row)
    faults += _clashes(rows)
    if faults:
        raise BadRows(f"{name}\n{line_faults(sorted(faults))}")
    if not any(row.words for row in rows):
        raise BadRows(say(f"{name}: 채점자의 글이 없어요.", f"{name} holds no words of a judge."))
    return BoughtFile(name, sha256, tuple(rows), system)


def judge_named(files: Sequence[BoughtFile], wanted: str) -> str:
    """The judge's name: as asked for, else the only one that the files name."""
    names = sorted({judge for file in files for judge in file.judges})
    if wanted in names or (wanted and len(names) < 2):
        return wanted
    if not wanted and len(names) == 1:
        return names[0]
    listed = ", ".join(names) or say("없음", "none")
    raise UsageError(
        say(
            f"누가 채점했는지 --judge-model로 정해 주세요. 파일에 있는 이름: {listed}",
            f"say with --judge-model who judged. The files name: {listed}",
        )
    )


def placed(file: BoughtFile, answers: Mapping[str, Answers], judge: str, rubric: Rubric) -> Placed:
    """Several verdicts of one answer are repeats, in the file's order. BadRows where a row is about another answer than is given."""
    several = len(file.judges) > 1
    repeats: Counter[tuple[str, str]] = Counter()
    verdicts: list[BroughtIn] = []
    statuses: Counter[Status] = Counter()
    skipped: Counter[str] = Counter()
    faults = []
    for row in file.rows:
        own = answers.get(row.system)
        if not row.words or (several and row.judge != judge) or own is None:
            skipped["words" if not row.words else "answers" if own is None else "judge"] += 1
            continue
        if fault := _answer_fault(row, own):
            faults.append((row.line, fault))
            continue
        item = judged_item(f"{row.system} {row.question.id}", row.question, own, rubric)
        reply = JudgeReply(row.words, model=row.judge)
        place = (row.system, row.question.id)
        verdicts.append(BroughtIn(item, reply, repeats[place], file.name, file.sha256, row.created))
        repeats[place] += 1
        status, scores, _ = status_of(reply, rubric, "paper", response=item.response)
        statuses[status] += 1
        skipped["otherwise"] += status == "ok" and len(scores) == 1 and row.score not in (None, -1, *scores.values())
    if faults:
        raise BadRows(f"{file.name}\n{line_faults(faults)}")
    return Placed(
        tuple(verdicts), statuses, skipped["words"], skipped["answers"], skipped["judge"], skipped["otherwise"]
    )


def _bought_row(
    number: int, value: object, by_id: Mapping[str, Question], rubric: Rubric, system: str
) -> BoughtRow | str:
    """The row, or why it is none."""
    if not isinstance(value, dict) or any(name in value for name in _TWO_SIDED):
        return _no_single_verdict(value)
    question = by_id.get(_question_id(value))
    asked = value.get("instruction")
    if question is None or (isinstance(asked, str) and nfc(asked).strip() != question.instruction.strip()):
        return say("질문 모음에 없는 질문이에요", "the set has no such question")
    system = str(value.get("system") or ("" if "system" in value else value.get("model")) or system)
    if not system:
        return say("누구의 답인지 없어요. 이름=파일로 주세요", "does not say whose answer. Give NAME=FILE")
    if value.get("rubric", rubric.name) != rubric.name:
        return say(
            f"{value['rubric']} 기준의 채점이에요. --rubric을 그렇게 주세요",
            f"was judged by {value['rubric']}. Give that as --rubric",
        )
    words, response = _words_of(value), response_of(value)
    if words is None or not isinstance(response, str | None) or not is_whole(words + (response or "")):
        return say(
            "채점자의 글(judgment, response_scores, text)이 있어야 해요",
            "needs the judge's words (judgment, response_scores, text)",
        )
    judged = None if response is None else nfc(response)
    return BoughtRow(number, question, system, _judge_of(value), words, judged, _number(value.get("score")), _number(value.get("tstamp")) or 0.0)  # fmt: skip


def _no_single_verdict(value: object) -> str:
    if not isinstance(value, dict):
        return say("JSON 객체가 아니에요", "this is no JSON object")
    return say(
        "둘을 비교한 채점은 가져올 수 없어요. `kullm eval win`으로 비교하세요",
        "a comparison of two cannot be imported. Compare with `kullm eval win`",
    )


def _question_id(value: Mapping[str, Any]) -> str:
    if "question_id" not in value:
        return str(value.get("id", ""))
    turn = value.get("turn", 1)
    return turn_id(str(value["question_id"]), turn if type(turn) is int else 0)


def _words_of(value: Mapping[str, Any]) -> str | None:
    """Empty where there is none to be had; None where there should be."""
    if value.get("status") in _NO_VERDICT:
        return ""
    words = next((value[name] for name in _WORDS if name in value), None)
    if not isinstance(words, str) or not words.strip():
        return None
    return "" if words.strip() == _FAILED_CALL else words


def _judge_of(value: Mapping[str, Any]) -> str:
    if "system" in value:
        return str(value.get("answered_by") or value.get("model") or "")
    judge = value.get("judge")
    return str((judge[0] if judge else "") if isinstance(judge, list) else judge or "")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _clashes(rows: Sequence[BoughtRow]) -> list[tuple[int, str]]:
    """Two answers of one system to one question cannot stand in one table."""
    first: dict[tuple[str, str], BoughtRow] = {}
    faults = []
    for row in rows:
        if row.response is None:
            continue
        earlier = first.setdefault((row.system, row.question.id), row)
        if earlier.response != row.response:
            faults.append(
                (row.line, say(f"{earlier.line}행과 답이 달라요", f"has another answer than line {earlier.line}"))
            )
    return faults


def _answer_fault(row: BoughtRow, answers: Answers) -> str:
    given = answers.get(row.question.id)
    if given is None or not is_askable(row.question, answers):
        return say(f"{row.system}: {row.question.id}의 답이 없어요", f"{row.system} has no answer to {row.question.id}")
    if row.response is not None and row.response != given.response:
        return say(
            f"{row.system}: 채점한 답이 --answers의 답과 달라요",
            f"{row.system}: what was judged is not the answer in --answers",
        )
    return ""
