"""Figure 1 as SVG, PNG and PDF: Korean shows, nothing lies over anything else, and a machine without the means is told what to do."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from matplotlib import font_manager, image

from evaluator.figure import figure_bytes
from evaluator.report import Table, score_table
from evaluator.verdict import Verdict
from kullm_tui.core.errors import UsageError
from kullm_tui.core.plot.file import Form
from kullm_tui.core.plot.font import has_hangul
from tests.architecture.project import ROOT
from tests.evaluator.test_report import PAPER, evaluation_of
from tests.square_font import save_font

SVG = "{http://www.w3.org/2000/svg}"


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


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all where this system keeps fonts."""
    folder = tmp_path / "fonts"
    folder.mkdir()
    found = font_manager.findSystemFonts
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda *_: found([str(folder)]))
    return folder


def svg(drawn: Table) -> ElementTree.Element:
    return ElementTree.fromstring(figure_bytes(drawn, "svg"))


def words(root: ElementTree.Element) -> list[str]:
    return [one.text or "" for one in root.iter(f"{SVG}text")]


def boxes(root: ElementTree.Element) -> list[tuple[str, list[float], list[float]]]:
    """Each bar: what the pointer is told, and its corners across and down."""
    found = []
    for group in root.iter(f"{SVG}g"):
        path, title = group.find(f"{SVG}path"), group.find(f"{SVG}title")
        if title is not None and path is not None:
            numbers = [float(one) for one in re.findall(r"-?[\d.]+", path.attrib["d"])]
            found.append((title.text or "", numbers[::2], numbers[1::2]))
    return found


def test_every_word_of_the_svg_is_there_in_korean_and_in_a_font_that_has_it() -> None:
    root = svg(table("구름 5.8b", "KoAlpaca <12.8b> & $친구$"))
    for expected in (
        "이해 가능성",
        "전반적인 품질",
        "구름 5.8b (n = 30)",
        "KoAlpaca <12.8b> & $친구$ (n = 30)",
        "0",
        "100",
    ):
        assert expected in words(root)
    for text in root.iter(f"{SVG}text"):
        assert "Malgun Gothic" in text.attrib["style"]
        assert "Apple SD Gothic Neo" in text.attrib["style"]


def test_many_long_names_take_lines_of_their_own_and_none_leaves_the_picture() -> None:
    names = [f"아주 긴 이름의 모델 {number} demo-kullm+mine-{number}" for number in range(9)]
    root = svg(table(*names))
    keys = [one for one in root.iter(f"{SVG}text") if (one.text or "").removesuffix(" (n = 30)") in names]
    assert len(keys) == 9
    heights = {place_of(one)[1] for one in keys}
    assert len(heights) > 2
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    for _, across, down in boxes(root):
        assert min(down) > max(heights)
        assert min(across) >= 0
        assert max(across) <= width
        assert max(down) <= height


def place_of(text: ElementTree.Element) -> tuple[float, float]:
    found = re.search(r"translate\(([-\d.]+) ([-\d.]+)\)", text.attrib.get("transform", ""))
    return (float(found[1]), float(found[2])) if found else (float(text.attrib["x"]), float(text.attrib["y"]))


def test_a_name_longer_than_the_picture_is_shortened() -> None:
    (key,) = [one for one in words(svg(table("가" * 200))) if one.endswith("(n = 30)")]
    assert "…" in key
    assert len(key) < 90


def test_bars_stand_on_the_papers_scale() -> None:
    root = svg(table("모델"))
    marks = {one.text: place_of(one)[1] for one in root.iter(f"{SVG}text") if one.text in ("0", "100")}
    assert [title for title, _, _ in boxes(root)] == ["모델: 50.0 (n = 30)"] * 6
    for _, _, down in boxes(root):
        assert (max(down) - min(down)) / (marks["0"] - marks["100"]) == pytest.approx(0.5, abs=0.001)


def test_the_same_table_is_the_same_file(hangul_font: Path) -> None:
    for form in ("svg", "png", "pdf"):
        assert drawn(form, hangul_font) == drawn(form, hangul_font)


def drawn(form: Form, font: Path) -> bytes:
    return figure_bytes(table("모델"), form, font=str(font))


def test_a_png_and_a_pdf_are_drawn_in_the_named_font(hangul_font: Path) -> None:
    pixels = image.imread(io.BytesIO(drawn("png", hangul_font)), format="png")
    assert pixels.shape[1] == 1920
    colours = {tuple(round(float(part) * 255) for part in pixel[:3]) for pixel in pixels[::3, ::3].reshape(-1, 4)}
    assert {(255, 255, 255), (0x44, 0x77, 0xAA)} <= colours
    assert drawn("pdf", hangul_font).startswith(b"%PDF")


def test_a_font_of_the_system_is_found_where_systems_keep_them(hangul_font: Path, fonts: Path) -> None:
    (fonts / "NanumGothic.ttf").write_bytes(b"no font at all")
    save_font(fonts / "AAA-latin.ttf", "ABC")
    (fonts / "zzz.ttf").write_bytes(hangul_font.read_bytes())
    assert figure_bytes(table("모델"), "png") == drawn("png", hangul_font)


def test_without_a_font_that_has_hangul_it_says_how_to_get_one_and_an_svg_needs_none(fonts: Path) -> None:
    latin = save_font(fonts / "latin.ttf", "ABC")
    for form in ("png", "pdf"):
        with pytest.raises(UsageError, match="apt install fonts-nanum"):
            figure_bytes(table("모델"), form)
    assert "이해 가능성" in words(svg(table("모델")))
    for bad in (latin, fonts / "not-there.ttf", ROOT / "README.md"):
        with pytest.raises(UsageError, match="한글이 있는 글꼴 파일"):
            drawn("png", bad)


def test_what_matplotlib_keeps_lies_in_our_own_folder(tmp_path: Path) -> None:
    program = """
from evaluator.figure import figure_bytes
from evaluator.report import score_table
from evaluator.verdict import Verdict
from tests.evaluator.test_report import PAPER, evaluation_of
verdict = Verdict("q0", "ok", {one.name: one.high for one in PAPER.criteria})
figure_bytes(score_table(*evaluation_of({"m": [verdict]})), "svg")
"""
    home, ours = tmp_path / "home", tmp_path / "kullm"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name != "MPLCONFIGDIR" and not name.startswith("XDG_")}
    environment = {**kept, "PYTHONPATH": str(ROOT), "HOME": str(home), "KULLM_HOME": str(ours)}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    assert list((ours / "cache" / "matplotlib").iterdir())


def test_without_matplotlib_it_says_in_one_line_what_to_install(tmp_path: Path) -> None:
    program = """
import sys
sys.modules["matplotlib"] = None
from pathlib import Path
from evaluator.export import write_report
from evaluator.figure import figure_bytes
from kullm_tui.core.errors import MissingExtra
from tests.evaluator.test_report import PAPER, evaluation_of
from evaluator.provenance import provenance
from evaluator.report import score_table
from evaluator.verdict import Verdict
from evaluator.verdicts import VerdictStore
one = evaluation_of({"m": [Verdict("q0", "ok", {one.name: one.high for one in PAPER.criteria})]})
try:
    figure_bytes(score_table(*one), "svg")
except MissingExtra as error:
    print(error)
with VerdictStore() as store:
    report = write_report(Path("report"), *one, {}, provenance(one[0], store, 1))
print(report.without_figure, [file.name for file in report.files])
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "KULLM_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.stdout.count("[plot]'") == 2, done.stderr
    assert "'table.md'" in done.stdout
    assert "figure.svg" not in done.stdout


def test_a_font_is_known_by_its_glyphs_not_by_its_name(hangul_font: Path, tmp_path: Path) -> None:
    latin = save_font(tmp_path / "NotoSansKR-Regular.ttf", "ABC")
    assert has_hangul(hangul_font)
    assert not has_hangul(latin)
