"""The check of answers cannot be fooled, and the held-out questions can be answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.demo.questions import Question, heldout, is_right, out_of_range
from data.demo.split import wordings
from data.demo.styles import STYLES
from data.demo.topics import items

_NUMBERS = st.integers(min_value=0, max_value=99_999)


def _sum(text: str, value: int) -> Question:
    return Question("덧셈", text, (str(value),), ())


@given(right=_NUMBERS, said=_NUMBERS)
def test_a_number_is_right_only_when_it_is_that_number(right: int, said: int) -> None:
    for answer in (
        f"{said}입니다.",
        f"{said}이다.",
        f"3 더하기 4는 {said}이에요! 또 물어보시겠어요?",
        f"{said:,}입니다.",
        f"= {said}",
    ):
        assert is_right(_sum("?", right), answer) == (right == said)


@given(right=st.integers(min_value=1, max_value=999), digit=st.integers(min_value=0, max_value=9))
def test_a_number_with_a_digit_more_is_wrong(right: int, digit: int) -> None:
    for said in (f"{right}{digit}", f"{digit + 1}{right}", f"{right}.{digit + 1}", f"-{right}"):
        assert not is_right(_sum("?", right), f"답은 {said}입니다.")


def test_saying_the_question_again_is_no_answer() -> None:
    question = _sum("20 빼기 10은 얼마인가요?", 10)
    assert not is_right(question, "20 빼기 10은 7입니다. 뺄셈은 덜어 내는 계산입니다.")
    assert is_right(question, "20 빼기 10은 10입니다.")
    assert not is_right(question, "20 빼기 10은 7입니다. 10은 두 자리 수입니다.")


def test_a_rival_in_the_answer_makes_it_wrong() -> None:
    question = Question("수도", "대한민국의 수도는?", ("서울",), ("도쿄", "파리"))
    assert is_right(question, "대한민국의 수도는 서울입니다.")
    assert not is_right(question, "대한민국의 수도는 서울이나 도쿄입니다.")
    assert not is_right(question, "")
    assert not is_right(question, "남서울입니다.")


@pytest.mark.parametrize(
    ("accepted", "answer", "right"),
    [
        ("원", "원이다.", True),
        ("원", "대한민국의 화폐는 원입니다.", True),
        ("원", "원래 그렇다.", False),
        ("동", "동남아시아에 있다.", False),
        ("빈", "오스트리아의 수도는 빈이에요!", True),
        ("일곱", "'열일곱'이다.", False),
        ("일곱", "'일곱'이다.", True),
        ("car", "'card'입니다.", False),
        ("car", "car.", True),
        ("1000미터", "11000미터다.", False),
        ("1000미터", "1킬로미터는 1,000미터입니다.", True),
        ("네", "네덜란드입니다.", False),
        ("네", "네, 고래는 포유류입니다.", True),
    ],
)
def test_words_are_found_whole(accepted: str, answer: str, right: bool) -> None:
    assert is_right(Question("", "", (accepted,), ()), answer) == right


def test_the_right_answer_is_right_in_every_manner_of_speech() -> None:
    by_text = {ask: item for item in items() for ask in wordings(item, "heldout")}
    for question in heldout(10**6):
        for style in STYLES.values():
            assert is_right(question, style(by_text[question.text])), (question, style(by_text[question.text]))


def test_the_answer_to_another_question_of_the_topic_is_wrong() -> None:
    fooled = asked = 0
    by_text = {ask: item for item in items() for ask in wordings(item, "heldout")}
    questions = heldout(2_000)
    for one, other in zip(questions, questions[1:] + questions[:1], strict=True):
        asked += 1
        fooled += is_right(one, by_text[other.text].polite)
    assert fooled < asked / 50


def test_a_few_questions_already_touch_every_topic() -> None:
    topics = {question.topic for question in heldout(10**6)}
    assert {question.topic for question in heldout(len(topics))} == topics
    assert len(topics) >= 12
    assert [question.text for question in heldout(50)] == [question.text for question in heldout(100)[:50]]


def test_questions_out_of_range_are_many_and_none_of_them_is_held_in_range() -> None:
    outside = out_of_range()
    assert len(set(outside)) == len(outside) > 100
    assert {question.text for question in heldout(10**6)}.isdisjoint(outside)
