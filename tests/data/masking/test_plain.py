"""What is left of a text when its code, addresses, formulas and tags are gone."""

import pytest

from data.masking.plain import parts, tokens, without_code
from tests.growth import growth


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("앞\n```python\nprint('the end')\n```\n뒤", "앞 뒤"),
        ("앞\n~~~\ncode\n~~~", "앞"),
        ("앞\n```\n끝나지 않는 code", "앞"),
        ("`a b`를 ``c`d``처럼", "를 처럼"),
        ("https://example.com/a?b=c를 보세요", "를 보세요"),
        ("식 $x + y$과 $$a = b$$와 \\(c\\) 그리고 \\[d\\]", "식 과 와 그리고"),
        ("값은 $5에서 $10 사이", "값은 $5에서 $10 사이"),
        ("<b class='x'>굵게</b><!-- note -->", "굵게"),
        ("3 < 4 그리고 5 > 2", "3 < 4 그리고 5 > 2"),
    ],
)
def test_only_language_is_left(text: str, left: str) -> None:
    assert " ".join(without_code(text).split()) == left


def test_the_parts_are_the_text() -> None:
    text = "가\n```\na\n```\n나\n~~~~\nb\n~~~\n~~~~\n다"
    assert "".join(part for part, _ in parts(text)) == text
    assert [part for part, is_code in parts(text) if is_code] == ["```\na\n```", "~~~~\nb\n~~~\n~~~~"]


def test_tokens_stand_without_the_sentences_full_stop() -> None:
    assert tokens("`a`, https://b.example/c. 그리고 $d$") == ["`a`", "https://b.example/c", "$d$"]


@pytest.mark.parametrize("piece", ["`", "```\n", "$", "<a ", "``a ", "\\[", " ", "http://"])
def test_hostile_text_takes_time_in_proportion_to_its_length(piece: str) -> None:
    assert growth(lambda size: without_code(piece * size), 4000) < 4
