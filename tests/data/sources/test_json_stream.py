"""JSON element by element: the same values as the parser's of the standard library, in bounded memory, and broken ones alone lost."""

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.sources import json_stream
from data.sources.json_stream import Broken, Element, elements

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def read(text: str | bytes, *, inside: str = "") -> list[Element | Broken]:
    return list(elements(io.BytesIO(text.encode() if isinstance(text, str) else text), inside=inside))


def values(read_: list[Element | Broken]) -> list[Any]:
    assert not [one for one in read_ if isinstance(one, Broken)]
    return [one.value for one in read_ if isinstance(one, Element)]


def lines(read_: list[Element | Broken]) -> list[int]:
    return [one.line for one in read_]


@given(st.lists(_VALUES, max_size=8), st.sampled_from([None, 0, 2]), st.booleans(), st.integers(1, 40))
def test_every_array_is_read_as_the_whole_parser_reads_it(
    array: list[Any], indent: int | None, is_ascii: bool, chunk: int
) -> None:
    text = json.dumps(array, indent=indent, ensure_ascii=is_ascii)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK_BYTES", chunk)
        try:
            content = text.encode()
        except UnicodeEncodeError:  # half a character, which no file of UTF-8 holds
            return
        assert values(read(content)) == array


@given(st.lists(_VALUES, max_size=5), st.integers(1, 40))
def test_an_array_inside_an_object_comes_with_the_objects_other_fields(array: list[Any], chunk: int) -> None:
    text = json.dumps({"version": [1, {"a": 2}], "data": array, "end": "}"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "_CHUNK_BYTES", chunk)
        assert values(read(text, inside="data")) == [{"version": [1, {"a": 2}], "data": one} for one in array]


def test_each_element_has_the_line_that_it_begins_on() -> None:
    assert lines(read(json.dumps([{"a": 1, "b": 2}, {"a": 1}], indent=1))) == [2, 6]
    assert lines(read('[{"a": 1},\n{"a": 2},\n\n{"a": 3}]')) == [1, 2, 4]


@pytest.mark.parametrize(
    "broken",
    [
        '{"a": 1 "b": 2}',
        '{"a": "never closed}',
        '{"a": oops}',
        '{"a": "\x00"}',
        '{"a": 1,\n  {"a": 2}',
        "nothing",
    ],
)
def test_a_broken_element_costs_itself_alone_where_elements_begin_lines(broken: str) -> None:
    first, second, third = read(f'[\n {{"a": 1}},\n {broken},\n {{"a": 3}}\n]')
    assert (first, third) == (Element(2, {"a": 1}), Element(3 + broken.count("\n") + 1, {"a": 3}))
    assert isinstance(second, Broken)


def test_an_object_inside_a_broken_element_is_not_taken_for_an_element() -> None:
    text = json.dumps([{"turns": [{"from": "a"}, {"from": "b"}]}, {"turns": []}], indent=2)
    cut = text.replace('"turns": [', '"turns" [', 1)
    broken, whole = read(cut)
    assert isinstance(broken, Broken)
    assert isinstance(whole, Element)
    assert whole.value == {"turns": []}


def test_behind_a_broken_element_in_the_middle_of_a_line_the_rest_is_said_to_be_lost() -> None:
    first, second = read('[{"a": 1}, {"a" 2}, {"a": 3}]')
    assert first == Element(1, {"a": 1})
    assert isinstance(second, Broken)
    assert "not read" in second.fault


def test_an_element_that_is_not_utf_8_costs_itself_alone_on_any_line() -> None:
    first, second, third = read(b'[{"a": 1}, {"a": "\xb1\xe8"}, {"a": 3}]')
    assert (first, third) == (Element(1, {"a": 1}), Element(1, {"a": 3}))
    assert second == Broken(1, "not UTF-8")


def test_what_is_nested_too_deeply_costs_itself_alone() -> None:
    deep = "[" * 100 + "]" * 100
    first, second = read(f"[{deep}, 1]")
    assert first == Broken(1, "JSON nested too deeply")
    assert second == Element(1, 1)
    (abyss,) = read("[" * 200_000)
    assert isinstance(abyss, Broken)


@pytest.mark.parametrize(
    ("text", "line"),
    [("[", 1), ('[{"a": 1},\n', 2), ('[{"a": 1},\n{"a', 2), ('[{"a": 1}]\nmore', 2), ("", 1), ('[{"a": 1},]', 1)],
)
def test_a_file_that_ends_early_or_goes_on_is_said_with_its_line(text: str, line: int) -> None:
    last = read(text)[-1]
    assert isinstance(last, Broken)
    assert last.line == line


def test_a_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "large.json"
    row = json.dumps({"instruction": "질문", "output": "가" * 2000}, ensure_ascii=False)
    with path.open("w", encoding="utf-8") as file:
        file.write("[" + row)
        for _ in range(8_000):
            file.write("," + row)
        file.write("]")
    assert path.stat().st_size > 45_000_000
    tracemalloc.start()
    try:
        with path.open("rb") as opened:
            assert sum(isinstance(one, Element) for one in elements(opened)) == 8_001
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 15_000_000


def test_an_element_without_end_is_given_up_at_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "MOST_CHARACTERS", 1000)
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", 100)
    text = '[\n{"a": "' + "가" * 5000 + '"},\n{"a": 2}\n]'
    first, second = read(text)
    assert isinstance(first, Broken)
    assert "1,000" in first.fault
    assert second == Element(3, {"a": 2})
