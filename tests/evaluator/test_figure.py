"""Figure 1 as SVG and PNG: Korean shows, nothing lies over anything else, and a machine without the means is told what to do."""

import io
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageFont

from evaluator import figure_png
from evaluator.figure import Box, Words, figure, svg
from evaluator.figure_png import png
from evaluator.report import Table, score_table
from evaluator.verdict import Verdict
from kullm_tui.core.errors import UsageError
from tests.architecture.project import ROOT
from tests.evaluator.test_report import PAPER, evaluation_of
from tests.square_font import save_font


def table(*names: str) -> Table:
    rows = [
        Verdict(f"q{number}", "ok", {one.name: one.low + number % (one.high - one.low + 1) for one in PAPER.criteria})
        for number in range(30)
    ]
    return score_table(*evaluation_of(dict.fromkeys(names, rows)))


@pytest.fixture(scope="module")
def hangul_font(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With 가 and 힣 and a few more, so that no font of this machine is needed."""
    return save_font(tmp_path_factory.mktemp("fonts") / "squares.ttf", "가힣모델이해능성자연스러움")


def test_every_word_of_the_svg_is_there_in_korean_and_in_a_font_that_has_it() -> None:
    root = ElementTree.fromstring(svg(table("구름 5.8b", "KoAlpaca <12.8b> & 친구")))
    words = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    for expected in (
        "이해 가능성",
        "전반적인 품질",
        "구름 5.8b (n = 30)",
        "KoAlpaca <12.8b> & 친구 (n = 30)",
        "0",
        "100",
    ):
        assert expected in words
    assert "Malgun Gothic" in root.attrib["font-family"]
    assert "Apple SD Gothic Neo" in root.attrib["font-family"]


def test_many_long_names_take_lines_of_their_own_and_none_leaves_the_picture() -> None:
    names = [f"아주 긴 이름의 모델 {number} demo-kullm+mine-{number}" for number in range(9)]
    drawn = figure(table(*names))
    keys = [
        shape for shape in drawn.shapes if isinstance(shape, Words) and shape.text.removesuffix(" (n = 30)") in names
    ]
    assert len(keys) == 9
    assert len({key.y for key in keys}) > 2
    bars = [shape for shape in drawn.shapes if isinstance(shape, Box) and shape.title]
    assert min(bar.y for bar in bars) > max(key.y for key in keys)
    assert all(bar.x >= 0 and bar.x + bar.width <= drawn.width for bar in bars)
    assert all(bar.y + bar.height <= drawn.height for bar in bars)


def test_bars_stand_on_the_papers_scale() -> None:
    bars = [shape for shape in figure(table("모델")).shapes if isinstance(shape, Box) and shape.title]
    assert [bar.title for bar in bars] == ["모델: 50.0 (n = 30)"] * 6
    assert len({bar.height for bar in bars}) == 1


def test_a_png_is_drawn_in_the_named_font(hangul_font: Path) -> None:
    picture = Image.open(io.BytesIO(png(table("모델"), font=str(hangul_font))))
    drawn = figure(table("모델"))
    assert picture.size == (drawn.width * 2, drawn.height * 2)
    colours = {colour for _, colour in picture.getcolors(10**6) or []}
    assert {(255, 255, 255), (0x44, 0x77, 0xAA), (0x22, 0x22, 0x22)} <= colours


def test_a_font_of_the_system_is_found_where_systems_keep_them(
    hangul_font: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "fonts" / "deep"
    folder.mkdir(parents=True)
    (folder / "NanumGothic.ttf").write_bytes(b"no font at all")
    save_font(folder / "AAA-latin.ttf", "ABC")
    (folder / "zzz.ttf").write_bytes(hangul_font.read_bytes())
    monkeypatch.setattr(figure_png, "_FOLDERS", (str(tmp_path / "fonts"),))
    figure_png._system_fonts.cache_clear()
    try:
        assert png(table("모델")) == png(table("모델"), font=str(hangul_font))
    finally:
        figure_png._system_fonts.cache_clear()


def test_without_a_font_that_has_hangul_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    latin = save_font(tmp_path / "latin.ttf", "ABC")
    monkeypatch.setattr(figure_png, "_FOLDERS", (str(tmp_path),))
    figure_png._system_fonts.cache_clear()
    with pytest.raises(UsageError, match="--font"):
        png(table("모델"))
    figure_png._system_fonts.cache_clear()
    for bad in (latin, tmp_path / "not-there.ttf", ROOT / "README.md"):
        with pytest.raises(UsageError, match="한글이 있는 글꼴 파일"):
            png(table("모델"), font=str(bad))


def test_without_pillow_it_says_what_to_install_and_svg_works_all_the_same(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["PIL"] = None
from evaluator.figure import svg
from evaluator.figure_png import png
from kullm_tui.core.errors import MissingExtra
from tests.evaluator.test_report import PAPER, evaluation_of
from evaluator.report import score_table
from evaluator.verdict import Verdict
table = score_table(*evaluation_of({"m": [Verdict("q0", "ok", {one.name: one.high for one in PAPER.criteria})]}))
assert svg(table).startswith("<svg")
try:
    png(table)
except MissingExtra as error:
    print(error)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KULLM_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert "kullm[plot]" in done.stdout, done.stderr


def test_a_font_is_known_by_its_glyphs_not_by_its_name(hangul_font: Path, tmp_path: Path) -> None:
    latin = save_font(tmp_path / "NotoSansKR-Regular.ttf", "ABC")
    assert figure_png._has_hangul(ImageFont.truetype(str(hangul_font), 24))
    assert not figure_png._has_hangul(ImageFont.truetype(str(latin), 24))
