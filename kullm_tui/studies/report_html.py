"""A report as one HTML file without outside parts: no script, no font, no address that is loaded; the policy in its head forbids them."""

import re
from collections.abc import Iterator
from html import escape

from kullm_tui.core.language import say
from kullm_tui.core.text import terminal_safe
from kullm_tui.studies.document import Block, Document, Figure, Notes, Plain, Table

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_WIDE = 5  # columns from which on a row is a card on a phone
_INTERVAL = re.compile(r"\[[^\]]*\]")
_UNBROKEN = "\u00a0"
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --quiet: #5b6573; --line: #d9dee5; --ground: #ffffff; --tint: #f4f6f9; --accent: #2f6db5; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --quiet: #9aa5b4; --line: #36404d; --ground: #14181e; --tint: #1d232b; --accent: #7fb0ea; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); line-height: 1.65; word-break: keep-all; overflow-wrap: anywhere;
  font-family: system-ui, "Apple SD Gothic Neo", "Noto Sans KR", "Noto Sans CJK KR", "Malgun Gothic", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 5rem; }
h1 { font-size: 1.7rem; line-height: 1.3; margin: 0 0 .75rem; }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
p { margin: .5rem 0; }
.lead { color: var(--quiet); }
figure { margin: 1.25rem 0; overflow-x: auto; }
figcaption, caption { color: var(--quiet); font-size: .92rem; text-align: left; padding-bottom: .4rem; }
figure svg { width: 100%; height: auto; background: #ffffff; border-radius: 6px; }
.table { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .4rem .6rem; text-align: right; border-bottom: 1px solid var(--line); vertical-align: top; }
th:first-child, td:first-child { text-align: left; min-width: 8em; }
th { font-weight: 600; color: var(--quiet); border-bottom-width: 2px; overflow-wrap: normal; }
td:first-child { font-weight: 600; }
table:not(.words) td:not(:first-child) { overflow-wrap: normal; }
table:not(.words, .wide) td:not(:first-child) { white-space: nowrap; }
table.words td, table.words th { text-align: left; }
table.words td:first-child { min-width: 12em; }
table.words td:not(:first-child, :last-child), table.words th { white-space: nowrap; }
table.words td:last-child { width: 100%; min-width: 14em; }
pre { background: var(--tint); padding: .8rem 1rem; border-radius: 6px; overflow-x: auto; font-size: .82rem; line-height: 1.45;
  font-family: ui-monospace, "D2Coding", "Noto Sans Mono CJK KR", monospace; }
li { margin: .25rem 0; }
.aside { display: none; }
@media (max-width: 40rem) {
  main { padding: 1.25rem 1rem 3rem; }
  th, td { padding: .4rem .3rem; }
  table:not(.words, .wide) td:not(:first-child) { white-space: normal; }
  table.words td:first-child { min-width: 6em; }
  figure svg { min-width: 36rem; }
  figcaption { position: sticky; left: 0; }
  .aside { display: inline; }
  section > pre { white-space: pre-wrap; }
  table.wide thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table.wide tr { display: block; border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; padding: .4rem .7rem; }
  table.wide td, table.wide.words td { min-width: 0; }
  table.wide td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .18rem 0; }
  table.wide td:first-child { font-size: 1rem; }
  table.wide td:not(:first-child)::before { content: attr(data-of); color: var(--quiet); font-weight: 400; }
  table.words td:not(:first-child, :last-child) { white-space: normal; }
  table.wide.words td:not(:first-child) { display: block; }
  table.wide.words td:not(:first-child)::before { display: block; }
}
@media print { h2 { break-after: avoid; } tr { break-inside: avoid; } }
"""


def html(document: Document) -> str:
    parts = [
        "<!doctype html>",
        f'<html lang="{say("ko", "en")}">',
        '<head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(document.title)}</title><style>{_STYLE}</style></head>",
        f"<body><main><h1>{_text(document.title)}</h1>",
        *(f'<p class="lead">{_text(one)}</p>' for one in document.lead),
    ]
    for section in document.sections:
        parts += [f"<section><h2>{_text(section.title)}</h2>", *(_block(one) for one in section.blocks), "</section>"]
    return "\n".join([*parts, "</main></body></html>", ""])


def _block(block: Block) -> str:
    if isinstance(block, Table):
        return "\n".join(_table(block))
    if isinstance(block, Figure):
        return _figure(block)
    if isinstance(block, Plain):
        return f"<pre>{_text(block.text)}</pre>"
    if isinstance(block, Notes):
        return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in block.items) + "</ul>"
    return f"<p>{_text(block)}</p>"


def _table(table: Table) -> Iterator[str]:
    kinds = ["wide"] if len(table.head) >= _WIDE else []
    kinds += ["words"] if table.is_words else []
    yield f'<div class="table"><table class="{" ".join(kinds)}">'
    if table.title:
        yield f"<caption>{_text(table.title)}</caption>"
    yield "<thead><tr>" + "".join(f'<th scope="col">{_text(one)}</th>' for one in table.head) + "</tr></thead><tbody>"
    for row in table.rows:
        cells = zip(table.head, row, strict=True)
        shown = ((name, cell if table.is_words else _of_numbers(cell)) for name, cell in cells)
        yield "<tr>" + "".join(f'<td data-of="{_text(name)}">{_text(cell)}</td>' for name, cell in shown) + "</tr>"
    yield "</tbody></table></div>"


def _of_numbers(cell: str) -> str:
    """An interval stands whole on one line, perhaps the one below its mean."""
    return _INTERVAL.sub(lambda found: found[0].replace(" ", _UNBROKEN), cell)


def _figure(figure: Figure) -> str:
    drawn = _inline(figure.svg) if figure.svg else f"<pre>{_text(chr(10).join(figure.rows))}</pre>"
    aside = say("옆으로 밀면 나머지가 보여요", "swipe for the rest")
    return (
        f'<figure><figcaption>{_text(figure.title)}<span class="aside"> · {aside}</span></figcaption>{drawn}</figure>'
    )


def _inline(svg: bytes) -> str:
    """Without the head of an XML file, whose document type names an address."""
    text = svg.decode()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def _text(text: str) -> str:
    return escape(terminal_safe(text))
