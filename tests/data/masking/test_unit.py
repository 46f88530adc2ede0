"""Placeholders after a translation: counted, and looked for in their places."""

import pytest

from data.masking.layout import laid_out


def read(source: str, answer: str, ask: int = 0) -> tuple[str, str | None]:
    (unit,) = laid_out(source).units
    return unit.read(ask, answer)


@pytest.mark.parametrize(
    ("source", "answer", "korean"),
    [
        ("Use `f` to sort.", '정렬하려면 <x id="0"/>를 쓰세요.', "정렬하려면 `f`를 쓰세요."),
        ("Use `f` to sort.", '<x id="0"/>로 정렬하세요.', "`f`로 정렬하세요."),
        ("The `f` function sorts.", '<x id="0"/> 함수는 정렬해요.', "`f` 함수는 정렬해요."),
        ("Copy `a` to `b`.", '<x id="1"/>에 <x id="0"/>를 복사하세요.', "`b`에 `a`를 복사하세요."),
        ("It is (`a`) & more.", '그것은 (<x id="0"/>) &amp; 더 있어요.', "그것은 (`a`) & 더 있어요."),
        ("A <b>big</b> one.", '<x id="0"/>큰<x id="1"/> 것.', "<b>큰</b> 것."),
        ("`f` sorts it.", '<x id="0" />는 정렬해요.', "`f`는 정렬해요."),
        ("One `a`. Two `b`.", '하나 <x id="0"></x>. 둘 <x id="1"/>.', "하나 `a`. 둘 `b`."),
    ],
)
def test_a_placeholder_that_kept_its_place_is_put_back(source: str, answer: str, korean: str) -> None:
    assert read(source, answer) == (korean, None)


@pytest.mark.parametrize(
    ("source", "answer", "fault"),
    [
        ("Use `f` to sort.", "정렬하려면 쓰세요.", "placeholder-lost"),
        ("Use `f` to sort.", '<x id="0"/> 정렬하려면 <x id="0"/> 쓰세요.', "placeholder-lost"),
        ("Use `f` to sort.", '<x id="1"/> 정렬하려면 쓰세요.', "placeholder-lost"),
        ("Open the file with `vim` and edit.", '<x id="0"/> 파일을 열고 고치세요.', "placeholder-moved"),
        ("Use `f` to sort.", '정렬하려면 쓰세요. <x id="0"/>', "placeholder-moved"),
        ("One `a` is. Two `b` are.", '하나 <x id="1"/>예요. 둘 <x id="0"/>예요.', "placeholder-moved"),
        ("It is (`a`) here now.", '그것은 <x id="0"/>가 () 여기 있어요.', "placeholder-moved"),
        ("A <b>big</b> one.", '<x id="1"/>큰<x id="0"/> 것.', "placeholder-moved"),
        ("A <b>big</b> one.", '아주 <x id="0"/><x id="1"/>큰 것.', "placeholder-moved"),
        ("Use `f` to sort.", "  ", "empty-translation"),
    ],
)
def test_a_placeholder_that_was_lost_doubled_or_moved_is_a_fault(source: str, answer: str, fault: str) -> None:
    assert read(source, answer)[1] == fault


def test_sent_as_it_is_a_text_must_hold_the_literal_words_of_its_placeholders_as_often_as_before() -> None:
    assert read("Use `f` to sort.", "`f`를 써서 정렬하세요.", ask=1) == ("`f`를 써서 정렬하세요.", None)
    assert read("Use `f` to sort.", "'f'를 써서 정렬하세요.", ask=1)[1] == "placeholder-lost"
    assert read("Use `f` and `f`.", "`f`를 쓰세요.", ask=1)[1] == "placeholder-lost"
    assert read("Use `f` to sort.", "정렬하려면 쓰세요. `f`", ask=1)[1] == "placeholder-moved"


def test_entities_of_the_answer_are_read_once_and_those_of_the_source_stay() -> None:
    assert read("`f` &amp; <b", '<x id="0"/> &amp;amp; &lt;나', ask=0) == ("`f` &amp; <나", None)
    assert read("`f` says it's", '<x id="0"/>가 &quot;말&#39;해요', ask=0)[0] == "`f`가 \"말'해요"
