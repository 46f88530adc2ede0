"""Series as lines of a terminal: what a reader must see of them, and what no value may do to them."""

import math
import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from kullm_tui.core.plot.dots import BRAILLE, HALF_BLOCKS, dots_for
from kullm_tui.core.plot.lines import Mark, Series, line_rows
from kullm_tui.core.plot.rows import Row, plain
from tests.growth import growth

_NAN = float("nan")


def _text(rows: list[Row]) -> str:
    return "\n".join(map(plain, rows))


def _canvas(rows: list[Row]) -> list[Row]:
    """Without the numbers beside and below it."""
    return [row[1:] for row in rows if row[0].text[-1:] in ("│", "┤")]


def _column(rows: list[Row], cell: int) -> str:
    """From the top down."""
    return "".join("".join(piece.text for piece in row)[cell] for row in _canvas(rows))


def _line(*points: tuple[float, float], **options: object) -> list[Row]:
    return line_rows([Series("", points)], 42, 12, **options)  # type: ignore[arg-type]


def test_a_spike_between_thousands_of_points_reaches_the_top_and_a_dip_the_bottom() -> None:
    points = [(float(step), 1.0) for step in range(100_000)]
    points[31_337], points[77_777] = (31_337.0, 9.0), (77_777.0, -7.0)
    rows = _canvas(_line(*points))
    assert [piece.style for piece in rows[0]].count(0) == 1
    assert [piece.style for piece in rows[-1]].count(0) == 1
    cells = "".join(piece.text for piece in rows[0])
    assert cells.index(cells.strip()) == pytest.approx(31_337 / 100_000 * len(cells), abs=1)


def test_a_line_between_far_points_has_no_hole() -> None:
    rows = _line((0, 0), (5, 10), (6, 0), (100, 100))
    width = len("".join(piece.text for piece in _canvas(rows)[0]))
    assert all(_column(rows, cell).strip() for cell in range(width))


def test_the_dots_of_a_rising_line_are_these() -> None:
    rows = line_rows([Series("", [(0, 0), (9, 7)])], 7, 4)
    assert _text(rows) == "5┤  ⢀⠤⠊\n0┤⡠⠒⠁\n └┬─┬──\n  0 5"


def test_a_value_that_is_no_number_breaks_the_line_and_is_marked_on_the_axis() -> None:
    for gap in (_NAN, math.inf, -math.inf):
        rows = _line(*((step, 1.0) for step in range(40)), (40, gap), *((step, 1.0) for step in range(41, 80)))
        text = plain(rows[-2])
        assert text.count("×") == 1
        at = text.index("×") - text.index("└") - 1
        assert next(piece.style for piece in rows[-2] if piece.text == "×") == 0
        rows = _line((0, 1.0), (10, 1.0), (40, gap), (70, 1.0), (80, 1.0))
        assert not any(_column(rows, cell).strip() for cell in range(at - 2, at + 3))


def test_a_series_that_never_had_a_number_is_marked_and_claims_no_values() -> None:
    text = _text(_line((3, _NAN), (4, _NAN)))
    assert text.count("×") == 2
    assert "┤" not in text
    assert not any("\u2800" < letter <= "\u28ff" for letter in text)


def test_two_series_keep_their_styles_and_the_later_lies_on_top() -> None:
    level = [(float(step), 1.0) for step in range(50)]
    rising = [(float(step), step / 25) for step in range(50)]
    rows = line_rows([Series("학습", level), Series("검증", rising)], 60, 14)
    assert [(piece.text, piece.style) for piece in rows[0] if piece.text.strip()] == [
        ("━━ ", 0),
        ("학습", ""),
        ("━━ ", 1),
        ("검증", ""),
    ]
    crossed = next(row for row in _canvas(rows) if sum(piece.style == 0 for piece in row) == 2)
    assert [piece.style for piece in crossed if piece.style != ""] == [0, 1, 0]
    assert "\x1b" not in _text(line_rows([Series("a\x1b[2J\nb", level)], 60, 14))


def test_a_logarithmic_scale_gives_every_power_of_ten_the_same_room_and_leaves_zero_out() -> None:
    rows = _line((0, 1000.0), (1, 100.0), (2, 10.0), (3, 0.0), (4, 1.0), log=True)
    assert [row[0].text for row in rows if row[0].text.endswith("┤")] == ["100┤", "  1┤"]
    rows = line_rows([Series("", [(0, 1000.0), (3, 1.0)])], 42, 22, log=True)
    heights = [place for place, row in enumerate(rows) if row[0].text.endswith("┤")]
    assert {after - before for before, after in pairwise(heights)} == {6, 7}
    assert [row[0].text.strip("┤ ") for row in rows if row[0].text.endswith("┤")] == ["1,000", "100", "10", "1"]
    assert _text(_line((0, 1.0), (1, -1.0), (2, 0.0), (3, 1.0), log=True)).count("×") == 2


def test_a_console_without_braille_gets_half_blocks_of_the_same_line() -> None:
    assert dots_for({"TERM": "linux"}) is HALF_BLOCKS
    assert dots_for({"TERM": "xterm-256color"}) is BRAILLE
    points = [(float(step), math.sin(step / 9)) for step in range(100)]
    text = _text(_line(*points, dots=HALF_BLOCKS))
    assert set(text) <= set(" ▄▀█│┤└┬─\n-0123456789.,")
    assert {"▄", "▀", "█"} <= set(text)


def test_without_points_there_is_nothing_to_draw() -> None:
    assert line_rows([], 40, 10) == []
    assert line_rows([Series("빈 것", []), Series("", [(_NAN, 1.0)])], 40, 10) == []


def test_one_point_is_one_dot() -> None:
    rows = _line((7, 2.5))
    dots = "".join("".join(piece.text for piece in row) for row in _canvas(rows)).replace(" ", "")
    assert len(dots) == 1
    assert bin(ord(dots) - 0x2800).count("1") == 1


def test_a_constant_is_a_level_line_at_its_number() -> None:
    rows = _line(*((step, 2.0) for step in range(30)))
    (level,) = [row for row in rows if any(piece.style == 0 for piece in row)]
    assert level[0].text == "2┤"
    assert len(set(plain(level[1:]))) == 1


def test_steps_that_stand_twice_after_a_resume_are_drawn_in_their_order() -> None:
    first, again = [(float(step), 1.0) for step in range(60)], [(float(step), 1.0) for step in range(40, 100)]
    assert _line(*first, *again) == _line(*((float(step), 1.0) for step in range(100)))


def test_names_of_the_axes_stand_at_their_ends() -> None:
    rows = _line((0, 1.0), (1200, 3.0), x_name="단계", y_name="손실")
    assert plain(rows[0]) == "손실"
    assert plain(rows[-1]).endswith("단계")
    assert plain(rows[-1]).split() == ["0", "500", "단계"]
    assert all(cell_len("".join(piece.text for piece in row)) <= 42 for row in rows)


_values = st.floats() | st.sampled_from([0.0, 1e-320, 1.0, 1.0 + 2**-52, 1e299, -1e299, 1e7, 2e-5])


@given(
    points=st.lists(st.tuples(_values, _values), max_size=30),
    log=st.booleans(),
    size=st.tuples(st.integers(1, 90), st.integers(1, 30)),
    dots=st.sampled_from([BRAILLE, HALF_BLOCKS]),
)
@settings(max_examples=400, deadline=None)
def test_whatever_the_values_every_row_is_as_wide_as_the_others_and_numbers_differ(
    points: list[tuple[float, float]], log: bool, size: tuple[int, int], dots: object
) -> None:
    rows = line_rows([Series("", points), Series("", points[::-1])], *size, log=log, dots=dots)  # type: ignore[arg-type]
    drawn = any(abs(x) < 1e300 for x, _ in points)
    assert bool(rows) == drawn
    assert len({cell_len("".join(piece.text for piece in row)) for row in rows}) == drawn
    labels = [row[0].text.strip(" ┤") for row in rows if row[0].text.endswith("┤")]
    assert len(set(labels)) == len(labels)


def test_many_points_cost_no_more_each_than_few() -> None:
    noise = random.Random(1)
    points = [(float(step), noise.random()) for step in range(80_000)]
    assert growth(lambda size: line_rows([Series("", points[:size])], 120, 40), 10_000) < 2


def test_points_that_nothing_joins_are_seen_upon_a_line_and_have_a_sign_of_their_own() -> None:
    level, few = [(float(step), 1.0) for step in range(80)], [(20.0, 2.0), (60.0, 1.0), (70.0, _NAN)]
    rows = line_rows([Series("학습", level), Series("평가", few, apart=True)], 60, 14)
    assert "▪▪ 평가" in plain(rows[0])
    width = len("".join(piece.text for piece in _canvas(rows)[0]))
    styles = [_styles(row) for row in _canvas(rows)]
    seen = [cell for cell in range(width) if any(row[cell] == 1 for row in styles)]
    assert len(seen) <= 4, "a blot is no wider than two cells"
    assert {round(20 / 79 * width), round(60 / 79 * width)} <= {cell + near for cell in seen for near in (-1, 0, 1)}


def _styles(row: Row) -> list[object]:
    return [piece.style for piece in row for _ in piece.text]


def test_what_happened_stands_behind_the_curve_with_its_glyph_on_the_axis_and_outside_of_what_is_shown_nowhere() -> (
    None
):
    points = [(float(step), float(step % 7)) for step in range(100)]
    rows = line_rows([Series("", points)], 60, 14, span=(0, 50), marks=[Mark(25, "!"), Mark(80, "!", 3)])
    axis = next(row for row in rows if row[0].text.endswith("└"))
    assert [(piece.text, piece.style) for piece in axis if piece.text == "!"] == [("!", "alarm")]
    assert any("alarm" in _styles(row) for row in _canvas(rows))
    assert not any(3 in _styles(row) for row in _canvas(rows))


def test_the_cursor_is_a_whole_line_at_its_place() -> None:
    rows = line_rows([Series("", [(0, 0), (100, 1)])], 60, 14, cursor=50)
    width = len("".join(piece.text for piece in _canvas(rows)[0]))
    columns = [{cell for cell, style in enumerate(_styles(row)) if style == "quiet"} for row in _canvas(rows)]
    assert sum(map(bool, columns)) == len(columns) - 1, "where the curve crosses it, the curve is seen"
    assert set.union(*columns) <= {width // 2 - 1, width // 2}


def test_what_is_outside_of_the_span_sets_no_axis() -> None:
    points = [(0.0, 1000.0), (10.0, 1.0), (20.0, 2.0), (30.0, -1000.0)]
    assert _text(_line(*points, span=(10, 20))) == _text(_line(*points[1:3]))
