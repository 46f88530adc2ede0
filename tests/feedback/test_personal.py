"""What is flagged as a person's, and what is not."""

import pytest

from kullm_tui.feedback.personal import PersonalKind, personal_in


@pytest.mark.parametrize(
    ("text", "kind", "found"),
    [
        ("제 이름은 김철수입니다.", "name", "김철수"),
        ("저는 남궁민수라고 해요.", "name", "남궁민수"),
        ("박영희 씨에게 전해 주세요.", "name", "박영희"),
        ("이민호 과장님께 보고했어요.", "name", "이민호"),
        ("성명: 최지우", "name", "최지우"),
        ("박서준님은 오늘 안 오세요", "name", "박서준"),
        ("한지민 선생님, 안녕하세요", "name", "한지민"),
        ("최민수 씨와 함께", "name", "최민수"),
        ("010-1234-5678로 전화 주세요", "phone", "010-1234-5678"),
        ("01012345678", "phone", "01012345678"),
        ("+82 10-1234-5678", "phone", "+82 10-1234-5678"),
        ("사무실은 02-345-6789예요", "phone", "02-345-6789"),
        ("(051) 123-4567", "phone", "051) 123-4567"),
        ("주민번호는 900101-1234567", "resident-number", "900101-1234567"),
        ("9001011234567", "resident-number", "9001011234567"),
        ("외국인등록번호 900101 - 5234567", "resident-number", "900101 - 5234567"),
        ("메일은 kim.cs@example.co.kr이에요", "mail", "kim.cs@example.co.kr"),
        ("키는 sk-abcdef123456 이야", "key", "sk-abcdef123456"),
        ("hf_AbCdEfGhIjKlMnOp", "key", "hf_AbCdEfGhIjKlMnOp"),
    ],
)
def test_what_is_written_as_people_write_it_is_found(text: str, kind: PersonalKind, found: str) -> None:
    assert [(one.kind, one.text) for one in personal_in([text])] == [(kind, found)]


@pytest.mark.parametrize(
    "text",
    [
        "대한민국의 수도는 서울이에요.",
        "선생님께 여쭤보세요.",
        "2023-10-05 12:30에 만나요.",
        "원주율은 3.14159265358979예요.",
        "ISBN 9788936434120",
        "901301-1234567은 있을 수 없는 날이에요.",
        "주문 번호는 20231005123456789012예요.",
        "이것은 010-으로 시작해요.",
        "김치찌개는 맛있어요.",
        "정책과 대리인의 의견을 주어진 의사소통 방식으로 적으세요.",
        "@멘션 하세요.",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert personal_in([text]) == ()


def test_each_thing_is_told_once() -> None:
    assert [one.kind for one in personal_in(["a@b.kr 010-1234-5678", "a@b.kr"])] == ["phone", "mail"]
