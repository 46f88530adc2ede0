"""One line around what was found, readable, with the place of the find in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kullm_tui.core.store.excerpt import excerpt


def _around(text: str, wanted: str) -> str:
    start = text.index(wanted)
    line, first, last = excerpt(text, start, start + len(wanted))
    assert line[first:last] == wanted
    return line


@pytest.mark.parametrize(
    ("text", "wanted", "shown"),
    [
        ("대한민국의 수도는 **서울**입니다.", "수도", "대한민국의 수도는 서울입니다."),
        ("**한국어(Korean)**는 *자음*과 ~~몸음~~ 모음", "자음", "한국어(Korean)는 자음과 몸음 모음"),
        ("## 제목\n\n- 하나\n- 둘은 `셋`이에요", "둘", "제목 하나 둘은 셋이에요"),
        ("| 글자 | 초성 |\n|---|:-:|\n|한|ㅎ|", "초성", "글자 초성 한 ㅎ"),
        ("> 나랏말싸미\n> 듕귁에", "듕귁", "나랏말싸미 듕귁에"),
        ("[국립국어원](https://korean.go.kr)에서 ![그림](a.png)", "에서", "국립국어원에서 그림"),
        ("```python\n값 = 2*3*4\n```\n끝", "값", "값 = 2*3*4 끝"),
        ("앞\n\n---\n\n뒤", "뒤", "앞 뒤"),
        ("__줄__ 뒤 _기울임_, snake_case_name", "기울임", "줄 뒤 기울임, snake_case_name"),
    ],
)  # fmt: skip
def test_no_mark_of_markdown_is_left(text: str, wanted: str, shown: str) -> None:
    assert _around(text, wanted) == shown


@pytest.mark.parametrize(
    "text", ["2 * 3 * 4 = 24", "2*3*4", "a**b + c**d", "별표 * 하나", "C# 언어", "a | b", "1. 하나"]
)
def test_what_is_no_mark_stays(text: str) -> None:
    assert _around(text, text[-1]) == text


def test_what_was_looked_for_is_shown_as_it_is() -> None:
    assert _around("이것은 **굵게** 씁니다", "**굵게**") == "이것은 **굵게** 씁니다"
    assert _around("# 제목", "# 제") == "# 제목"


def test_a_title_is_no_markdown() -> None:
    assert excerpt("**제목** 그대로", 7, 9, is_markdown=False)[0] == "**제목** 그대로"


def test_a_long_text_is_cut_on_both_sides() -> None:
    line = _around("가나다 " * 300 + "**찾음** " + "라마바 " * 300, "찾음")
    assert line.startswith("…")
    assert line.endswith("…")
    assert "*" not in line
    assert len(line) < 120


@given(st.text(alphabet="가*_`~#>-|[]()!1a \n", max_size=400), st.data())
def test_the_find_is_always_in_its_place(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    line, first, last = excerpt(text, start, end)
    assert line[first:last] == " ".join(text[start:end].split("\n")).replace("  ", " ") or " " in text[start:end]
    assert 0 <= first <= last <= len(line)
    assert "\n" not in line
    assert "\0" not in line


def test_marks_without_end_take_no_time() -> None:
    for mark in ("*", "**", "`", "-", "|", "[", "_", "~~", "***가"):
        excerpt(mark * 500_000, 250_000, 250_010)
