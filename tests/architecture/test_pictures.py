"""The pictures of the README and the guides: each is there, is shown somewhere, and asks no other server for anything."""

import re

from tests.architecture.project import ROOT

_SHOWN = re.compile(r"!\[[^\]]+\]\(([^)]+\.svg)\)")


def test_every_picture_is_shown_and_is_whole_in_itself() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    shown = {
        (page.parent / name).resolve() for page in pages for name in _SHOWN.findall(page.read_text(encoding="utf-8"))
    }
    assert shown == {file.resolve() for file in (ROOT / "docs" / "pictures").iterdir()} != set()
    for file in shown:
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/", "")
        assert "://" not in text
