"""Text as it is compared: case, spacing and punctuation make no difference."""

import re

from data.row import Row

_SIGNS = re.compile(r"[\W_]+")


def folded(text: str) -> str:
    return _SIGNS.sub("", text.casefold())


def plain(text: str) -> str:
    """To tell whether two texts say the same: folded, and as it is where it is nothing but signs."""
    return folded(text) or text.strip()


def folded_row(row: Row) -> str:
    return folded("\n".join(row.texts))
