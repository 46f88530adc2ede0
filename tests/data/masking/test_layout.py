"""What is sent of a text, and that everything else comes back byte for byte and in its place."""

import re
import time

import pytest
from hypothesis import given, settings

from data.masking.layout import LONGEST_UNIT, Layout, laid_out
from data.masking.spans import spans
from data.masking.unit import Unit
from tests.data.masking.texts import in_korean, texts

_TAGS = re.compile(r"(<x id=\"\d+\"/>|&(?:amp|lt|gt);)")


def sent(text: str) -> list[str]:
    return [unit.asks[0][1] for unit in laid_out(text).units]


def far_side(form: str, text: str) -> str:
    """What a server gives back for what was sent, its tags and entities in their places."""
    if form == "plain":
        return in_korean(text)
    return "".join(part if _TAGS.fullmatch(part) else in_korean(part) for part in _TAGS.split(text))


def translated(layout: Layout) -> tuple[str, list[str | None]]:
    read = [unit.read(0, far_side(*unit.asks[0])) for unit in layout.units]
    return layout.assembled([text for text, _ in read]), [fault for _, fault in read]


@settings(max_examples=300, deadline=None)
@given(texts)
def test_with_its_units_as_they_are_a_text_is_what_it_was(text: str) -> None:
    layout = laid_out(text)
    assert layout.assembled([unit.source for unit in layout.units]) == text
    short = laid_out(text, longest=20)
    assert short.assembled([unit.source for unit in short.units]) == text


@settings(max_examples=300, deadline=None)
@given(texts)
def test_what_is_no_language_comes_back_from_a_translation_byte_for_byte_and_in_its_order(text: str) -> None:
    layout = laid_out(text)
    korean, faults = translated(layout)
    assert set(faults) <= {None}
    kept = [text[one.start : one.end] for one in spans(text)]
    at = 0
    for literal in kept:
        found = korean.find(literal, at)
        assert found >= 0, (literal, korean)
        at = found + len(literal)


@settings(max_examples=300, deadline=None)
@given(texts)
def test_no_fence_is_ever_sent_and_no_block(text: str) -> None:
    found = spans(text)
    blocks = [
        text[one.start : one.end] for one in found if one.is_block and len(one_word(text[one.start : one.end])) > 3
    ]
    for unit in laid_out(text).units:
        assert not any(block in unit.asks[0][1] for block in blocks)
        for _, asked in unit.asks:
            assert not re.search(r"^~~~$", asked, re.MULTILINE)  # in mid-line it is no fence
            assert "```" not in asked


def one_word(text: str) -> str:
    return max(re.findall(r"\w+", text), key=len, default="")


@settings(max_examples=200, deadline=None)
@given(texts)
def test_a_unit_is_no_longer_than_it_may_be_unless_a_placeholder_is(text: str) -> None:
    for unit in laid_out(text, longest=40).units:
        longest_placeholder = max((end - start for start, end in unit.placeholders), default=0)
        assert len(unit.source) <= 40 + longest_placeholder


def test_lists_headings_and_quotes_keep_their_marks_out_of_what_is_sent() -> None:
    text = "# Title\n\n- one thing\n  1. another thing\n> - [x] a quoted task\n"
    assert sent(text) == ["Title", "one thing", "another thing", "a quoted task"]


def test_a_sentence_that_was_wrapped_is_sent_whole() -> None:
    text = (
        "This sentence goes on for long enough that whoever wrote it broke it\n"
        "over two lines of the file.\nThis is another.\n"
    )
    assert [one.count("\n") for one in sent(text)] == [1, 0]


def test_a_placeholder_at_the_edge_of_a_sentence_stays_outside_where_grammar_allows_it() -> None:
    assert sent("`sorted`: returns a list") == ["returns a list"]
    assert sent("Read more here: https://a.example/b.") == ["Read more here:"]
    assert sent("<p>Hello world</p>") == ["Hello world"]
    assert sent("<b>Hello world</b>") == ["Hello world"]
    assert sent("Use `x` now") == ['Use <x id="0"/> now']


@pytest.mark.parametrize(
    "text",
    ["```\ncode without an end", "```python\ncode\n```", "~~~\ncode\n~~~", "a\n\n    set in by four", "42", "|a|\n|-|\n|b|",
     "https://a.example", "$$x$$", "<pre>a\nb</pre>", "안녕하세요", "", "\n\n", "---"],
)  # fmt: skip
def test_nothing_is_sent_of_what_holds_no_language(text: str) -> None:
    korean = text.startswith("a\n")
    assert sent(text) == (["a"] if korean else [])


def test_a_fence_that_opens_behind_words_is_cut_out_of_its_line() -> None:
    assert sent("Run it: ```sh\nls -l\n``` and look") == ["Run it:", "and look"]


def test_prices_are_language_and_formulas_are_not() -> None:
    assert sent("It costs $5 and not $10 today") == ["It costs $5 and not $10 today"]
    assert sent("Let $x_1$ be it") == ['Let <x id="0"/> be it']


@pytest.mark.parametrize(
    "piece", ["```a\n", "<code>", "$x", "`a ", "<!-- ", "\\[", " <a> ", "\\begin{a}", "| - |\n", "a. ", "~~~ "]
)
def test_a_long_row_of_openings_takes_no_longer_than_its_length(piece: str) -> None:
    def seconds(size: int) -> float:
        began = time.process_time()
        laid_out(piece * (size // len(piece)))
        return time.process_time() - began

    small, large = max(seconds(10_000), 0.02), seconds(80_000)
    assert large < small * 60  # eight times the text; its square would be sixty-four


def test_the_longest_unit_is_well_within_one_request() -> None:
    assert LONGEST_UNIT * 6 < 76 * 1024


def test_a_unit_without_placeholders_is_asked_for_once_and_one_with_placeholders_in_two_ways() -> None:
    assert Unit("plain words").asks == (("plain", "plain words"),)
    layout = laid_out("Use `x` & <y> now")
    assert layout.units[0].asks == (("tagged", 'Use <x id="0"/> &amp; <x id="1"/> now'), ("plain", "Use `x` & <y> now"))
