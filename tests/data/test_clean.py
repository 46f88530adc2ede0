"""Rows without what pages, clipboards and exports left in them; code as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.clean import Clean, clean_text
from data.row import Rejection, Row, new_row
from kullm_tui.core.records import Message, Role
from tests.growth import growth

_CODE = "```python\nif a &lt; b:<br>  # <div>\u200b\x07\n\tprint('1 / 2')  \n\n\n\n\n```"


def _row(*turns: tuple[Role, str]) -> Row:
    return new_row("test", "", [Message(role, text) for role, text in turns])


def _cleaned(*turns: tuple[Role, str]) -> list[tuple[str, str]]:
    row = Clean()(_row(*turns))
    assert isinstance(row, Row)
    return [(one.role, one.content) for one in row.messages]


@pytest.mark.parametrize(
    ("left", "clean"),
    [
        ("AT&amp;T &quot;1 &lt; 2&quot; &#39;ok&#39;", "AT&T \"1 < 2\" 'ok'"),
        ("가\u200b나\ufeff다\u00ad라\u2060", "가나다라"),
        ("안녕\u200d하세요", "안녕하세요"),
        ("종\x07소리\x00와 \x1b[31m색\x1b[0m", "종소리와 색"),
        ("띄어\u00a0쓰기&nbsp;와 줄\u2028바꿈\r\n끝", "띄어 쓰기 와 줄\n바꿈\n끝"),
        ("첫째<br>둘째<br/>\n셋째<BR><br />넷째", "첫째\n둘째\n셋째\n\n넷째"),
        ('<div class="markdown prose w-full"><p>하나</p><p>둘 <span style="x">셋</span></p></div>', "하나\n\n둘 셋"),
        ("<p>One</p>\n\n\n\n\n<p>Two</p>", "One\n\nTwo"),
        ("2 / 3\n답입니다.", "답입니다."),
        ("답입니다.\nCopy120 chars / 20 words", "답입니다."),
        ("```python\nCopy code\nprint(1)\n```", "```python\nprint(1)\n```"),
        ("```\npythonCopy code\nprint(1)\n```", "```python\nprint(1)\n```"),
        ("```bashCopy codels -l\n```", "```bash\nls -l\n```"),
        ("반쪽 글자 \ud800", "반쪽 글자 ?"),
    ],
)
def test_what_a_page_left_behind_is_gone(left: str, clean: str) -> None:
    assert clean_text(left) == clean


@pytest.mark.parametrize(
    "text",
    [
        "HTML에서 <div>는 무엇이고 </span>은 언제 쓰나요?",
        "확률은 1 / 2 이고, 둘째 줄은 3 / 4 입니다.",
        "https://example.com/?a=1&copy=2&lt=3",
        "`&lt;br&gt;`는 `<br>`로 보입니다.",
        "| 이름 | 값<br>단위 |\n|---|---|",
        "가족 👨‍👩‍👧‍👦 이모지",
        "می\u200cخواهم",
        "x &notanentity; & y; R&D",
        _CODE,
        f"앞말\n\n{_CODE}\n뒷말",
        "  ```\nindented\n  ```",
        "~~~\n&amp; \n~~~",
        "```\n끝나지 않는 &lt; 코드  ",
    ],
)
def test_what_somebody_meant_stays(text: str) -> None:
    assert clean_text(text) == text


def test_a_tag_that_was_written_as_entities_is_somebodys_word() -> None:
    assert clean_text('<div class="markdown"><p>&lt;div&gt;는 상자입니다.</p></div>') == "<div>는 상자입니다."


@given(
    st.text('가나 \n\t<>&;bripu/`~="|\x00\u200b1', max_size=60),
    st.text("가a <>&;\n\t`'\u200b\x07", max_size=60).filter(lambda code: "```" not in f"{code}\n```"[:-3]),
    st.text("가나 \n<>&;bripu/=1", max_size=60),
)
def test_code_in_a_fence_is_byte_equal(before: str, code: str, after: str) -> None:
    fence = f"```\n{code}\n```"
    assert fence in clean_text(f"{before.replace('```', '').replace('~~~', '')}\n\n{fence}\n{after}")


def test_a_conversation_begins_with_a_question_and_ends_with_an_answer() -> None:
    assert _cleaned(("assistant", "인사"), ("user", "질문"), ("assistant", "답"), ("user", "남은 질문")) == [
        ("user", "질문"),
        ("assistant", "답"),
    ]


def test_a_conversation_ends_before_the_turn_that_is_missing() -> None:
    turns: list[tuple[Role, str]] = [
        ("system", "말투"),
        ("user", "하나"),
        ("assistant", "답"),
        ("user", "둘"),
        ("user", "셋"),
        ("assistant", "답 셋"),
    ]
    assert _cleaned(*turns) == [("system", "말투"), ("user", "하나"), ("assistant", "답")]


@pytest.mark.parametrize(
    "turns",
    [
        [("user", "질문")],
        [("assistant", "답")],
        [("user", "질문"), ("assistant", "\u200b ")],
        [("user", "<br>"), ("assistant", "답")],
        [],
    ],
)
def test_a_row_without_one_whole_pair_is_rejected(turns: list[tuple[Role, str]]) -> None:
    found = Clean()(_row(*turns))
    assert isinstance(found, Rejection)
    assert found.reason == "broken-turns"


def test_an_input_is_cleaned_too_and_the_row_keeps_its_id() -> None:
    row = new_row("test", "", [Message("user", "요약해 줘", "A &amp; B"), Message("assistant", "A")])
    cleaned = Clean()(row)
    assert isinstance(cleaned, Row)
    assert (cleaned.id, cleaned.messages[0].input) == (row.id, "A & B")


@pytest.mark.parametrize("piece", ["<", " ", "&amp", "`", "<br", "<p ", "~", "\u200d", "``a", "<div>", "\n"])
def test_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    assert growth(lambda size: clean_text(f"<{piece * size}x"), 4000) < 4
