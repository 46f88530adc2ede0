"""A report in a real browser: readable on a phone and on a desk, whatever stands in it, and nothing is asked of the network."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kullm_tui.studies.document import Document, Figure, Notes, Plain, Section, Table
from kullm_tui.studies.report_html import html
from tests.chromium import Chromium, chromium
from tests.studies.looked_at import DESK, PHONE, faults

pytestmark = pytest.mark.browser

_OUTSIDE = '<img src="https://outside.example/picture.png">'
_LONG = "https://example.org/" + "아주-긴-주소-" * 20
_MODELS = ("demo-base", "polite-short", "5.8b · dolly-sharegpt", f"{_OUTSIDE}{'x' * 120}")
_CRITERIA = ("이해 가능성", "자연스러움", "맥락 유지", "흥미로움", "지시어 사용", "전반적인 품질")


@pytest.fixture(scope="module")
def browser() -> Iterator[Chromium]:
    with chromium() as one:
        yield one


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every kind of block, with what is hardest on its width."""
    monkeypatch.setenv("KULLM_LANG", "ko")
    scores = Table(["모델", *_CRITERIA, "n"], [[name, *["0.984 [0.958, 0.996]"] * 6, "252/252"] for name in _MODELS], "표 1")  # fmt: skip
    pairs = Table(["쌍", "차이", "p"], [[f"{a} − {b}", "+0.700 [+0.531, +0.812]", "0.000"] for a in _MODELS for b in _MODELS])  # fmt: skip
    words = Table(["모델", "답"], [[name, f"서울이에요. {_OUTSIDE} {_LONG}"] for name in _MODELS], _LONG, is_words=True)
    stages = Table(["단계", "키", "걸린 시간", "끝난 때", "명령"], [["training/demo/polite", "0123456789ab", "12분", "2026-11-29 14:00", f"kullm train demo-kullm --set data.source=/home/user/{'x' * 80}"]], is_words=True)  # fmt: skip
    blocks = (scores, pairs, words, stages, Notes([_OUTSIDE, _LONG]), Plain(f"{_LONG}\n{_OUTSIDE}"), Figure("그림", ["▇" * 90]), _LONG)  # fmt: skip
    file = tmp_path / "report.html"
    file.write_text(html(Document(_LONG, [_OUTSIDE], [Section("점수", blocks)])), encoding="utf-8")
    return file


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_every_block_is_readable_whatever_stands_in_it(browser: Chromium, page: Path, width: int) -> None:
    assert faults(browser, page, width) == []


@pytest.mark.parametrize(
    ("width", "styled", "otherwise", "fault"),
    [
        (PHONE, "word-break: keep-all; overflow-wrap: anywhere;", "white-space: nowrap;", "the page is"),
        (PHONE, "overflow-wrap: anywhere;", "", "cut off"),
        (PHONE, "width: 100%; font-size: .92rem;", "width: 100%; font-size: .6rem;", "too small"),
        (DESK, "th, td { padding: .4rem .6rem;", "td { max-width: 3em; overflow: hidden; } th, td { padding: .4rem .6rem;", "over its cell"),
        (DESK, "width: 100%; min-width: 14em; }", "width: 100%; } table.words td:first-child { white-space: nowrap; }", "letter under letter"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_seen(
    browser: Chromium, page: Path, width: int, styled: str, otherwise: str, fault: str
) -> None:
    text = page.read_text(encoding="utf-8")
    assert styled in text
    page.write_text(text.replace(styled, otherwise), encoding="utf-8")

    assert any(one.startswith(fault) for one in faults(browser, page, width))


def test_nothing_leaves_a_report_and_what_would_leave_a_page_is_noted(browser: Chromium, page: Path) -> None:
    browser.open(page, width=DESK)
    assert browser.requests == [page.as_uri()]
    assert browser.left == []

    other = page.with_name("other.html")
    other.write_text(f"<!doctype html><title>other</title>{_OUTSIDE}", encoding="utf-8")
    browser.open(other, width=DESK)
    assert browser.requests == [other.as_uri(), "https://outside.example/picture.png"]
    assert browser.left == ["outside.example"]
