"""Texts as people send them to a model, made at random: language with code, addresses, formulas, tables and tags in it."""

import hashlib
import re

from hypothesis import strategies as st

WORDS = (
    "list",
    "the",
    "value",
    "Please",
    "sort",
    "with",
    "naïve",
    "café",
    "and",
    "e.g.",
    "isn't",
    "A",
    "5",
    "$5",
    "R&D",
    "x<y",
)
INLINE = (
    "`sorted(x)`", "``a`b``", "https://a.example/x_(y)?q=1&r=2", "me@example.org", "$x^2 + y$", "\\(a \\le b\\)", "<b>", "</b>",
    "<br/>", '<a href="https://b.example/?a=1&b=2">', "</a>", "<name>", "\\frac{a}{b}", "`<x id=\"0\"/>`", "<!-- note -->",
    "\x00", "\x1f\U000f0000", "\x1c", "\U000f0001", "`", "$", "```one line```", "<code>a b</code>",
)  # fmt: skip
BLOCKS = (
    "```python\nprint('hello there')\n\n# a comment\n```", "~~~\nfenced by tildes\n~~~", "````md\n```\ninner fence\n```\n````",
    "    indented code of four blanks\n    and more", "| name | value |\n|---|:-:|\n| first | 1 |\n| second | 2 |",
    "$$\n\\int_0^1 f(x) dx\n$$", "\\[ a + b \\]", "<pre>\nkept as it is\n</pre>", "https://alone.example/path", "---", "```\nnever closed",
    "\\begin{align}\na &= b\n\\end{align}", "> quoted words here", "# A heading of it", "- an item\n  - another item\n1. first of all",
)  # fmt: skip

_sentence = st.builds(
    lambda words, end: " ".join(words) + end,
    st.lists(st.sampled_from(WORDS + INLINE), min_size=1, max_size=9),
    st.sampled_from([".", "?", ":", "", "!", " ..."]),
)
_paragraph = st.lists(_sentence, min_size=1, max_size=4).map(" ".join)
_block = st.one_of(_paragraph, st.sampled_from(BLOCKS), st.text(max_size=30))
texts = st.builds(
    lambda parts, gaps: "".join(part + gap for part, gap in zip(parts, gaps, strict=False)),
    st.lists(_block, min_size=1, max_size=6),
    st.lists(st.sampled_from(["\n", "\n\n", "\r\n", " ", "\n\n\n"]), min_size=6, max_size=6),
)

_RUN = re.compile(r"[A-Za-zÀ-ÿ]+")


def in_korean(text: str) -> str:
    """Every word as Hangul of its own, everything else as it is: as good as a translation for whoever looks at the form."""
    return _RUN.sub(_hangul, text)


def _hangul(match: re.Match[str]) -> str:
    digest = hashlib.sha256(match[0].encode()).digest()
    return "".join(chr(0xAC00 + 588 * (byte % 19) + 28 * (byte % 21)) for byte in digest[: 1 + len(match[0]) // 3])
