"""Each reason of the strict filter, and what is near it and kept."""

import pickle

import pytest

from data.filters.english import letters_of
from data.filters.strict import StrictFilter
from data.row import Rejection, Row, new_row
from kullm_tui.core.language import speaking
from kullm_tui.core.records import Message
from tests.data.shared_rows import pair
from tests.growth import growth

_KOREAN = "인공지능은 사람의 학습과 추론 능력을 컴퓨터로 구현하려는 기술이며 여러 분야에서 널리 쓰입니다."
_ENGLISH = "Artificial intelligence is a technology that tries to give computers the ability to learn and to reason."


def _translated(korean: str, english: str, asked: tuple[str, str] = ("설명해 주세요.", "Please explain.")) -> Row:
    row = new_row("test", "", (Message("user", asked[0]), Message("assistant", korean)))
    original = (Message("user", asked[1]), Message("assistant", english))
    return Row(row.id, row.source, row.place, row.messages, original)


def _reason(row: Row) -> str | None:
    found = StrictFilter()(row)
    return found.reason if isinstance(found, Rejection) else None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (_translated(_ENGLISH, _ENGLISH), "untranslated"),
        (_translated("설명입니다.", "An explanation.", (_ENGLISH.upper(), _ENGLISH)), "untranslated"),
        (_translated(f"{_ENGLISH} 그렇습니다.", _ENGLISH), "hangul-ratio"),
        (_translated(f"{_KOREAN} {_KOREAN} {_ENGLISH}", f"{_ENGLISH} " * 3), "english-sentences"),
        (
            _translated(f"{_KOREAN[:-1]}, while it is also used in many other fields of work, {_KOREAN}", _ENGLISH),
            "english-clauses",
        ),
        (_translated("짧아요.", _ENGLISH * 2), "length-ratio"),
        (_translated(_KOREAN * 3, _ENGLISH), "length-ratio"),
        (_translated(_KOREAN, _ENGLISH, (_KOREAN, "Correct the sentence.")), "input-is-output"),
        (pair("고쳐 쓰세요.", "나는 학교에 갔다. 밥도 먹었다.", "나는 학교에 갔다, 밥도 먹었다"), "input-is-output"),
        (pair("말해 주세요.", "그래서 저는 이 질문에 대하여 다시 말씀드립니다. " * 20), "repetition"),
        (pair("말해 주세요.", "아" * 300), "repetition"),
        (_translated("`print` 함수로 출력해요.", "Use the `println` function."), "placeholder-moved"),
        (_translated("함수로\n출력하는 `print`.", "Use `print`\nto print."), "placeholder-moved"),
        (_translated("https://a.example 참고.", "See https://a.example and https://b.example"), "placeholder-moved"),
        (_translated("식은 다음과 같아요.", "The formula is $x^2 + 1$."), "placeholder-moved"),
        (_translated('<x id="1"/> 함수를 쓰세요.', "Use the function."), "placeholder-moved"),
        (_translated("```\nprint (1)\n```", "```\nprint(1)\n```"), "placeholder-moved"),
    ],
)
def test_what_is_wrong_with_a_row_is_its_reason(row: Row, reason: str) -> None:
    assert _reason(row) == reason


@pytest.mark.parametrize(
    "row",
    [
        _translated(_KOREAN, _ENGLISH),
        _translated(
            "`print` 함수를 쓰세요. https://a.example/x를 보세요.", "Use the `print` function. See https://a.example/x."
        ),
        _translated("첫째\n\n`a`와 `b`", "First\n\nSwap `b` and `a`"),
        _translated(
            "```\nprint the value of it, and that is all you need to do here\n```\n끝이에요.",
            "```\nprint the value of it, and that is all you need to do here\n```\nDone.",
        ),
        _translated("42", "42"),
        _translated("New York", "New York"),
        _translated(_ENGLISH, _ENGLISH, ("영어로 옮기세요.", "Translate into English.")),
        _translated(
            "같은 글입니다 같은 글입니다",
            "The same text, the same text",
            ("같은 글입니다 같은 글입니다", "the same text the same text"),
        ),
        _translated("후렴입니다 " * 60, "This is the refrain, " * 60),
        pair("다음 글을 한국어로 옮기세요.", _KOREAN, _ENGLISH),
        pair("영어 문장을 하나 써 주세요.", _ENGLISH),
        pair("도시를 말해 주세요.", "New York, Los Angeles, Chicago가 있어요."),
        pair("알고리즘은?", "O(n log n)"),
        pair(
            "이름은?",
            "Harry Potter and the Philosopher's Stone을 쓴 J. K. Rowling은 영국의 작가이며 여러 권의 책을 펴냈습니다.",
        ),
    ],
)
def test_what_is_right_is_kept(row: Row) -> None:
    assert StrictFilter()(row) is row


def test_a_reason_is_said_in_both_languages() -> None:
    row = _translated("짧아요.", _ENGLISH * 2)
    with speaking("ko"):
        korean = StrictFilter()(row)
    with speaking("en"):
        english = StrictFilter()(row)
    assert isinstance(korean, Rejection)
    assert isinstance(english, Rejection)
    assert "원문의" in korean.detail
    assert "as its original" in english.detail


def test_the_filter_may_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(StrictFilter())) == StrictFilter()


@pytest.mark.parametrize("piece", ["a", "the ", "a,", "It is the a b. ", "(((", "'"])
def test_looking_for_english_takes_time_in_proportion_to_the_text(piece: str) -> None:
    assert growth(lambda size: letters_of(f"{piece * size}가"), 3000) < 4
