"""The text of a PDF goes into a question, through the real `pdftotext`; what has none, or cannot be read, is told."""

from pathlib import Path

import pytest

from kullm_tui.core.errors import UsageError
from kullm_tui.ui.dialogs.text_file import read_attachment


def pdf(path: Path, *lines: str) -> Path:
    """As small as one can be, with its table of objects."""
    shown = "".join(f"({line}) Tj 0 -20 Td " for line in lines)
    stream = f"BT /F1 12 Tf 72 720 Td {shown}ET"
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    text, places = "%PDF-1.4\n", list[int]()
    for number, body in enumerate(bodies, 1):
        places.append(len(text))
        text += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer << /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(text)}\n%%EOF\n"
    path.write_text(f"{text}xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n{table}{end}", encoding="ascii")
    return path


def test_its_lines_are_text(tmp_path: Path) -> None:
    found = read_attachment(pdf(tmp_path / "notes.pdf", "The first line", "and the second"))
    assert (found.text, found.encoding) == ("The first line\nand the second", "PDF")
    assert found.fenced == "notes.pdf\n```\nThe first line\nand the second\n```"


def test_one_without_text_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="글이 없는 PDF|has no text"):
        read_attachment(pdf(tmp_path / "scan.pdf"))


def test_one_that_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing of one\n")
    with pytest.raises(UsageError, match=r"broken\.pdf"):
        read_attachment(tmp_path / "broken.pdf")


def test_a_name_is_never_an_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pdf(tmp_path / "-h", "read me")
    assert read_attachment(Path("-h")).text == "read me"


def test_without_the_program_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="poppler"):
        read_attachment(pdf(tmp_path / "notes.pdf", "text"))
