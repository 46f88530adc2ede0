"""What is asked before and after, and what is known to be right."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from data.demo.questions import heldout
from evaluator.questions import BadQuestions
from kullm_tui.core.records import Message
from kullm_tui.feedback.held_out import DEMO, KnownAnswer, held_out

pytestmark = pytest.mark.usefixtures("store")  # a home of the test's own


def written(tmp_path: Path, *rows: Mapping[str, Any]) -> str:
    file = tmp_path / "q.jsonl"
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return str(file)


def test_the_demos_set_is_always_the_same_questions_with_their_known_answers() -> None:
    found = held_out(DEMO, limit=40)
    assert [one.instruction for one in found.questions.questions] == [one.text for one in heldout(40)]
    assert {one.id for one in found.questions.questions} == set(found.known)
    assert len(held_out(DEMO).questions.questions) == 200


def test_an_answer_is_right_where_it_holds_what_is_accepted_and_nothing_that_is_rejected(tmp_path: Path) -> None:
    file = written(tmp_path, {"id": "a", "instruction": "7 곱하기 2는?", "accepted": "14", "rejected": ["15"]}, {"instruction": "시를 써 줘"})  # fmt: skip
    found = held_out(file)
    assert [one.id for one in found.questions.questions] == ["a", "2"]
    assert set(found.known) == {"a"}
    known = found.known["a"]
    assert known.grades("7 곱하기 2는 14입니다. 곱셈이지요.")
    assert not known.grades("7 곱하기 2는 114입니다.")


def test_a_pair_row_is_asked_after_what_led_there_and_the_corrections_words_are_right(tmp_path: Path) -> None:
    prompt = [
        {"role": "user", "content": "한국의 수도는?"},
        {"role": "assistant", "content": "부산입니다."},
        {"role": "user", "content": "정말?", "input": "지도"},
    ]
    found = held_out(
        written(tmp_path, {"prompt": prompt, "chosen": "아니요,  서울입니다.", "rejected": "네, 부산입니다."})
    )
    (question,) = found.questions.questions
    assert (question.instruction, question.input) == ("정말?", "지도")
    assert question.history == (Message("user", "한국의 수도는?"), Message("assistant", "부산입니다."))
    known = found.known["1"]
    assert known.grades("아니요, 서울입니다")
    assert not known.grades("네, 부산입니다.")


def test_pairs_in_anothers_form_are_asked_too(tmp_path: Path) -> None:
    row = {
        "conversations": [{"from": "human", "value": "한국의 수도는?"}],
        "chosen": {"from": "gpt", "value": "서울입니다."},
    }
    found = held_out(written(tmp_path, {**row, "rejected": {"from": "gpt", "value": "부산입니다."}}))
    assert found.questions.questions[0].instruction == "한국의 수도는?"
    assert found.known["1"].grades("서울입니다.")


def test_nothing_is_right_where_nothing_is_known() -> None:
    assert not KnownAnswer().grades("아무 말")


def test_what_is_no_text_among_the_accepted_is_told_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(BadQuestions, match="q7"):
        held_out(written(tmp_path, {"id": "q7", "instruction": "둘?", "accepted": [2]}))
    with pytest.raises(BadQuestions, match="prompt"):
        held_out(written(tmp_path, {"prompt": [], "chosen": "답"}))
