"""A report's tables as LaTeX, for a paper of one's own: booktabs, one table after the other; Hangul needs XeLaTeX or LuaLaTeX with kotex."""

from collections.abc import Iterator, Sequence

from kullm_tui.studies.document import Document, Table

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
        "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "−": "$-$", "–": "--", "·": r"$\cdot$",
    }
)  # fmt: skip


def latex(document: Document) -> str:
    tables = [block for section in document.sections for block in section.blocks if isinstance(block, Table)]
    return "% \\usepackage{booktabs,kotex}\n" + "\n".join(line for one in tables for line in _table(one)) + "\n"


def _table(table: Table) -> Iterator[str]:
    yield from (r"\begin{table}", r"\centering", r"\small")
    yield rf"\begin{{tabular}}{{l{'r' * (len(table.head) - 1)}}}"
    yield from (r"\toprule", _line(table.head), r"\midrule")
    yield from map(_line, table.rows)
    yield from (r"\bottomrule", r"\end{tabular}")
    if table.title:
        yield rf"\caption{{{escaped(table.title)}}}"
    yield from (r"\end{table}", "")


def _line(cells: Sequence[str]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"


def escaped(text: str) -> str:
    return " ".join(text.split()).translate(_SPECIAL)
