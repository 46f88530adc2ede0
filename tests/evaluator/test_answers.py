"""Question sets, answers from a real server, and what others' answers may not be."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from evaluator.answer_faults import CUT, ECHO, EMPTY, LOOP, MARKUP, answer_fault
from evaluator.answer_store import Answer, GoldAnswers, System, imported_answers, keep_answer, kept_answers
from evaluator.answers import answer_questions, target_system
from evaluator.decodings import DECODINGS
from evaluator.question_fetch import HELD_OUT_SETS
from evaluator.questions import PUBLIC_SETS, BadQuestions, Question, QuestionSet, load_questions, parse_questions
from evaluator.turns import chat_messages, shown_instruction
from evaluator.verdicts import VerdictStore
from kullm_tui.core.asking.target import Target
from kullm_tui.core.endpoints.endpoint import Endpoint
from kullm_tui.core.errors import EndpointError, KullmError
from kullm_tui.core.records import Message
from tests.openai_server import OpenAIServer, refuses, says

FORM = '{{"id": "t{0}", "motivation_app": "x", "instruction": "지시 {0}", "instances": [{{"input": "", "output": "gold {0}"}}]}}'


def question_set(count: int = 6) -> QuestionSet:
    return parse_questions("\n".join(FORM.format(number) for number in range(count)), "세트")


def test_three_forms_of_questions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(
        '{"question_id": 7, "category": "generic", "turns": ["첫째", "둘째"]}\n{"id": "a", "instruction": "지시", "input": "입력"}\n'
    )
    assert load_questions(str(path)).questions == (
        Question("7", "첫째", category="generic"),
        Question("7/2", "둘째", category="generic", before=("첫째",)),
        Question("a", "지시", "입력"),
    )
    for bad in ("", "아님", '{"id": 1}', '{"id": "a", "instruction": "x"}\n{"id": "a", "instruction": "y"}'):
        path.write_text(bad)
        with pytest.raises(BadQuestions):
            load_questions(str(path))


@pytest.mark.shared_data
def test_the_papers_set_has_252_questions_and_44_empty_inputs(shared_file: Callable[[str], Path]) -> None:
    path = shared_file("kullm/user_oriented_instructions_eval.ko.jsonl")
    found = load_questions(str(path))
    assert (len(found.questions), found.sha256) == (PUBLIC_SETS[0].questions, PUBLIC_SETS[0].sha256)
    assert sum(not question.input for question in found.questions) == 44


@pytest.mark.shared_data
def test_the_set_that_it_was_translated_from_is_known_too(shared_file: Callable[[str], Path]) -> None:
    found = load_questions(str(shared_file("self_instruct/user_oriented_instructions.en.jsonl")))
    assert (len(found.questions), found.sha256) == (HELD_OUT_SETS[0].questions, HELD_OUT_SETS[0].sha256)


@pytest.mark.parametrize(
    ("response", "fault"),
    [
        ("", EMPTY),
        (" \n", EMPTY),
        ("###", MARKUP),
        ("- ...\n---", MARKUP),
        ("대한민국의 수도가 어디인지 자세히 알려 주세요.", ECHO),
        ("서울은 수도입니다. " * 30, LOOP),
        ("네.\n" * 8, LOOP),
        ("====", MARKUP),
        ("😻🤪", ""),
        ("서울", ""),
        ("3", ""),
        ("1. 서울\n2. 부산\n3. 대구\n4. 인천\n5. 광주\n6. 대전", ""),
    ],
)
def test_answers_that_are_none_are_told_apart(response: str, fault: str) -> None:
    assert answer_fault(response, "대한민국의 수도가 어디인지 자세히 알려 주세요.") == fault


@pytest.mark.shared_data
def test_a_wrong_template_shows_in_the_recorded_answers(shared_file: Callable[[str], Path]) -> None:
    path = shared_file("komt/nlpai-lab-kullm-polyglot-12.8b-v2.jsonl")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    markup = [row["answer"] for row in rows if answer_fault(row["answer"], row["instruction"]) == MARKUP]
    assert markup.count("###") == 17
    assert len(markup) == 18


def test_answers_are_kept_as_they_come_and_a_run_goes_on(store: VerdictStore) -> None:
    questions = question_set()
    with OpenAIServer() as server:
        target = Target("집/m", "m", None, Endpoint("집", server.base_url))
        system = target_system(target, {"temperature": 0})
        server.script.extend([says("가"), says("나"), refuses(400, "안 돼요")])
        assert target.endpoint
        with pytest.raises(EndpointError):
            asyncio.run(answer_questions(questions, system, target.endpoint, store=store, at_once=1))
        assert len(kept_answers(store, system, questions.questions)) == 2
        found = asyncio.run(answer_questions(questions, system, target.endpoint, store=store))
        assert len(server.requests) == 3 + 4
    assert sorted(found) == [f"t{number}" for number in range(6)]
    assert found["t0"].response == "가"
    other = target_system(target, {"temperature": 1})
    assert kept_answers(store, other, questions.questions) == {}


def test_what_the_engine_alone_can_be_asked_goes_to_no_other_endpoint(store: VerdictStore) -> None:
    with OpenAIServer([says("가")]) as server:
        target = Target("집/m", "m", None, endpoint := Endpoint("집", server.base_url))
        system = target_system(target, DECODINGS["exact"])
        asyncio.run(answer_questions(question_set(1), system, endpoint, store=store))
    asked = server.requests[0].body
    assert asked["temperature"] == 0
    assert "alone" not in asked


def test_what_was_said_before_a_question_is_asked_with_it_and_tells_its_answers_apart(store: VerdictStore) -> None:
    said = (Message("user", "처음", "입력"), Message("assistant", "첫 답"))
    behind = Question("q", "다음", history=said)
    alone, system = replace(behind, history=()), System("home/m", {"model": "m"})
    assert system.key(alone) != system.key(behind)
    assert alone.sha256 != behind.sha256
    assert chat_messages(behind, {}) == [*said, Message("user", "다음")]
    assert shown_instruction(behind, {}, "ko").split("\n") == [
        "[질문 1]",
        "처음",
        "입력",
        "[답 1]",
        "첫 답",
        "[질문 2]",
        "다음",
    ]
    assert shown_instruction(alone, {}, "ko") == "다음"
    keep_answer(store, system, alone, Answer("홀로"))
    assert kept_answers(store, system, [behind]) == {}


def test_an_answer_that_was_cut_at_the_limit_is_told_from_a_whole_one() -> None:
    question = Question("q", "수도는?")
    assert Answer("서울은 대한민국의", "length").fault(question) == CUT
    assert Answer("서울입니다.", "stop").fault(question) == ""
    assert Answer("###", "length").fault(question) == MARKUP


def test_others_answers_come_by_id_or_by_their_question(store: VerdictStore) -> None:
    questions = question_set()
    lines = ['{"id": "t1", "response": "하나"}', '{"instruction": "지시 2", "input": "", "response": "둘"}', ""]
    found = imported_answers(lines, questions, "파일")
    assert {name: answer.response for name, answer in found.items()} == {"t1": "하나", "t2": "둘"}
    system = System("남", {"file": "x"})
    keep_answer(store, system, questions.questions[1], found["t1"])
    assert kept_answers(store, system, questions.questions) == {"t1": found["t1"]}
    for bad in ('{"id": "t99", "response": "x"}', '{"id": "t1", "instruction": "딴 지시", "response": "x"}', "아님"):
        with pytest.raises(KullmError, match="1"):
            imported_answers([bad], questions, "파일")


@pytest.mark.parametrize(
    "lines",
    [
        [FORM.format(1)],
        ['{"id": "t1", "output": "gold 1"}'],
        [f'{{"id": "t{number}", "response": "gold {number}"}}' for number in range(4)],
    ],
)
def test_gold_answers_are_refused_as_responses(lines: list[str]) -> None:
    with pytest.raises(GoldAnswers):
        imported_answers(lines, question_set(), "파일")
