"""How often answers leave Korean."""

import sys

import pytest

from evaluator.answer_store import Answer
from evaluator.manner import leaves_korean, manner_of
from evaluator.questions import Question


@pytest.mark.parametrize(
    ("answer", "leaves"),
    [
        ("서울은 대한민국의 수도예요.", False),
        ("The capital of Korea is Seoul, and it is a large city.", True),
        ("서울은 首都예요.", True),
        ("東京는 일본의 수도예요.", True),
        ("`print('hello world, this is code')`를 실행해 보세요.", False),
        ("API와 GPU를 써요.", False),
    ],
)
def test_an_answer_leaves_korean_for_english_sentences_and_letters_of_chinese_or_japanese(
    answer: str, *, leaves: bool
) -> None:
    assert leaves_korean(answer) == leaves


def test_an_answer_about_english_may_be_english() -> None:
    asked = (Question("1", "영어로 인사해 주세요."), Question("2", "인사해 주세요."))
    english = Answer("Hello there, it is nice to meet you today.")

    found = manner_of({"1": english, "2": english}, asked)

    assert (found.confused, found.may_be_confused, found.answers) == (1, 1, 2)


def test_an_answer_to_what_was_not_asked_in_korean_may_be_in_any_language() -> None:
    found = manner_of({"1": Answer("It is nice to meet you today.")}, (Question("1", "Say hello."),))

    assert (found.confused, found.may_be_confused, found.note) == (0, 0, "")


def test_no_extra_is_needed_to_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lingua", None)

    assert leaves_korean("서울은 수도예요. The capital of Korea is Seoul, and it is a large city by the river.")
