"""A report as Markdown."""

from collections.abc import Iterator

from evaluator.report import markdown_table
from kullm_tui.core.text import terminal_safe
from kullm_tui.studies.document import Block, Document, Figure, Notes, Plain, Table


def markdown(document: Document) -> str:
    lines = [f"# {document.title}", ""]
    for paragraph in document.lead:
        lines += [paragraph, ""]
    for section in document.sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return terminal_safe("\n".join(lines).rstrip() + "\n")


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, str):
        yield block
    elif isinstance(block, Table):
        yield from [f"**{block.title}**", ""] if block.title else []
        yield from markdown_table([block.head, *block.rows])
    elif isinstance(block, Figure):
        yield from [f"**{block.title}**", "", *_fenced("\n".join(block.rows))]
    elif isinstance(block, Plain):
        yield from _fenced(block.text)
    elif isinstance(block, Notes):
        yield from (f"- {item}" for item in block.items)


def _fenced(text: str) -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence, text.rstrip("\n"), fence]
