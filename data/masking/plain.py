"""Text without what is no language, for whoever counts letters; and the tokens of it that a translation must bring back."""

import re
from collections.abc import Iterator

# A fence that is never closed goes on to the end, as in CommonMark.
_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[^\n]*(?:\n.*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)|\Z)", re.MULTILINE | re.DOTALL)
_TOKEN = re.compile(
    r"(?P<ticks>`{1,2})(?=[^`\n]).{0,500}?[^`\n](?P=ticks)(?!`)"
    r"|\b(?:https?|ftp)://[^\s<>\"'가-힣]+|\bwww\.[^\s<>\"'가-힣]+"
    r"|\$\$[^$]{1,2000}\$\$|\$(?=\S)[^$\n가-힣]{1,200}(?<=\S)\$(?!\d)"
    r"|\\\((?:[^\n]{0,500}?)\\\)|\\\[.{0,2000}?\\\]",
    re.DOTALL,
)
_TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,300}>|<!--.{0,2000}?-->", re.DOTALL)


_MAY_HOLD_ANY = re.compile(r"[`~$\\<]|://|www\.")


def parts(text: str) -> Iterator[tuple[str, bool]]:
    """The text in order, cut at its code fences; whether a part is one."""
    at = 0
    if "```" not in text and "~~~" not in text:
        yield text, False
        return
    for fence in _FENCE.finditer(text):
        yield text[at : fence.start()], False
        yield fence[0], True
        at = fence.end()
    yield text[at:], False


def without_code(text: str) -> str:
    """A blank stands where code, an address, a formula or a tag was, so that words on either side stay two."""
    if not _MAY_HOLD_ANY.search(text):
        return text
    prose = "\n".join(part for part, is_code in parts(text) if not is_code)
    return _TAG.sub(" ", _TOKEN.sub(" ", prose))


def tokens(line: str) -> list[str]:
    """Inline code, addresses and formulas, as they stand."""
    if not _MAY_HOLD_ANY.search(line):
        return []
    return [token[0].rstrip(".,;:!?)") for token in _TOKEN.finditer(line)]
