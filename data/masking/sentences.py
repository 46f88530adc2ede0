"""Sentences, cut so that nothing is lost: together they are the text."""

import re
from collections.abc import Iterator

_END = re.compile(r"[.!?…。！？]+[\"'”’)\]*_]*(?:\s+|$)")


def sentences(text: str) -> Iterator[str]:
    """Each with the blanks behind it."""
    at = 0
    for match in _END.finditer(text):
        yield text[at : match.end()]
        at = match.end()
    if at < len(text):
        yield text[at:]
